"""Laws of new projects: safe names, nothing replaced, whole or not there, clean as they are."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gantool import scaffold
from gantool.errors import UsageError

KINDS = ("task", "recipe")
NAMES = ("q", "haze", "no-more-haze-2", "a-name-as-long-as-can-be")
UNSAFE = (
    *("", "-", "Haze", "2haze", "haze_2", "haze-", "-haze", "ha--ze", "hazé", "a b", "a/b", ".."),
    *("../haze", "/haze", "$name", "haze\n", "gantool-", "x" * 25),
)
WORDS = ("import", "lambda", "print", "float", "process", "typer", "frame", "generator", "pairs")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_project_is_clean_as_it_is(kind, name, tmp_path):
    pytest.importorskip("ruff")
    folder = scaffold.write(name, kind, tmp_path)
    assert folder == tmp_path / f"gantool-{name}"
    for check in (["format", "--check"], ["check"]):
        command = [sys.executable, "-m", "ruff", *check, "--no-cache", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    package = folder / "src" / f"gantool_{name.replace('-', '_')}"
    assert {file.name for file in package.iterdir()} == {"__init__.py", "py.typed"}
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    (points,) = project["entry-points"].values()
    assert project["name"] == f"gantool-{name}"
    assert points.keys() == {name}
    assert not [file for file in folder.rglob("*") if file.is_file() and "$" in file.read_text()]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_name_is_refused(name, tmp_path):
    with pytest.raises(UsageError, match="no name for a plugin"):
        scaffold.write(name, "task", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WORDS)
def test_word_of_python_or_of_the_template_is_refused(name):
    with pytest.raises(UsageError, match="a word of Python or of the template"):
        scaffold.checked(name)


def test_words_of_a_template_are_those_that_it_binds_or_uses():
    assert {"np", "strength", "changed", "typer", "generator", "level"} <= scaffold.own_words()
    assert not {"photographs", "contrast", "haze"} & scaffold.own_words()


def test_name_may_have_the_prefix_of_its_package(tmp_path):
    assert scaffold.write("gantool-haze", "task", tmp_path).name == "gantool-haze"


def test_name_that_is_taken_is_refused():
    with pytest.raises(UsageError, match="has this name"):
        scaffold.checked("superres", frozenset({"superres"}))


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_what_is_there_is_not_replaced(there, tmp_path):
    path = tmp_path / "gantool-haze"
    {
        "folder": path.mkdir,
        "file": lambda: path.write_text("mine"),
        "dangling link": lambda: path.symlink_to("nowhere"),
    }[there]()
    before = path.lstat()
    with pytest.raises(UsageError, match="there already"):
        scaffold.write("haze", "task", tmp_path)
    assert path.lstat() == before
    assert [each.name for each in tmp_path.iterdir()] == ["gantool-haze"]


def test_project_that_cannot_be_finished_is_not_there(tmp_path, monkeypatch):
    def files(name, kind):
        yield Path("a.txt"), "one"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scaffold, "files", files)
    with pytest.raises(Exception, match="No space"):
        scaffold.write("haze", "task", tmp_path)
    assert list(tmp_path.iterdir()) == []

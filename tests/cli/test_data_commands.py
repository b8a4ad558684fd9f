"""Laws of `gantool data`: what a folder is, what is wrong with it, and pairs made of it."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from gantool.cli.app import start

SPY = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from gantool.cli import main
main()
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def gantool(capfd, tmp_path, monkeypatch):
    """Runs a command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        return Ended(start([str(each) for each in arguments]), *capfd.readouterr())

    return run


@pytest.fixture
def cats(tmp_path) -> Path:
    """A folder of three pictures of 90×70."""
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 256, (70, 90, 3), np.uint8)
        path = tmp_path / "cats" / f"{seed}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noise).save(path)
    return tmp_path / "cats"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def last(text: str) -> str:
    return text.splitlines()[-1]


def test_a_good_folder_is_told_with_the_commands_that_train_on_it(gantool, cats):
    ended = gantool("data", "check", "cats/")
    assert ended.code == 0
    first, second, *commands = ended.out.splitlines()
    assert first == "cats: pictures of one kind"
    assert second.split() == ["train", "pictures", "3", "90×70"]
    assert commands[0] == "to train on it:"
    assert "  gantool train superres-fidelity cats" in commands
    assert any(line.startswith("  gantool train pix2pix cats --") for line in commands)
    assert ended.err == ""


def test_a_command_to_copy_survives_a_name_with_spaces(gantool, cats):
    cats.rename(cats.with_name("my cats"))
    assert "gantool train superres-fidelity 'my cats'\n" in gantool("data", "check", "my cats").out


def test_pairs_of_real_maps_are_for_pix2pix_alone(gantool, data):
    ended = gantool("data", "check", data / "maps")
    assert ended.code == 0
    assert ended.out.splitlines()[2].split() == ["test", "pairs", "20", "512×256", "in", "heldout/"]
    assert ended.out.endswith(f"to train on it:\n  gantool train pix2pix {data / 'maps'}\n")


def test_pictures_that_cannot_be_read_are_named_and_end_with_1(gantool, cats):
    cut(cats / "1.png")
    ended = gantool("data", "check", "cats")
    assert ended.code == 1
    assert "  cats/1.png: " in ended.out
    assert last(ended.err).startswith("cats: 1 picture cannot be read: ")


def test_what_cannot_be_trained_on_ends_with_2_and_one_line(gantool, cats):
    gantool("data", "pairs", "cats", "--from", "grey")
    (cats.with_name("cats-grey") / "A" / "1.png").unlink()
    ended = gantool("data", "check", "cats-grey")
    assert ended.code == 2
    assert "cats-grey/B/1.png: no picture of that name in A/" in ended.out
    assert ended.err.startswith("gantool: cats-grey: not ready to train on: cats-grey/B/1.png")
    assert ended.err.count("\n") == 1
    assert "gantool train" not in ended.out


@pytest.mark.parametrize("folder", ["nowhere", "empty", "cats/1.png"])
def test_a_folder_without_a_layout_is_refused_in_one_line(gantool, cats, folder):
    cats.with_name("empty").mkdir()
    ended = gantool("data", "check", folder)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"gantool: {folder}: no ")


def test_a_layout_without_an_installed_recipe_is_told(gantool, cats, monkeypatch):
    monkeypatch.setattr("gantool.cli.data.api.recipe_notes", _no_notes)
    ended = gantool("data", "check", "cats")
    assert (ended.code, last(ended.out)) == (0, "  no recipe for this layout is installed")


def _no_notes(name: str) -> None:
    from gantool.errors import PluginError

    raise PluginError(name)


@pytest.mark.parametrize(
    ("said", "layout"),
    [
        ("pairs", "pairs"),
        ("a folder of photos", "plain"),
        ("two folders of pictures, unpaired", "unpaired"),
        ("unpaired photos in two folders", "unpaired"),
        ("a folder of pictures per class", "classes"),
        ("tables of numbers", ""),
    ],
)
def test_recipes_say_in_words_what_they_train_on(said, layout):
    from gantool.cli.data import _needed

    assert _needed(said) == layout


def test_pairs_are_made_checked_and_ready_to_train_on(gantool, cats):
    ended = gantool("data", "pairs", "cats/", "--from", "edges", "-o", "edges2cats/")
    assert (ended.code, ended.out) == (0, "edges2cats\n")
    assert last(ended.err).startswith("3 pairs · ")
    assert last(ended.err).endswith("train on it: gantool train pix2pix edges2cats")
    ended = gantool("data", "check", "edges2cats")
    assert ended.code == 0
    assert ended.out.startswith("edges2cats: pairs in two folders, by equal names\n")


def test_pairs_lie_beside_the_folder_unless_told(gantool, cats, monkeypatch):
    assert gantool("data", "pairs", "cats", "--from", "grey", "-q").out == "cats-grey\n"
    monkeypatch.chdir(cats)
    assert gantool("data", "pairs", ".", "--from", "lowres").code == 0
    assert cats.with_name("cats-lowres").is_dir()


def test_a_bad_picture_is_named_and_the_rest_made(gantool, cats):
    cut(cats / "1.png")
    ended = gantool("data", "pairs", "cats", "--from", "grey")
    assert ended.code == 1
    assert ended.err.startswith("failed cats/1.png: ")
    assert "2 pairs · " in ended.err
    assert "1 failed" in last(ended.err)


def test_nothing_made_is_no_result(gantool, cats):
    for path in cats.iterdir():
        cut(path)
    ended = gantool("data", "pairs", "cats", "--from", "grey")
    assert (ended.code, ended.out) == (1, "")
    assert "train on it" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cats"], "edges"),
        (["cats", "--from", "edge"], "grey"),
        (["cats", "--from", "grey", "-o", "cats/pairs"], "choose a place outside"),
        (["nowhere", "--from", "grey"], "no such folder"),
        (["used", "--from", "grey"], "no picture"),
        (["cats", "--from", "grey", "-o", "used"], "--overwrite"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(gantool, cats, arguments, said):
    used = cats.with_name("used")
    used.mkdir()
    (used / "notes.txt").touch()
    before = sorted(cats.parent.rglob("*"))
    ended = gantool("data", "pairs", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert sorted(cats.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments", [["check", "cats"], ["pairs", "cats", "--from", "edges"]], ids=" ".join
)
def test_the_commands_work_without_torch(cats, arguments):
    command = [sys.executable, "-c", SPY, "data", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cats.parent)
    modules = {name.split(".")[0] for name in last(done.stderr).split()}
    assert "cv2" in modules
    assert not modules & {"torch", "safetensors", "onnxruntime", "onnx"}


def test_help_loads_nothing_heavy():
    command = [sys.executable, "-c", SPY, "data", "pairs", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = {name.split(".")[0] for name in last(done.stderr).split()}
    assert not modules & {"torch", "onnxruntime", "onnx", "cv2", "PIL", "numpy"}
    assert "OUT/A/NAME.png" in done.stdout

"""Law: docs/writing-a-plugin.md leads from nothing to a package, command by command."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gantool import scaffold
from gantool.testing.command_line import isolated
from gantool.testing.pictures import write_odd

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
EXAMPLE = ROOT / "docs" / "example-plugin"
SOURCE = Path("src/gantool_haze/__init__.py")
FIRST = PAGE.split("\n## ")[1]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
"""The last one means that there is none: it names the option that has a `no` in it."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def edited(source: str) -> str:
    """A new project's source with the page's own `changed` in it."""
    (function,) = blocks(FIRST, "python")
    return re.sub(r"def changed.*?\n(?=\n\n@)", lambda _: function, source, flags=re.DOTALL)


def without_docstrings(source: str) -> str:
    return re.sub(r'""".*?"""', "", source)


def test_the_way_from_nothing_to_photographs_has_under_ten_commands():
    commands = [line for block in blocks(FIRST, "sh") for line in block.splitlines()]
    assert 5 < len(commands) < 10


def test_example_is_what_new_writes_with_the_function_of_the_page():
    new = {str(path): text for path, text in scaffold.files("haze", "task")}
    is_made = re.compile(r"__pycache__|\.\w+_cache|\.egg-info")
    files = [file for file in EXAMPLE.rglob("*") if file.is_file()]
    there = {
        str(file.relative_to(EXAMPLE)): file.read_text()
        for file in files
        if not is_made.search(str(file))
    }
    source = there.pop(str(SOURCE))
    assert without_docstrings(source) == without_docstrings(edited(new.pop(str(SOURCE))))
    assert there == new


def test_example_is_installed_and_runs(tmp_path, monkeypatch):
    pytest.importorskip("pip")
    pytest.importorskip("hatchling")
    project = shutil.copytree(EXAMPLE, tmp_path / "project")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path / "site")]
    env = {**os.environ, **OFFLINE}
    subprocess.run([*pip, str(project)], check=True, capture_output=True, env=env)
    monkeypatch.syspath_prepend(tmp_path / "site")
    gantool = isolated(tmp_path / "home", tmp_path)
    write_odd(tmp_path / "photos")
    ended = gantool("haze", "photos/", "--strength", "0.8")
    assert ended.returncode == 0, ended.stderr
    assert {Path(line).parent.name for line in ended.stdout.splitlines()} == {"photos-haze-0.8"}
    checked = gantool("plugins", "check", "gantool-haze")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The variables of an environment with gantool's wheel, and tools of the one of these tests."""
    for module in ("pip", "hatchling", "mypy"):
        pytest.importorskip(module)
    venv = tmp_path_factory.mktemp("newcomer") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python, (site,) = venv / "bin" / "python", venv.glob("lib/*/site-packages")
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (site / "tools.pth").write_text("".join(f"{path}\n" for path in theirs))
    (venv / "bin" / "ruff").symlink_to(pytest.importorskip("ruff").find_ruff_bin())
    for tool in ("pip", "pytest", "mypy"):
        (venv / "bin" / tool).write_text(f'#!/bin/sh\nexec {python} -m {tool} "$@"\n')
        (venv / "bin" / tool).chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    kept.pop("MYPYPATH", None)
    path = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    env = {**kept, **OFFLINE, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = ["pip", "install", "--quiet", "--force-reinstall", "--target", str(site), str(ROOT)]
    subprocess.run([str(venv / "bin" / install[0]), *install[1:]], check=True, env=env)
    script = f"#!{python}\nfrom gantool.cli import main\nmain()\n"
    (venv / "bin" / "gantool").write_text(script)
    (venv / "bin" / "gantool").chmod(0o755)
    return env


def shell(script: str, folder: Path, env: dict[str, str]) -> str:
    """stdout of the commands, each of which must succeed."""
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_newcomers_way_as_it_is_written(environment, tmp_path):
    write_odd(tmp_path / "photos")
    begun, tried = blocks(FIRST, "sh")
    shell(begun, tmp_path, environment)
    project = tmp_path / "gantool-haze"
    (project / SOURCE).write_text(edited((project / SOURCE).read_text()))
    out = shell(tried, project, environment)
    assert "../photos-haze-0.8/deep.tif" in out
    assert "BROKEN" not in out
    assert "4 passed" in out
    assert "Success: no issues found" in out
    shell("pip wheel --quiet -w dist .", project, environment)
    (wheel,) = (project / "dist").glob("gantool_haze-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"gantool_haze/__init__.py", "gantool_haze/py.typed"} <= set(names)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["task", "recipe"])
def test_new_project_passes_its_tests_and_lints_as_it_is(kind, environment, tmp_path):
    if kind == "recipe":
        pytest.importorskip("torch")
    shell(f"gantool plugins new new-{kind} --{kind}", tmp_path, environment)
    checks = "pytest\nruff check .\nruff format --check .\nmypy\ngantool plugins check ."
    script = f"pip install --quiet -e '.[dev]'\n{checks}"
    assert "Success: no issues found" in shell(
        script, tmp_path / f"gantool-new-{kind}", environment
    )

"""Laws of strangers' plugins: installed, they are as good as ours; broken, they hurt nobody."""

import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import models
from gantool import plugin_manager
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "gantool-{task}"
version = "2.1"

[project.entry-points.gantool]
{task} = "gantool_{task}"

[tool.hatch.build.targets.wheel]
only-include = ["gantool_{task}.py", "{task}.onnx"]
"""
HAZE = '''
from pathlib import Path
from gantool import Frame, Model, Pipeline, Predict, hookimpl

def haze(*, strength: float = 1.0) -> Pipeline:
    """Take the haze out of photographs."""

    def process(frame: Frame, predict: Predict) -> Frame:
        clear = predict(frame)
        return (frame + strength * (clear.astype(float) - frame)).round().astype(frame.dtype)

    return Pipeline(models=("haze/outdoor",), process=process, label=f"{strength:g}")

@hookimpl
def gantool_tasks():
    return [haze]

@hookimpl
def gantool_models():
    file = Path(__file__).with_name("haze.onnx")
    return [Model("haze/outdoor", "haze", str(file), "", "MIT", "for the open air")]
'''
FOG = "import a_module_that_is_not_there"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder of packages with two plugins that pip has installed: haze works, fog is broken."""
    pytest.importorskip("pip")
    pytest.importorskip("hatchling")
    site = tmp_path_factory.mktemp("site")
    projects = []
    for task, source in [("haze", HAZE), ("fog", FOG)]:
        project = tmp_path_factory.mktemp(task)
        (project / "pyproject.toml").write_text(PROJECT.format(task=task))
        (project / f"gantool_{task}.py").write_text(source)
        models.wide_blur(project / f"{task}.onnx", radius=1)
        projects.append(str(project))
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-build-isolation"]
    options = ["--no-deps", "--disable-pip-version-check", "--quiet", "--target", str(site)]
    subprocess.run([*pip, *options, *projects], check=True, capture_output=True)
    return site


@pytest.fixture
def photo(tmp_path, monkeypatch) -> np.ndarray:
    """`a.png` in the current folder."""
    monkeypatch.chdir(tmp_path)
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_image(Path("a.png"), frame, Carry())
    return frame


@pytest.fixture
def gantool(site):
    """Runs a command line in a process that sees the two plugins."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gantool", *arguments]
        path = os.pathsep.join([str(site), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=env)

    return run


def test_installed_plugin_is_listed_like_ours_and_the_broken_one_is_named(gantool):
    helped, listed = gantool("--help"), gantool("plugins", "list")
    assert (helped.returncode, listed.returncode) == (0, 0)
    assert "Take the haze out of photographs." in helped.stdout
    assert "superres" in helped.stdout
    rows = {row.split()[0]: " ".join(row.split()) for row in listed.stdout.splitlines()}
    assert re.fullmatch(r"haze gantool-haze 2.1 haze 1 \d+ ms works", rows["haze"])
    assert "off: ModuleNotFoundError" in rows["fog"]
    for ended in (helped, listed):
        (line,) = ended.stderr.splitlines()
        assert line.startswith("gantool: plugin fog (gantool-fog 2.1) is off: ModuleNotFoundError")


def test_installed_plugin_runs_with_its_own_option_and_model(gantool, photo):
    ended = gantool("haze", "a.png", "--strength", "0.5", "--device", "cpu")
    assert (ended.returncode, ended.stdout) == (0, "a-haze-0.5.png\n")
    mixed = read_image(Path("a-haze-0.5.png"))[0]
    assert gantool("haze", "a.png").stdout == "a-haze-1.png\n"
    clear = read_image(Path("a-haze-1.png"))[0].astype(float)
    assert np.abs(mixed - (photo + clear) / 2).max() <= 0.5
    assert np.abs(clear - photo).max() > 10


def test_task_of_a_broken_plugin_is_no_misspelling(gantool, photo):
    ended = gantool("fog", "a.png")
    assert (ended.returncode, ended.stdout) == (6, "")
    assert "fog: its plugin is broken: ModuleNotFoundError" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert gantool("superres", "a.png").stdout == "a-superres-x4.png\n"


@pytest.fixture
def haze(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process, where a plugin of this source brings the task haze."""
    entries = plugin_manager._entries
    source = "from gantool import Pipeline, hookimpl\n{}\n@hookimpl\ndef gantool_tasks():\n"
    mine = EntryPoint("haze", "plug_haze", "gantool")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugin_manager, "_entries", lambda group: [*entries(group), mine])
    plugin_manager.load.cache_clear()

    def run(task: str, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "plug_haze.py").write_text(source.format(task) + "    return [haze]\n")
        capfd.readouterr()
        return start(list(arguments)), *capfd.readouterr()

    yield run
    plugin_manager.load.cache_clear()
    sys.modules.pop("plug_haze", None)


@pytest.mark.parametrize(
    "task",
    [
        "def haze(quiet: bool = False): ...",
        "def haze(much: 'NoSuchType' = 1): ...",
        "def haze(much: 'int | str' = 1): ...",
        "def haze(much: float = 1, /): ...",
    ],
    ids=["option of every command", "unknown type", "two types", "option without a name"],
)
def test_task_that_cannot_be_a_command_switches_off_its_plugin_only(task, haze, photo):
    code, out, err = haze(task, "superres", "a.png")
    assert (code, out) == (0, "a-superres-x4.png\n")
    assert "haze" in err.splitlines()[0]


@pytest.mark.parametrize(
    "body",
    ["raise ValueError('thick')", "return None", "return Pipeline((), lambda f: f, label='a/b')"],
)
def test_task_that_fails_is_one_line_that_names_it(body, haze, photo):
    code, out, err = haze(f"def haze():\n    {body}", "haze", "a.png")
    assert (code, out, err.count("\n")) == (6, "", 1)
    assert err.startswith("gantool: haze: ")


def test_task_needs_no_model(haze, photo):
    task = "def haze():\n    return Pipeline((), lambda frame: 255 - frame)"
    assert haze(task, "haze", "a.png")[:2] == (0, "a-haze.png\n")
    assert (read_image(Path("a-haze.png"))[0] == 255 - photo).all()

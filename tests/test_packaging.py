"""Laws of the distribution: every plugin is in the wheel and under the same checks."""

import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLUGINS = sorted(each.parent.name for each in (ROOT / "plugins").glob("*/__init__.py"))
POINTS = {
    f"{group}/{name}": EntryPoint(name, value, group)
    for group, entries in SETTINGS["project"]["entry-points"].items()
    for name, value in entries.items()
}
TOOLS = SETTINGS["tool"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built without a network."""
    pytest.importorskip("hatchling")
    into = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = into.iterdir()
    return zipfile.ZipFile(file)


def test_there_are_plugins():
    assert "gantool_superres" in PLUGINS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_is_packed_and_checked(plugin):
    packed = TOOLS["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert f"plugins/{plugin}" in packed
    assert plugin in TOOLS["importlinter"]["root_packages"]
    assert plugin in TOOLS["mypy"]["packages"]
    assert plugin in {point.module.split(".")[0] for point in POINTS.values()}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_is_held_to_the_rules_of_plugins(plugin):
    contracts = {each["name"]: each for each in TOOLS["importlinter"]["contracts"]}
    assert plugin in contracts["the core does not know its plugins"]["forbidden_modules"]
    face = contracts["plugins use the public face, recipes the training room"]
    assert plugin in face["source_modules"]


def test_every_room_is_in_the_layers():
    (layers,) = (each["layers"] for each in TOOLS["importlinter"]["contracts"] if "layers" in each)
    rooms = {room.strip() for layer in layers for room in layer.split("|")}
    found = {f"gantool.{path.stem}" for path in (ROOT / "gantool").iterdir() if is_room(path)}
    assert rooms == found


def is_room(path: Path) -> bool:
    private = path.stem.startswith("_")
    return not private and (path.suffix == ".py" or (path / "__init__.py").exists())


@pytest.mark.parametrize("point", POINTS)
def test_entry_point_resolves(point):
    if POINTS[point].group in ("gantool.recipes", "gantool.importers"):
        pytest.importorskip("torch")
    thing = POINTS[point].load()
    assert callable(thing) or thing.__name__ == POINTS[point].module


def test_wheel_has_every_module_and_model(wheel):
    folders = [ROOT / "gantool", *(ROOT / "plugins" / plugin for plugin in PLUGINS)]
    kept = {
        str(file.relative_to(folder.parent))
        for folder in folders
        for ending in ("*.py", "*.onnx", "*.in", "py.typed")
        for file in folder.rglob(ending)
    }
    assert kept <= set(wheel.namelist())
    assert any(name.endswith(".onnx") for name in kept)


def test_wheel_has_nothing_but_its_packages(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert tops == {"gantool", *PLUGINS}
    assert not any("__pycache__" in name for name in wheel.namelist())


def test_wheel_is_under_20_mb(wheel):
    assert Path(wheel.filename).stat().st_size < 20e6


def test_wheel_says_the_same_entry_points(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = ConfigParser(delimiters="=")
    points.read_string(wheel.read(name).decode())
    groups = {**SETTINGS["project"]["entry-points"]}
    groups["console_scripts"] = SETTINGS["project"]["scripts"]
    assert {group: dict(points[group]) for group in points.sections()} == groups


def test_version_is_the_one_that_gantool_says(wheel):
    from gantool import __version__

    assert Path(wheel.filename).name.split("-")[1] == __version__

"""Laws of finding plugins: a broken one switches off itself only, names are settled by one key."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gantool import plugin_manager
from gantool.plugin_manager import Plugin, Registry

RUN_OPTIONS, COMMANDS = frozenset({"device"}), frozenset({"train"})
HEAD = "from gantool import Model, Pipeline, hookimpl\n"
WORKS = (
    HEAD
    + """
def {task}(strength: float = 0.5) -> Pipeline:
    "Take the haze out."
    return Pipeline(models=("{task}/outdoor",))

@hookimpl
def gantool_tasks():
    return [{task}]

@hookimpl
def gantool_models():
    return [Model("{task}/outdoor", "{task}", "{task}.onnx", "", "MIT")]
"""
)
TASK = HEAD + "{}\n@hookimpl\ndef gantool_tasks():\n    return [fog]\n"
BROKEN = {
    "import error": ("import no_such_module_here", "No module named 'no_such_module_here'"),
    "exit at import": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "syntax error": ("def", "SyntaxError: invalid syntax"),
    "unknown hook": (
        HEAD + "@hookimpl\ndef gantool_taskz():\n    return []",
        "unknown hook 'gantool_taskz'",
    ),
    "hook with another signature": (
        HEAD + "@hookimpl\ndef gantool_tasks(options):\n    return []",
        "Argument(s) {'options'} are declared in the hookimpl",
    ),
    "hook that exits": (
        HEAD + "import sys\n@hookimpl\ndef gantool_tasks():\n    sys.exit()",
        "SystemExit",
    ),
    "hook that raises": (
        HEAD + "@hookimpl\ndef gantool_models():\n    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "hook that gives no Model": (
        HEAD + "@hookimpl\ndef gantool_models():\n    return ['fog/thick']",
        "gantool_models gives 'fog/thick', which is not a Model",
    ),
    "hook that gives no list": (
        HEAD + "@hookimpl\ndef gantool_tasks():\n    return 7",
        "TypeError",
    ),
    "task that is no function": (TASK.format("fog = 7"), "AttributeError"),
    "task with a run option": (
        TASK.format("def fog(device: str = 'x'): ..."),
        "its task fog repeats the run option --device",
    ),
    "task with the name of a command": (
        TASK.format("def fog(): ...\nfog.__name__ = 'train'"),
        "its task train has the name of another command",
    ),
    "two tasks of one name": (
        HEAD
        + "def fog(): ...\ndef mist(): ...\nmist.__name__ = 'fog'\n"
        + "@hookimpl\ndef gantool_tasks():\n    return [fog, mist]",
        "its task fog has the name of another command",
    ),
    "task with options without names": (
        TASK.format("def fog(**options): ..."),
        "its task fog takes *options: options need names",
    ),
}

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path, monkeypatch) -> Iterator[Install]:
    """Puts a distribution of one module `plug_ENTRY` on the path, as pip would."""
    before = set(sys.modules)

    def put(
        distribution: str, source: str, entry: str = "", group: str = "gantool", at: str = ""
    ) -> Path:
        entry = entry or distribution
        site = tmp_path / (at or distribution)
        info = site / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / f"plug_{entry}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0")
        with (info / "entry_points.txt").open("a") as points:
            points.write(f"[{group}]\n{entry} = plug_{entry}\n")
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    plugin_manager.load.cache_clear()
    yield put
    plugin_manager.load.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


def loaded() -> Registry:
    return plugin_manager.load(RUN_OPTIONS, COMMANDS)


def found(registry: Registry, name: str) -> Plugin:
    return next(plugin for plugin in registry.plugins if plugin.name == name)


def test_plugin_gives_its_tasks_and_models(install):
    install("haze", WORKS.format(task="take_off"))
    registry = loaded()
    assert registry.tasks["take-off"]().models == ("take_off/outdoor",)
    assert registry.models["take_off/outdoor"].source == "take_off.onnx"
    assert str(found(registry, "haze")) == "haze (haze 1.0)"
    assert registry.broken == ()


@pytest.mark.parametrize(("source", "problem"), BROKEN.values(), ids=BROKEN)
def test_broken_plugin_switches_off_itself_only_and_is_named(source, problem, install):
    install("a-before", WORKS.format(task="before"), "before")
    install("fog", source)
    install("z-after", WORKS.format(task="after"), "after")
    registry = loaded()
    (broken,) = registry.broken
    assert broken.name == "fog"
    assert problem in broken.problem
    assert "\n" not in broken.problem
    assert (dict(broken.tasks), broken.models) == ({}, ())
    assert {"before", "after", "superres"} <= registry.tasks.keys()
    assert {"before/outdoor", "after/outdoor"} <= registry.models.keys()
    assert not {"fog", "train"} & registry.tasks.keys()


def test_model_of_a_plugin_whose_tasks_are_broken_is_off_too(install):
    install("fog", WORKS.format(task="fog") + "\nfog.__name__ = 'train'\n")
    assert "fog/outdoor" not in loaded().models


@pytest.mark.parametrize("last_on_path", ["alpha", "beta"])
def test_names_belong_to_the_first_by_distribution_whatever_the_path(last_on_path, install):
    order = ["beta", "alpha"] if last_on_path == "alpha" else ["alpha", "beta"]
    for name in order:
        install(name, WORKS.format(task="haze"), f"{name}_entry")
    registry = loaded()
    assert registry.tasks["haze"].__module__ == "plug_alpha_entry"
    assert registry.clashes == tuple(
        f"{kind}: alpha_entry (alpha 1.0) has it, beta_entry (beta 1.0) does not get it"
        for kind in ("task haze", "model haze/outdoor")
    )
    assert registry.broken == ()


def test_names_within_a_distribution_belong_to_the_first_entry_point(install):
    install("one", WORKS.format(task="haze"), "second")
    install("one", WORKS.format(task="haze"), "first")
    assert loaded().tasks["haze"].__module__ == "plug_first"


def test_broken_plugin_holds_no_name(install):
    install("alpha", WORKS.format(task="haze") + "\n1 / 0\n", "alpha_entry")
    install("beta", WORKS.format(task="haze"), "beta_entry")
    assert loaded().tasks["haze"].__module__ == "plug_beta_entry"
    assert loaded().clashes == ()


@pytest.mark.parametrize("kind", ["recipes", "importers"])
def test_recipes_and_importers_are_listed_without_being_imported(kind, install):
    install("haze", "1 / 0", group=f"gantool.{kind}")
    assert getattr(loaded(), kind)["haze"].value == "plug_haze"
    assert "plug_haze" not in sys.modules


@pytest.mark.parametrize("kind", ["recipe", "importer"])
def test_two_recipes_or_importers_of_one_name_are_settled_and_shown(kind, install):
    install("alpha", "", "haze", group=f"gantool.{kind}s")
    install("beta", "", "haze", group=f"gantool.{kind}s")
    registry = loaded()
    assert getattr(registry, f"{kind}s")["haze"].dist.name == "alpha"
    assert registry.clashes == (
        f"{kind} haze: haze (alpha 1.0) has it, haze (beta 1.0) does not get it",
    )


def test_plugins_are_in_the_order_of_distribution_and_entry_point(install):
    for distribution, entry in [("b", "x"), ("a", "z"), ("b", "w")]:
        install(distribution, WORKS.format(task=entry), entry)
    mine = [(p.distribution, p.name) for p in loaded().plugins if p.distribution != "gantool"]
    assert mine == [("a", "z"), ("b", "w"), ("b", "x")]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_model_without_a_file_leaves_its_name_to_whoever_has_one(order, install):
    there, absent = order
    models = WORKS.format(task="haze").replace("return [haze]", "return []")
    install(there, models)
    install(absent, models.replace('"haze.onnx"', '""'))
    registry = loaded()
    assert registry.models["haze/outdoor"].source == "haze.onnx"
    assert registry.clashes == ()


def test_model_that_nobody_has_is_listed_without_a_file(install):
    install("haze", WORKS.format(task="haze").replace('"haze.onnx"', '""'))
    assert loaded().models["haze/outdoor"].source == ""


def test_time_to_import_is_told(install):
    install("haze", "import time\ntime.sleep(0.05)\n" + WORKS.format(task="haze"))
    plugin = found(loaded(), "haze")
    assert 0.05 <= plugin.seconds < 5


def test_what_plugins_print_does_not_go_to_stdout(install, capsys):
    said = "return [print('tasks') or haze]"
    install("haze", "print('import')\n" + WORKS.format(task="haze").replace("return [haze]", said))
    assert "haze" in loaded().tasks
    assert capsys.readouterr() == ("", "import\ntasks\n")


def test_plugins_are_loaded_once(install):
    site = install("haze", WORKS.format(task="haze"))
    first = loaded()
    (site / "plug_haze.py").write_text("1 / 0")
    assert loaded() is first


def test_first_party_plugin_comes_in_by_the_same_door():
    plugin = found(loaded(), "superres")
    assert (plugin.distribution, plugin.problem) == ("gantool", "")
    assert plugin.tasks.keys() == {"superres"}

"""Plugins that are installed, or in the folder of their project, under the laws."""

import contextlib
import importlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gantool import api, recipe_notes, store
from gantool.errors import UsageError
from gantool.pipeline import Model
from gantool.plugin_manager import Plugin, installed
from gantool.runtime import session
from gantool.testing.contract import Verdict, check_task, verdict
from gantool.testing.laws import NotApplicable
from gantool.testing.purity import assert_pure

OURS = "gantool"


@dataclass(frozen=True)
class Project:
    """What a plugin says of itself: its entry points, and the folders that its modules are in."""

    plugins: tuple[EntryPoint, ...]
    recipes: tuple[EntryPoint, ...]
    folders: tuple[Path, ...] = ()


def check_plugins(target: str = "") -> Iterator[Verdict]:
    """A verdict for each law of each thing that `target` brings.

    It names a plugin or its package, or is the folder of its project; by default it is all
    plugins but gantool's own. Raises UsageError where that is none.
    """
    project = in_folder(Path(target)) if Path(target, "pyproject.toml").is_file() else named(target)
    with _on_path(project.folders):
        for entry in project.plugins:
            yield from _plugin(entry)
        for entry in project.recipes:
            yield verdict(entry.name, "recipe", partial(_recipe, entry))


def named(target: str) -> Project:
    """What is installed under this name of a distribution, a plugin or a module."""
    groups = {
        group: tuple(each for each in installed(group) if _is_meant(each, target))
        for group in ("gantool", "gantool.recipes")
    }
    if not any(groups.values()):
        most = "no plugin but gantool's own is installed: name one, or the folder of its project"
        known = ", ".join(dict.fromkeys(each.name for each in installed("gantool")))
        raise UsageError(f"{target}: no such plugin; there are {known}" if target else most)
    return Project(groups["gantool"], groups["gantool.recipes"])


def in_folder(folder: Path) -> Project:
    """The project whose `pyproject.toml` is there. Raises UsageError where that is no plugin's."""
    file = folder / "pyproject.toml"
    try:
        points = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["entry-points"]
        groups = {group: _entries(points, group) for group in ("gantool", "gantool.recipes")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = "it has no entry points" if isinstance(error, KeyError) else error
        raise UsageError(f"{file}: not a plugin's: {why}") from error
    if not any(groups.values()):
        raise UsageError(f"{file}: no entry points in the groups gantool and gantool.recipes")
    root = folder.resolve()
    return Project(groups["gantool"], groups["gantool.recipes"], (root / "src", root))


def _entries(points: Mapping[str, Mapping[str, str]], group: str) -> tuple[EntryPoint, ...]:
    return tuple(EntryPoint(name, value, group) for name, value in points.get(group, {}).items())


def _is_meant(entry: EntryPoint, target: str) -> bool:
    owner = entry.dist.name if entry.dist else ""
    if not target:
        return owner != OURS
    return _plain(target) in {_plain(owner), _plain(entry.name), _plain(entry.module)}


def _plain(name: str) -> str:
    return name.replace("_", "-").lower()


@contextlib.contextmanager
def _on_path(folders: tuple[Path, ...]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def _plugin(entry: EntryPoint) -> Iterator[Verdict]:
    """Of all that is behind one entry point."""
    plugin = api.collect(entry)
    yield Verdict(entry.name, "loads", problem=plugin.problem)
    if plugin.problem:
        return
    yield verdict(entry.name, "import", partial(assert_pure, entry.module))
    yield verdict(entry.name, "gives", partial(_something, plugin))
    for model in plugin.models:
        yield verdict(model.name, "model", partial(_model, model))
    models = {model.name: model for model in plugin.models if model.source}
    for task in plugin.tasks.values():
        yield from check_task(task, models=models)


def _something(plugin: Plugin) -> None:
    given = plugin.tasks or plugin.models
    assert given, "no task and no model: is @hookimpl before gantool_tasks and gantool_models?"


def _model(model: Model) -> None:
    """Its file is there, is the one that is meant, and opens."""
    if not model.source:
        raise NotApplicable(f"not installed: {model.note}")
    path = store.locate(model.name, {model.name: model})
    found = session.sha256(path)
    assert model.sha256 in ("", found), f"the sha256 of {path.name} is {found}"
    contract = session.Session(path).contract
    assert contract.task == model.task, f"its file says that it is for {contract.task}"
    assert model.licence, "its licence is not said"


def _recipe(entry: EntryPoint) -> None:
    """It says what it is, and its tiny preset builds a system that can be exported."""
    notes = recipe_notes.read(entry)
    assert notes.data, "its summary does not end with what it trains on, as in «Data: pairs.»"
    unsaid = [option.name for option in notes.options if not option.meaning]
    assert not unsaid, f"its docstring does not say what {', '.join(unsaid)} means"
    if find_spec("torch") is None:
        raise NotApplicable("it cannot be built without PyTorch: gantool[train]")
    system = entry.load()(**_preset(notes.presets))
    exported = [each.network for each in system.exports()]
    missing = [name for name in exported if name not in system.networks]
    assert exported, "it exports nothing"
    assert not missing, f"it exports {', '.join(missing)}, which is none of its networks"


def _preset(presets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in presets.get("tiny", {}).items() if key != "steps"}

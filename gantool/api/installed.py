"""What is installed: plugins with their tasks, models and recipes, and what this machine can do."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool import licences, model_cache, plugin_manager, scaffold, store
from gantool import recipe_notes as notes_room
from gantool.api.run_options import COMMANDS, RUN_OPTIONS, TALK
from gantool.errors import PluginError, UsageError
from gantool.pipeline import Model

if TYPE_CHECKING:
    from gantool.doctor import Finding


def registry() -> plugin_manager.Registry:
    """Everything that the installed plugins give, and the models that the user has imported."""
    given = plugin_manager.load(RUN_OPTIONS | TALK, COMMANDS)
    own, problems = store.own()
    hidden = (
        f"model {name}: a plugin has it, the imported one is hidden: gantool models rm {name}"
        for name in sorted(own.keys() & given.models.keys())
    )
    clashes = (*given.clashes, *hidden, *problems)
    return dataclasses.replace(given, models={**own, **given.models}, clashes=clashes)


def collect(entry: EntryPoint) -> plugin_manager.Plugin:
    """What the plugin behind `entry` gives, whether it is installed or not."""
    return plugin_manager.collect(entry, RUN_OPTIONS | TALK, COMMANDS)


def new_plugin(name: str, kind: scaffold.Kind, into: Path) -> Path:
    """A folder with the project of a new plugin. Raises UsageError for its name."""
    known = registry()
    return scaffold.write(name, kind, into, COMMANDS | known.tasks.keys() | known.recipes.keys())


def models(task: str | None = None) -> list[Model]:
    """The models that are installed, of one task or of all, by name."""
    known = sorted(registry().models.items())
    return [model for _, model in known if task in (None, model.task)]


def model_path(model: str) -> Path:
    """Where the file of a model is. Raises ModelError."""
    return store.locate(model, registry().models)


def model_info(model: str) -> dict[str, str]:
    """What a model file says of itself, its size and hash; or what the catalogue says of it.

    That is all there is to know of a model that is not here yet.
    """
    entry = registry().models.get(model)
    if entry and entry.is_fetched and not store.is_here(entry):
        return {**_listed(entry), **_terms(model)}
    from gantool.runtime import pixel_io, session

    path = model_path(model)
    _, contract = pixel_io.read_model(path)
    rare = {"window": (0, 0), "batch": 0, "side": 0}
    facts = dataclasses.asdict(contract).items()
    said = {key: str(value) for key, value in facts if key not in rare or value != rare[key]}
    return {
        "file": str(path),
        "bytes": str(path.stat().st_size),
        **said,
        "sha256": session.sha256(path),
        **_terms(model),
        **({"urls": " ".join(entry.urls)} if entry and entry.urls else {}),
    }


def _listed(entry: Model) -> dict[str, str]:
    """What the catalogue says of a model that can be downloaded."""
    return {
        "file": f"not here yet: gantool models pull {entry.name}",
        **{key: getattr(entry, key) for key in ("task", "name", "licence", "note", "sha256")},
        "urls": " ".join(entry.urls),
        "by hand": str(model_cache.place(entry)),
    }


def _terms(model: str) -> dict[str, str]:
    """Of a model by name, what must be accepted before it is used, and whether that was done."""
    entry = registry().models.get(model)
    if entry is None or not entry.terms:
        return {}
    return {"terms": entry.terms, "accepted": "yes" if is_accepted(entry) else "no"}


def is_accepted(model: Model) -> bool:
    """Whether its licence does not stand in the way of using it."""
    return licences.is_accepted(model)


def doctor(device: str) -> Iterator[Finding]:
    """What this machine can do, finding by finding."""
    from gantool.doctor import examine

    return examine(registry().models, device)


def recipe_notes(name: str) -> notes_room.Notes:
    """What the recipe says of itself, without importing it."""
    return notes_room.read(_entry(name))


def _entry(name: str) -> EntryPoint:
    recipes = registry().recipes
    if name not in recipes:
        near = difflib.get_close_matches(name.lower(), recipes, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(recipes) or 'none'}"
        raise UsageError(f"no recipe {name}: {hint}")
    return recipes[name]


def own_name(recipe: str) -> str:
    """The name of a recipe that was called by the task it is shipped for."""
    entry, known = _entry(recipe), registry()
    same = [name for name, each in known.recipes.items() if each.value == entry.value]
    return next((name for name in same if name not in known.tasks), recipe)


def recipe(name: str) -> tuple[Any, Any]:
    """The recipe's function and its presets. Raises UsageError, PluginError without PyTorch."""
    entry = _entry(name)
    with needing_torch("training", f"recipe {name}"):
        function = entry.load()
    return function, import_module(function.__module__).PRESETS


@contextlib.contextmanager
def needing_torch(work: str, thing: str) -> Iterator[None]:
    """Raises PluginError where `thing` cannot be loaded; without PyTorch it says what to install.

    `work` is what PyTorch is needed for.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] in ("torch", "safetensors", "onnxscript"):
            raise PluginError(f'{work} needs {error.name}: pip install "gantool[train]"') from error
        raise PluginError(f"{thing} cannot be loaded: {error}") from error

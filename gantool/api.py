"""The one door of the command line and of notebooks. Rooms that load much are opened on use."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool import plugin_manager
from gantool import recipe_notes as notes_room
from gantool.errors import GantoolError, ModelError, PluginError, UsageError
from gantool.pipeline import Pipeline
from gantool.training.options import TrainOptions as TrainOptions  # part of this door

if TYPE_CHECKING:
    from gantool.doctor import Finding
    from gantool.engine import Done, Failed
    from gantool.media.sources import Item
    from gantool.runtime.providers import Device
    from gantool.runtime.session import Session
    from gantool.training.run import Run

COMMANDS = frozenset(
    ("run", "train", "export", "recipes", "data", "evaluate", "models", "plugins", "doctor")
    + ("bench", "compare", "completion")
)
"""Names that no task may take."""


@dataclass(frozen=True)
class RunOptions:
    """What every task can be told beside its own options."""

    output: Path | None = None
    device: str = "auto"
    tile: str = "auto"
    overwrite: bool = False
    format: str | None = None
    quality: int | None = None


RUN_OPTIONS = frozenset(entry.name for entry in dataclasses.fields(RunOptions))


@dataclass(frozen=True)
class Plan:
    """A run that can start: nothing has been written, nothing will be refused any more."""

    pipeline: Pipeline
    sessions: tuple[Session, ...]
    items: tuple[Item, ...]
    existing: tuple[Item, ...]
    """Items whose output is already there; they are left alone."""
    device: Device
    quality: int | None
    overwrite: bool


def registry() -> plugin_manager.Registry:
    """Everything that the installed plugins give."""
    return plugin_manager.load(RUN_OPTIONS | {"inputs", "quiet"}, COMMANDS)


def load(model: str, *, device: str = "auto", tile: int | str | None = "auto") -> Session:
    """One model, by name or file, as a function H×W×3 → sH×sW×3 (uint8 or uint16).

    Raises ModelError where the model is missing or refused, DeviceError for the device.
    """
    from gantool import store
    from gantool.runtime import providers
    from gantool.runtime.session import Session

    path = store.locate(model, registry().models)
    return Session(path, providers.choose(device), _tile(tile))


def plan(task: str, inputs: Sequence[str], options: RunOptions, **task_options: Any) -> Plan:
    """Decide everything about a run of `task`, and refuse here what cannot be done."""
    pipeline = _pipeline(task, task_options)
    return _plan(task, pipeline, inputs, options)


def plan_model(inputs: Sequence[str], options: RunOptions, *, model: str) -> Plan:
    """The same for a single model, by what its contract says."""
    session = load(model, device=options.device, tile=options.tile)
    task, label = session.contract.task, session.contract.name or session.path.stem
    if "/" in task + label:
        raise ModelError(f"{model}: its name {task}-{label} cannot be in a file name: rename it")
    return _plan(task, Pipeline(models=(model,), label=label), inputs, options)


def execute(plan: Plan) -> Iterator[Done | Failed]:
    """Do the items of a plan, in order; yields each as its files are complete."""
    from gantool import engine

    rules = engine.Rules(plan.pipeline.grey, plan.pipeline.alpha, plan.quality, plan.overwrite)
    process = functools.partial(_apply, plan.pipeline.process, plan.sessions)
    yield from engine.run(plan.items, process, rules)


def run(
    task: str, inputs: str | Path | Sequence[str | Path], **options: Any
) -> Iterator[Done | Failed]:
    """`gantool TASK INPUT...` for notebooks: options of the task and of the run by their names.

    Yields a Done or a Failed per picture, in order. Raises GantoolError before anything is
    written: `for done in gantool.run("superres", ["photos/"], scale=4, device="cpu"): ...`
    """
    mine = {name: options.pop(name) for name in RUN_OPTIONS & options.keys()}
    if mine.get("output") is not None:
        mine["output"] = Path(mine["output"])
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    known = inspect.signature(_task(task)).parameters
    if unknown := sorted(options.keys() - known.keys()):
        raise UsageError(f"{task}: no option {unknown[0]}; there are {', '.join(sorted(known))}")
    needed = [name for name, each in known.items() if each.default is each.empty]
    if missing := [name for name in needed if name not in options]:
        raise UsageError(f"{task}: needs the option {missing[0]}")
    return execute(plan(task, [str(each) for each in inputs], RunOptions(**mine), **options))


def _task(name: str) -> plugin_manager.TaskFunction:
    tasks = registry().tasks
    if name not in tasks:
        raise UsageError(f"no task {name}; there are {', '.join(tasks) or 'none'}")
    return tasks[name]


def _pipeline(task: str, options: Mapping[str, Any]) -> Pipeline:
    """What the task gives. Raises PluginError where that is no Pipeline."""
    try:
        pipeline = _task(task)(**options)
    except GantoolError:
        raise
    except Exception as error:  # a stranger's function
        raise PluginError(f"{task}: {type(error).__name__}: {error}") from error
    if not isinstance(pipeline, Pipeline):
        raise PluginError(f"{task}: its task gives {pipeline!r}, which is not a Pipeline")
    if "/" in pipeline.label:
        raise PluginError(f"{task}: its label {pipeline.label} cannot be in a file name")
    return pipeline


def _plan(task: str, pipeline: Pipeline, inputs: Sequence[str], options: RunOptions) -> Plan:
    from gantool.media import sources
    from gantool.runtime import providers

    if options.quality is not None and not 1 <= options.quality <= 100:
        raise UsageError(f"--quality {options.quality}: must be 1 to 100")
    suffix = sources.suffix_of(options.format) if options.format else None
    name = f"{task}-{pipeline.label}" if pipeline.label else task
    items = sources.plan(inputs, name=name, output=options.output, suffix=suffix)
    existing = () if options.overwrite else tuple(item for item in items if item.target.exists())
    sessions = [load(each, device=options.device, tile=options.tile) for each in pipeline.models]
    there = set(existing)
    wanted = tuple(item for item in items if item not in there)
    device = sessions[0].device if sessions else providers.choose(options.device)
    return Plan(
        pipeline,
        tuple(sessions),
        wanted,
        existing,
        device,
        options.quality,
        options.overwrite,
    )


def _apply(process: Any, sessions: Sequence[Session], frame: Any) -> Any:
    return process(frame, *sessions)


def _tile(tile: int | str | None) -> int | None:
    """`auto`, `off` or a side in pixels."""
    from gantool.runtime.session import TILE

    if tile == "auto":
        return TILE
    if tile in ("off", None):
        return None
    if str(tile).isdigit() and int(tile) >= 16:
        return int(tile)
    raise UsageError(f"--tile {tile}: auto, off, or a side of 16 pixels or more")


def model_path(model: str) -> Path:
    """Where the file of a model is. Raises ModelError."""
    from gantool import store

    return store.locate(model, registry().models)


def model_info(model: str) -> dict[str, str]:
    """What a model file says of itself, and its size and hash."""
    from gantool.runtime import pixel_io, session

    path = model_path(model)
    _, contract = pixel_io.read_model(path)
    said = {key: str(value) for key, value in dataclasses.asdict(contract).items()}
    return {
        "file": str(path),
        "bytes": str(path.stat().st_size),
        **said,
        "sha256": session.sha256(path),
    }


def doctor(device: str) -> Iterator[Finding]:
    """What this machine can do, finding by finding."""
    from gantool.doctor import examine

    return examine(registry().models, device)


def prepare_training(recipe: str, dataset: Path, options: TrainOptions) -> Run:
    """A run ready to start or to go on; its folder is made here.

    Raises UsageError for unknown recipes, options, presets, and for a folder that is in use.
    """
    function, presets = _recipe(recipe)
    from gantool.training import run

    return run.prepare(recipe, function, presets, dataset, options)


def export(
    folder: Path, output: Path | None = None, *, metadata: Mapping[str, str] | None = None
) -> list[Path]:
    """The model files of a training run's newest checkpoint. Raises GantoolError."""
    from gantool.training import run

    settings = run.Settings.read(folder)
    function, _ = _recipe(settings.recipe)
    from gantool.export import export_run

    return export_run(function(**settings.options), folder, settings, output, metadata or {})


def recipe_notes(name: str) -> notes_room.Notes:
    """What the recipe says of itself, without importing it."""
    return notes_room.read(_entry(name))


def _entry(name: str) -> EntryPoint:
    recipes = registry().recipes
    if name not in recipes:
        raise UsageError(f"no recipe {name}; there are {', '.join(recipes) or 'none'}")
    return recipes[name]


def _recipe(name: str) -> tuple[Any, Any]:
    """The recipe's function and its presets. Raises UsageError, PluginError without PyTorch."""
    entry = _entry(name)
    try:
        function = entry.load()
    except ImportError as error:
        if (error.name or "").split(".")[0] in ("torch", "safetensors", "onnxscript"):
            raise PluginError(
                f'training needs {error.name}: pip install "gantool[train]"'
            ) from error
        raise PluginError(f"recipe {name} cannot be loaded: {error}") from error
    return function, import_module(function.__module__).PRESETS

"""Tasks over files: what a run will do, decided before it starts, and done."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool import plugin_manager
from gantool.api.installed import registry
from gantool.api.run_options import RUN_OPTIONS, RunOptions
from gantool.errors import GantoolError, ModelError, PluginError, UsageError
from gantool.pipeline import Answer, Pipeline

if TYPE_CHECKING:
    from gantool.engine import Done, Failed
    from gantool.media.sources import Item
    from gantool.runtime.contract import Contract
    from gantool.runtime.providers import Device
    from gantool.runtime.session import Session, Tile


SAMPLE = Path(__file__).parent.parent / "sample.jpg"
"""A picture to try a task on: a rocket at dusk. SpaceX, CC0."""


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
    """Decide everything about a run of `task`, and refuse here what cannot be done.

    Raises Answer where the options only ask something.
    """
    pipeline = _pipeline(task, task_options)
    return _plan(task, pipeline, inputs, options)


def plan_model(inputs: Sequence[str], options: RunOptions, *, model: str) -> Plan:
    """The same for a single model, by what its contract says."""
    session = load(model, device=options.device, tile=options.tile)
    task, name = _named(model, session.contract, session.path)
    return _plan(task, Pipeline(models=(model,), label=name), inputs, options)


def label(task: str, **task_options: Any) -> str:
    """What the results of a task are named after: `superres-x4`."""
    return _name(task, _pipeline(task, task_options))


def model_label(*, model: str) -> str:
    """The same for a single model."""
    from gantool import store
    from gantool.runtime import pixel_io

    path = store.locate(model, registry().models)
    return "-".join(_named(model, pixel_io.read_model(path)[1], path))


def ending(content: bytes) -> str:
    """Of the file name that a picture with these bytes would have: `.jpg`."""
    from gantool.media.images import ending

    return ending(content)


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


def _named(model: str, contract: Contract, path: Path) -> tuple[str, str]:
    """Task and name of a single model, as they go into file names."""
    task, name = contract.task, contract.name or path.stem
    if "/" in task + name:
        raise ModelError(f"{model}: its name {task}-{name} cannot be in a file name: rename it")
    return task, name


def _name(task: str, pipeline: Pipeline) -> str:
    return f"{task}-{pipeline.label}" if pipeline.label else task


def _pipeline(task: str, options: Mapping[str, Any]) -> Pipeline:
    """What the task gives. Raises PluginError where that is no Pipeline."""
    try:
        pipeline = _task(task)(**options)
    except (GantoolError, Answer):
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
    items = sources.plan(inputs, name=_name(task, pipeline), output=options.output, suffix=suffix)
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


def _tile(tile: int | str | None) -> Tile:
    """`auto`, `off` or a side in pixels."""
    if tile == "auto":
        return "auto"
    if tile in ("off", None):
        return None
    if str(tile).isdigit() and int(tile) >= 16:
        return int(tile)
    raise UsageError(f"--tile {tile}: auto, off, or a side of 16 pixels or more")

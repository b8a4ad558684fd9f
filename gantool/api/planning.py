"""What a run will do, decided before it starts: everything that can be refused is refused here."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gantool import __version__, plugin_manager
from gantool.api.installed import registry
from gantool.api.opening import load
from gantool.api.pulling import available
from gantool.api.run_options import RunOptions, pixels
from gantool.chain import chained, shares
from gantool.errors import GantoolError, ModelError, PluginError, UsageError
from gantool.pipeline import Answer, Pipeline

if TYPE_CHECKING:
    from gantool.batch import Batch, Exists, Ledger, Making
    from gantool.media.metadata import Mode
    from gantool.media.places import Item
    from gantool.media.sources import Found
    from gantool.rules import Rules, Work
    from gantool.runtime.contract import Contract
    from gantool.runtime.providers import Device
    from gantool.runtime.session import Session
    from gantool.runtime.several import Several


SAMPLE = Path(__file__).parent.parent / "sample.jpg"
"""A picture to try a task on: a rocket at dusk. SpaceX, CC0."""
TOGETHER = 3
"""Frames in work at once on a device with memory of its own: one on its way in, one out."""
RESULT = 16
"""Most pixels of a result for each that an input may have."""


@dataclass(frozen=True)
class Call:
    """A task, or several in a chain, with their own options."""

    task: str
    options: Mapping[str, Any]
    pipelines: Sequence[Pipeline]
    name: str
    """What its results are named after: `superres-x4`."""


@dataclass(frozen=True)
class Plan:
    """A run that can start: nothing has been written, nothing will be refused any more."""

    pipeline: Pipeline
    sessions: tuple[Session | Several, ...]
    batch: Batch
    left_out: Mapping[str, int]
    """Pictures that were not taken from folders, by the reason."""
    unread: tuple[tuple[Path, str], ...]
    """Folders that could not be looked into, and why."""
    asked: Device
    rules: Rules
    ledger: Ledger
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def device(self) -> Device:
        """Where the models run, and what has turned out about it."""
        return self.sessions[0].device if self.sessions else self.asked

    @property
    def making(self) -> Making:
        """What decides about the bytes of results besides their inputs."""
        return self.ledger.making

    @property
    def items(self) -> tuple[Item, ...]:
        """What there is to do."""
        return self.batch.items

    @property
    def most(self) -> int:
        """Items that are done at most."""
        limit = self.rules.limit
        return len(self.items) if limit is None else min(limit, len(self.items))

    def work(self) -> Work:
        """What is done with frames."""
        from gantool.rules import Work

        process = functools.partial(_apply, self.pipeline.process, self.sessions)
        stream = self.pipeline.stream
        following = stream and functools.partial(_apply, stream, self.sessions)
        devices = max((each.devices for each in self.sessions), default=1)
        together = TOGETHER if self.device.memory else 1
        return Work(process, following, together * devices, self.pipeline.measure)

    def cancel(self) -> None:
        """End the run soon: models are stopped, files that are being written are finished."""
        self.stop.set()
        for session in self.sessions:
            session.cancel()


def plan(task: str, inputs: Sequence[str], options: RunOptions, **task_options: Any) -> Plan:
    """Decide everything about a run of `task`, and refuse here what cannot be done.

    Raises Answer where the options only ask something.
    """
    pipeline = pipeline_of(task, task_options)
    own = _defaults(task) | task_options
    return plan_call(Call(task, own, [pipeline], name_of(task, pipeline)), inputs, options)


def plan_model(inputs: Sequence[str], options: RunOptions, *, model: str) -> Plan:
    """The same for a single model, by what its contract says."""
    session = _loaded(model, options)
    task, name = _named(model, session.contract, session.path)
    pipeline = Pipeline(models=(model,), label=name)
    return plan_call(Call(task, {}, [pipeline], name_of(task, pipeline)), inputs, options)


def label(task: str, **task_options: Any) -> str:
    """What the results of a task are named after: `superres-x4`."""
    return name_of(task, pipeline_of(task, task_options))


def models_of(task: str, **task_options: Any) -> tuple[str, ...]:
    """The models that a task uses with these options: names and files."""
    return pipeline_of(task, task_options).models


def sample(task: str, **task_options: Any) -> Path:
    """The picture to try a task on."""
    return sample_of(pipeline_of(task, task_options))


def sample_of(pipeline: Pipeline) -> Path:
    return Path(pipeline.sample) if pipeline.sample else SAMPLE


def model_label(*, model: str) -> str:
    """The same for a single model."""
    from gantool.runtime import pixel_io

    path = available(model)
    return "-".join(_named(model, pixel_io.read_model(path)[1], path))


def task_function(name: str) -> plugin_manager.TaskFunction:
    tasks = registry().tasks
    if name not in tasks:
        raise UsageError(f"no task {name}; there are {', '.join(tasks) or 'none'}")
    return tasks[name]


def _defaults(task: str) -> dict[str, Any]:
    parameters = inspect.signature(task_function(task)).parameters.values()
    return {each.name: each.default for each in parameters}


def _named(model: str, contract: Contract, path: Path) -> tuple[str, str]:
    """Task and name of a single model, as they go into file names."""
    task, name = contract.task, contract.name or path.stem
    if "/" in task + name:
        raise ModelError(f"{model}: its name {task}-{name} cannot be in a file name: rename it")
    return task, name


def name_of(task: str, pipeline: Pipeline) -> str:
    """What results are named after."""
    return f"{task}-{pipeline.label}" if pipeline.label else task


def pipeline_of(task: str, options: Mapping[str, Any]) -> Pipeline:
    """What the task gives. Raises PluginError where that is no Pipeline."""
    try:
        pipeline = task_function(task)(**options)
    except (GantoolError, Answer):
        raise
    except Exception as error:  # a stranger's function
        raise PluginError(f"{task}: {type(error).__name__}: {error}") from error
    if not isinstance(pipeline, Pipeline):
        raise PluginError(f"{task}: its task gives {pipeline!r}, which is not a Pipeline")
    if "/" in pipeline.label:
        raise PluginError(f"{task}: its label {pipeline.label} cannot be in a file name")
    return pipeline


def plan_call(call: Call, inputs: Sequence[str], options: RunOptions) -> Plan:
    """Everything about a run that is left to decide. Raises what `plan` does."""
    from gantool.batch import Ledger, Making, Shard
    from gantool.runtime import providers

    pipeline = chained(call.pipelines)
    options = options.checked()
    found = _found(call.name, pipeline, inputs, options)
    if options.codec:
        from gantool.media.video import encoding

        encoding.check(options.films())
    most = RESULT * pixels(options.max_pixels)
    sessions = tuple(_loaded(each, options, most) for each in pipeline.models)
    shas = tuple(session.sha256 for session in sessions)
    models = tuple(zip(pipeline.models, shas, strict=True))
    making = Making(call.task, _said(call.options, options), models, str(options.tile))
    exists = cast("Exists", "overwrite" if options.overwrite else options.exists)
    ledger = Ledger(making, exists, Shard.of(options.shard), pipeline.results)
    return Plan(
        pipeline,
        sessions,
        ledger.decide(found.items),
        found.left_out,
        found.unread,
        providers.choose(providers.each(options.device)[0], options.precision),
        _rules(pipeline, options, models, _scale(call.pipelines, sessions)),
        ledger,
    )


def _loaded(model: str, options: RunOptions, most: int | None = None) -> Session | Several:
    """On the device of the options, or on each of several."""
    from gantool.runtime import providers
    from gantool.runtime.several import Several

    sessions = [
        load(
            model,
            device=device,
            precision=options.precision,
            tile=options.tile,
            max_pixels=most,
            accept_licence=options.accept_licence,
            offline=options.offline,
        )
        for device in providers.each(options.device)
    ]
    return sessions[0] if len(sessions) == 1 else Several(sessions)


def _found(name: str, pipeline: Pipeline, inputs: Sequence[str], options: RunOptions) -> Found:
    from gantool.media import places, sources
    from gantool.media.provenance import is_marked

    suffix = places.suffix_of(options.format) if options.format else None
    wishes = options.films()
    return sources.plan(
        inputs,
        places.Places(name, options.output, suffix, pipeline.results, wishes.codec),
        sources.Choice(tuple(options.include), tuple(options.exclude), is_marked),
    )


def _rules(
    pipeline: Pipeline, options: RunOptions, models: tuple[tuple[str, str], ...], scale: float
) -> Rules:
    from gantool.media.picture import Limits
    from gantool.media.provenance import Origin
    from gantool.rules import Rules

    most = pixels(options.max_pixels)
    origin = Origin(pipeline.kind, models, f"gantool {__version__}")
    return Rules(
        pipeline.grey,
        pipeline.alpha,
        options.quality,
        cast("Mode", options.metadata),
        origin if options.provenance else None,
        Limits(most, scale, RESULT * most),
        options.jobs,
        options.fail_fast,
        options.limit,
        options.films(),
    )


def _said(own: Mapping[str, Any], options: RunOptions) -> dict[str, str]:
    """The options that decide about the bytes of results, the task's own and those of the run."""
    ours = {key: getattr(options, key) for key in ("quality", "metadata", "provenance")}
    ours |= options.about_films()
    if options.precision != "auto":
        ours["precision"] = options.precision
    return {key: str(value) for key, value in {**own, **ours}.items() if value is not None}


def _scale(pipelines: Sequence[Pipeline], sessions: Sequence[Session | Several]) -> float:
    """What tasks do not say, their models do."""
    return math.prod(
        math.prod(session.contract.scale for session in own) if each.scale is None else each.scale
        for each, own in zip(pipelines, shares(pipelines, sessions), strict=True)
    )


def _apply(function: Any, sessions: Sequence[Session | Several], given: Any) -> Any:
    """A pipeline's `process` or `stream` with the models of a run."""
    return function(given, *sessions)

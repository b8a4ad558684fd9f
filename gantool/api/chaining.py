"""Several tasks in a chain, with one decode and one encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gantool.api.planning import Call, name_of, pipeline_of, plan_call, sample_of
from gantool.chain import chained
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.api.planning import Plan
    from gantool.api.run_options import RunOptions

Links: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]
"""Tasks in their order, each with its own options."""


def plan_chain(links: Links, inputs: Sequence[str], options: RunOptions) -> Plan:
    """A run of all tasks on each input; else as `plan`. What a task refuses names the task."""
    return plan_call(_call(links), inputs, options)


def chain_models(links: Links) -> tuple[str, ...]:
    """The models that its tasks use, in their order."""
    return tuple(model for each in _call(links).pipelines for model in each.models)


def chain_label(links: Links) -> str:
    """What results are named after: `derain-rain+superres-x2`."""
    return _call(links).name


def chain_sample(links: Links) -> Path:
    """The picture to try the chain on: that of its first task."""
    return sample_of(_call(links).pipelines[0])


def _call(links: Links) -> Call:
    pipelines = []
    for number, (task, options) in enumerate(links, 1):
        try:
            pipelines.append(pipeline_of(task, options))
        except UsageError as error:
            raise UsageError(f"part {number}, {task}: {error}") from error
    try:
        chained(pipelines)
    except UsageError as error:
        raise UsageError(f"pipe: {error}") from error
    tasks = [task for task, _ in links]
    said = {
        f"{number}.{name}": value
        for number, (_, options) in enumerate(links, 1)
        for name, value in options.items()
    }
    name = "+".join(map(name_of, tasks, pipelines))
    return Call("pipe", {"tasks": " | ".join(tasks), **said}, pipelines, name)

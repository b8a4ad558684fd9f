"""Several tasks as one: what the first makes of a frame goes to the second, and so on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from gantool.errors import ItemError, UsageError
from gantool.pipeline import Frame, Frames, Pipeline, Predict, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Memory: TypeAlias = dict[str, NDArray[Any]]

T = TypeVar("T")


def chained(pipelines: Sequence[Pipeline]) -> Pipeline:
    """One Pipeline that does what `pipelines` do one after the other, with all their models.

    Between two of them a grey frame, of three equal channels, stays grey unless a task gives
    colours. Raises UsageError where another than the last gives several results.
    """
    *before, last = pipelines
    if not before:
        return last
    for number, each in enumerate(before, 1):
        if len(each.results) > 1:
            raise UsageError(f"part {number} gives {len(each.results)} results: only the last may")
    scales = [each.scale for each in pipelines]
    return Pipeline(
        models=tuple(model for each in pipelines for model in each.models),
        process=partial(_process, pipelines),
        stream=partial(_stream, pipelines) if any(each.stream for each in pipelines) else None,
        label="+".join(each.label for each in pipelines if each.label),
        grey="colour" if any(each.grey == "colour" for each in pipelines) else "keep",
        alpha="model" if all(each.alpha == "model" for each in pipelines) else "resize",
        scale=None if None in scales else math.prod(cast("list[float]", scales)),
        results=last.results,
        sample=pipelines[0].sample,
        kind="composite" if any(each.kind == "composite" for each in pipelines) else "enhanced",
    )


def shares(pipelines: Sequence[Pipeline], things: Sequence[T]) -> list[Sequence[T]]:
    """Of `things`, one for each model of the chain, those of each pipeline."""
    ends = accumulate((len(each.models) for each in pipelines), initial=0)
    return [things[start:end] for start, end in pairwise(ends)]


def _process(pipelines: Sequence[Pipeline], frame: Frame, *predicts: Predict) -> Result:
    *before, own = shares(pipelines, predicts)
    for pipeline, mine in zip(pipelines, before, strict=False):  # the last one stands apart
        frame = _passed(pipeline, frame, pipeline.process(frame, *mine))
    return pipelines[-1].process(frame, *own)


def _stream(pipelines: Sequence[Pipeline], frames: Frames, *predicts: Predict) -> Iterator[Result]:
    """Each task on what the one before gives, with a memory of its own.

    The film's has all of them, under the numbers of the tasks, whenever a result is given.
    """
    memories = [_part(frames.memory, number) for number in range(len(pipelines))]
    *before, own = shares(pipelines, predicts)
    given: Iterator[Frame] = frames
    for pipeline, memory, mine in zip(pipelines, memories, before, strict=False):
        given = _passing(pipeline, Frames(given, memory), mine)
    for result in _results(pipelines[-1], Frames(given, memories[-1]), own):
        frames.memory.clear()
        for number, memory in enumerate(memories):
            frames.memory |= {f"{number}.{name}": value for name, value in memory.items()}
        yield result


def _part(memory: Memory, number: int) -> Memory:
    """What one task of the chain remembers, under its own names."""
    start = f"{number}."
    return {
        name.removeprefix(start): value for name, value in memory.items() if name.startswith(start)
    }


def _passing(pipeline: Pipeline, frames: Frames, predicts: Sequence[Predict]) -> Iterator[Frame]:
    """A task that is not the last, on a film."""
    frame: Frame | None = None

    def given() -> Iterator[Frame]:
        nonlocal frame
        for frame in frames:  # noqa: UP028  # `yield from` would not let it be seen
            yield frame

    for result in _results(pipeline, Frames(given(), frames.memory), predicts):
        assert frame is not None
        yield _passed(pipeline, frame, result)


def _results(pipeline: Pipeline, frames: Frames, predicts: Sequence[Predict]) -> Iterator[Result]:
    if pipeline.stream:
        return pipeline.stream(frames, *predicts)
    return (pipeline.process(frame, *predicts) for frame in frames)


def _passed(pipeline: Pipeline, frame: Frame, result: Result) -> Frame:
    """What the next task is given of the result for `frame`: as a file in between would keep it."""
    if isinstance(result, Mapping):
        if len(result) != 1:
            raise ItemError(
                f"{len(result)} results in the middle of a chain: only its last task may"
            )
        (result,) = result.values()
    return result if pipeline.grey == "colour" or not _is_grey(frame) else _grey(result)


def _is_grey(frame: Frame) -> bool:
    few = frame[::16, ::16]  # most pictures of colours are known by these
    return all(bool((each == each[..., :1]).all()) for each in (few, frame))


def _grey(frame: Frame) -> Frame:
    """With its luma, BT.601, in all channels."""
    import cv2  # the command line starts without it

    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return cast(Frame, cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB))

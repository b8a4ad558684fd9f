"""The laws of every task. Each takes a Trial; raises AssertionError, or NotApplicable."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantool.errors import ItemError
from gantool.media.carry import Carry, carry_through
from gantool.pipeline import Frame
from gantool.testing import pictures
from gantool.testing.trial import TILE, Trial, by_suffix

CLOSE = 1 / 255
"""Of the brightest: as far as two results may differ that were computed in other pieces."""


class NotApplicable(Exception):  # noqa: N818  # it is no error
    """Why a law says nothing about this task."""


def suffixes(trial: Trial) -> None:
    """Results have the suffixes that the pipeline names, for names that collide are seen before."""
    said = set(trial.pipeline.results)
    for _, results in _answers(trial, pictures.frames()):
        assert set(results) == said, f"gives {_listed(results)}, its pipeline says {_listed(said)}"


def sizes(trial: Trial) -> None:
    """A result is H×W×3, `scale` times as large, from one pixel to long strips."""
    for frame, results in _answers(trial, pictures.frames()):
        for result in results.values():
            assert isinstance(result, np.ndarray), f"gives {type(result).__name__}, no array"
            given = _shape(frame)
            assert result.ndim == 3, f"{given} becomes {_shape(result)}: must be H×W×3"
            assert result.shape[2] == 3, f"{given} becomes {_shape(result)}: must be H×W×3"
            if trial.scale is not None:
                wanted = [trial.scale * side for side in frame.shape[:2]]
                off = max(abs(has - side) for has, side in zip(result.shape, wanted, strict=False))
                assert off < 1, f"{given} becomes {_shape(result)}: scale is {trial.scale:g}"


def depths(trial: Trial) -> None:
    """uint8 gives uint8, uint16 gives uint16."""
    for depth in (np.uint8, np.uint16):
        for _, results in _answers(trial, pictures.frames(depth)):
            for result in results.values():
                assert result.dtype == depth, f"{np.dtype(depth)} becomes {result.dtype}"


def inputs(trial: Trial) -> None:
    """The frame it is given is not written into."""
    for frame in pictures.frames():
        kept = frame.copy()
        for _ in _answers(trial, [frame], all_refused=True):
            assert (frame == kept).all(), f"writes into the {_shape(frame)} frame it is given"


def determinism(trial: Trial) -> None:
    """The same frame gives the same result, to the bit."""
    for frame, first in _answers(trial, pictures.frames()):
        off = _apart(first, trial(frame))
        assert off == 0, f"{_shape(frame)} twice: {_levels(off)} apart"


def together(trial: Trial) -> None:
    """Frames that are worked on at once, in threads, give what each gives alone."""
    alone = list(_answers(trial, pictures.frames()))
    with ThreadPoolExecutor(4) as pool:
        several = pool.map(trial, [frame for frame, _ in alone] * 2)
        for (frame, results), others in zip(alone * 2, several, strict=True):
            off = _apart(results, others)
            assert off <= CLOSE, f"{_shape(frame)} beside others: {_levels(off)} apart"


def seams(trial: Trial) -> None:
    """A frame cut into tiles gives what it gives in one piece."""
    if not trial.sessions:
        raise NotApplicable("it has no model file that could be cut")
    if any(session.contract.statistics == "global" for session in trial.sessions):
        raise NotApplicable("a model of it normalises over the whole frame")
    large = [pictures.frame(101, 131), pictures.frame(101, 131, grey=True)]
    for frame, whole in _answers(trial, large):
        off = _apart(whole, trial.in_tiles(frame))
        assert off <= CLOSE, f"{_shape(frame)} in tiles of {TILE}: {_levels(off)} from the whole"


def alpha(trial: Trial) -> None:
    """A transparent picture stays so: holes in their places, what was opaque opaque."""
    for frame, masks in _carried(trial, pictures.ramp):
        for mask in masks:
            most, third = np.iinfo(frame.dtype).max, mask.shape[1] // 6
            hole, rest = mask[:, :third].mean() / most, mask[:, -third:].mean() / most
            assert hole < 0.25, f"a hole of {_shape(frame)} becomes {hole:.0%} opaque"
            assert rest > 0.75, f"what was opaque of {_shape(frame)} becomes {rest:.0%} opaque"


def film(trial: Trial) -> None:
    """A film that is stopped and continued gives what it gives in one go."""
    if trial.pipeline.stream is None:
        raise NotApplicable("every frame of a film is on its own")
    shown, straight = _film(trial)
    memory: dict[str, NDArray[Any]] = {}
    parted = [*_filmed(trial, shown[:2], memory), *_filmed(trial, shown[2:], memory)]
    for number, (one, other) in enumerate(zip(straight, parted, strict=True), 1):
        off = _apart(one, other)
        assert off == 0, f"stopped after frame 2, frame {number} is {_levels(off)} off"


LAWS: tuple[Callable[[Trial], None], ...] = (
    *(suffixes, sizes, depths, inputs, determinism, together, seams, alpha, film),
)


def _answers(
    trial: Trial, frames: Iterable[Frame], *, all_refused: bool = False
) -> Iterator[tuple[Frame, dict[str, Frame]]]:
    """Frames with their results; without those it has an ItemError for, unless that is all."""
    refusal = None
    answered = False
    for frame in frames:
        try:
            results = trial(frame)
        except ItemError as error:
            refusal = error
            continue
        answered = True
        yield frame, results
    if refusal is not None and not answered and not all_refused:
        raise AssertionError(f"refuses every frame: {refusal}")


def _carried(
    trial: Trial, mask: Callable[[Frame], NDArray[Any]]
) -> Iterator[tuple[Frame, list[NDArray[Any]]]]:
    """Frames with the alpha channels of their results, as a run makes them."""
    pipeline = trial.pipeline
    for frame, _ in _answers(trial, [pictures.frame(64, 96), pictures.frame(60, 96, grey=True)]):
        carry = replace(Carry(), alpha=mask(frame))
        made = carry_through(
            trial.work().process, frame, carry, grey=pipeline.grey, alpha=pipeline.alpha
        )
        yield frame, [carried.alpha for _, carried in made.values() if carried.alpha is not None]


def _film(trial: Trial) -> tuple[list[Frame], list[dict[str, Frame]]]:
    """Four frames that move and what becomes of them; grey ones where it refuses others."""
    for grey in (False, True):
        still = pictures.frame(64, 96, grey=grey)
        shown = [np.roll(still, 2 * number, axis=1) for number in range(4)]
        try:
            return shown, list(_filmed(trial, shown, {}))
        except ItemError as error:
            refusal = error
    raise AssertionError(f"refuses every film: {refusal}")


def _filmed(
    trial: Trial, frames: Iterable[Frame], memory: dict[str, NDArray[Any]]
) -> Iterator[dict[str, Frame]]:
    one = trial.work().on_film(memory)
    return (by_suffix(one(frame)) for frame in frames)


def _apart(some: dict[str, Frame], others: dict[str, Frame]) -> float:
    """The largest difference, over the brightest; 1 where they cannot be compared."""
    if some.keys() != others.keys():
        return 1.0
    return max((_distance(some[key], others[key]) for key in some), default=0.0)


def _distance(one: Frame, other: Frame) -> float:
    if one.shape != other.shape or one.dtype != other.dtype:
        return 1.0
    most = float(np.iinfo(one.dtype).max)
    return float(np.abs(one.astype(np.int32) - other.astype(np.int32)).max(initial=0)) / most


def _levels(off: float) -> str:
    return f"{off * 255:.3g} of 255"


def _shape(frame: Frame) -> str:
    return "×".join(map(str, frame.shape))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))

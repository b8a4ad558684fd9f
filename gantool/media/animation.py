"""Pictures that move: what formats give of one, and how its frames are made alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from gantool.errors import ItemError
from gantool.media.pixels import like
from gantool.media.rows import Rows

if TYPE_CHECKING:
    from fractions import Fraction

    from gantool.media.carry import Carry
    from gantool.media.picture import Timing
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame


@dataclass(frozen=True, eq=False)
class Moving:
    """An animation whose frames are decoded as they are taken, each as it is shown."""

    frames: Iterable[Pixels]
    """H×W×4, all of one size."""
    carry: Carry
    """Its metadata."""
    timing: Timing
    notes: tuple[str, ...] = ()


def check_size(width: int, height: int, frames: int, *, max_pixels: int) -> None:
    """Raise ItemError where all frames together have more than `max_pixels`."""
    if width * height * frames > max_pixels:
        raise ItemError(
            f"the animation is {width}×{height} with {frames} frames, together "
            f"{width * height * frames / 1e6:.0f} megapixels and more than the "
            f"{max_pixels / 1e6:.0f} allowed: raise --max-pixels or shorten it first"
        )


def simplified(found: list[tuple[Frame, Carry]]) -> list[tuple[Frame, Carry]]:
    """Frames with alpha, without it where all of them are opaque; grey where all are."""
    grey = all(not carry.icc and _is_grey(frame) for frame, carry in found)
    clear = any(_is_clear(carry) for _, carry in found)
    return [
        (frame, replace(carry, grey=grey, alpha=carry.alpha if clear else None))
        for frame, carry in found
    ]


def alike(frames: Sequence[tuple[Frame, Carry]]) -> Iterator[Rows]:
    """The frames with the same channels each: alpha where one has it, grey where all are."""
    clear = any(carry.alpha is not None for _, carry in frames)
    grey = all(carry.grey for _, carry in frames)
    shape = frames[0][0].shape
    for frame, carry in frames:
        if frame.shape != shape:
            raise ItemError("the frames of the result have several sizes: give them one size")
        yield Rows(frame, _opaque(frame) if clear and carry.alpha is None else carry.alpha, grey)


def changes(frames: Iterable[Rows], *, unit: int = 1) -> Iterator[tuple[Rows, int, int]]:
    """Of every frame the rectangle that is not as in the one before, its left and its top.

    At least one pixel; left and top are multiples of `unit`. The first frame is whole.
    """
    before: Rows | None = None
    for rows in frames:
        left, top, right, bottom = (
            (0, 0, *rows.shape[1::-1]) if before is None else (_changed(before, rows))
        )
        left, top = left - left % unit, top - top % unit
        yield rows.part(slice(top, bottom), slice(left, right)), left, top
        before = rows


def whole_steps(durations: Iterable[int | Fraction]) -> tuple[int, ...]:
    """The durations rounded so that no moment is shifted by more than half a step."""
    moments = [round(moment) for moment in accumulate(durations, initial=0)]
    return tuple(after - before for before, after in pairwise(moments))


def _changed(before: Rows, rows: Rows) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what differs; of the first pixel where nothing does."""
    differs = (before.frame != rows.frame).any(axis=2)
    if before.alpha is not None and rows.alpha is not None:
        differs |= before.alpha != rows.alpha
    down, across = (np.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
    if not len(down):
        return 0, 0, 1, 1
    return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1


def _is_grey(frame: Frame) -> bool:
    return bool((frame[..., 1:] == frame[..., :1]).all())


def _is_clear(carry: Carry) -> bool:
    return carry.alpha is not None and int(carry.alpha.min()) < np.iinfo(carry.alpha.dtype).max


def _opaque(frame: Frame) -> Pixels:
    return like(np.full(frame.shape[:2], np.iinfo(frame.dtype).max, frame.dtype), frame)

"""The pixels of a result, put together strip by strip: no second copy of it is ever made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gantool.media.pixels import as_depth, like, luma

if TYPE_CHECKING:
    from gantool.media.carry import Carry
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame

STRIP = 1 << 20
"""Bytes that an encoder takes at once, about."""


@dataclass(frozen=True, eq=False)
class Rows:
    """H×W×C of a frame, of the frame's depth; `rows[top:bottom]` gives those rows as an array."""

    frame: Frame
    alpha: Pixels | None = None
    """H×W; None: no alpha channel."""
    grey: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        height, width = self.frame.shape[:2]
        return height, width, (1 if self.grey else 3) + (self.alpha is not None)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.frame.dtype

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: slice) -> Pixels:
        frame = self.frame[rows]
        colours = luma(frame) if self.grey else frame
        if self.alpha is None:
            return colours
        return like(np.dstack([colours, as_depth(self.alpha[rows], frame.dtype)]), frame)

    def part(self, down: slice, across: slice) -> Rows:
        """A rectangle of them."""
        alpha = None if self.alpha is None else self.alpha[down, across]
        return Rows(self.frame[down, across], alpha, self.grey)

    def strips(self, height: int) -> Iterator[Pixels]:
        """All rows from the top, `height` at once, the last strip with what remains."""
        return (self[top : top + height] for top in range(0, len(self), height))

    def strip_height(self) -> int:
        """How many rows an encoder takes at once."""
        _, width, channels = self.shape
        return max(1, STRIP // (width * channels * self.dtype.itemsize))


def attached(frame: Frame, carry: Carry) -> Rows:
    """The frame with the channels that `carry` asks for."""
    return Rows(frame, carry.alpha, carry.grey)

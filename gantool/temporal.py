"""Films whose frames were made one by one, made steady along the motion of what they show.

What a process changes in a frame, result less input, is blended with what it changed before, moved
to where that is now: coarse colour strongly, fine detail less. It is a recursive filter in place of
the optimisation of Bonneel et al., "Blind Video Temporal Consistency" (2015), and of the network of
Lai et al., "Learning Blind Video Temporal Consistency" (2018); the confidence in a motion is
theirs: how well the moved input agrees with the input that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from gantool.errors import ItemError
from gantool.pipeline import SCENE, Frame, Frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.float32]
    """H×W or H×W×n, in levels of 255."""
    Small: TypeAlias = NDArray[np.uint8]
    """A copy of a frame, h×w×3, at most SIDE pixels a side."""

SIDE = 480
"""Of the copies that motion is found on, pixels."""
SEEN, CHANGE = SCENE + "seen", SCENE + "change"
"""The memory: the copy of the frame before, and what was changed in it, float32 in its size."""
COARSE, FINE = 0.9, 0.5
"""How much of what was changed before is kept at full strength."""
REACH = 1.5
"""Deviation of what counts as coarse, in pixels of a copy."""
DOUBT = 6.0
"""Difference, in levels, that makes a motion implausible."""
ALIKE, SAME_SCENE = 0.5, 0.65
"""Correlation from which a place is the one before; the share of such within a scene."""
TEXTURE, PATCH, CALM = 16.0, 15, 1.5
"""Variance in which there is something to see; side of a place and blur of noise, pixels."""


def steadied(
    frames: Frames, process: Callable[[Frame], Frame], *, strength: float = 1.0
) -> Iterator[Frame]:
    """`process` on each frame, without its flicker; a scene's first result is as it is.

    Frames H×W×3, uint8 or uint16, results of the same size and dtype. `strength` is 0 (as it is) to
    1. What it knows, and all else that `frames.memory` has of a scene, is forgotten at a cut, before
    `process` is called. Raises ItemError for results of another size.
    """
    for frame in frames:
        motion = _motion(frame, frames.memory)
        if motion is None:
            forget(frames.memory)
        made = process(frame)
        if (made.shape, made.dtype) != (frame.shape, frame.dtype):
            raise ItemError(f"a film of {_said(frame)} cannot be steadied as {_said(made)}")
        change = _difference(made, frame)
        if motion is not None:
            before = frames.memory[CHANGE]
            change = _blended(change, _moved(before, motion), motion.trust, strength)
            made = _sum(frame, change)
        frames.memory |= {SEEN: copy(frame), CHANGE: change}
        yield made


def forget(memory: dict[str, NDArray[Any]]) -> None:
    """Drop what is known of a scene."""
    for name in [name for name in memory if name.startswith(SCENE)]:
        del memory[name]

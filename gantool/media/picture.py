"""What a picture file holds: one frame, or those of an animation in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantool.media.carry import Carry
    from gantool.pipeline import Frame

MOST = 250_000_000
"""Pixels of a picture that is read, unless somebody raises it."""


@dataclass(frozen=True)
class Timing:
    """How an animation is played."""

    durations: tuple[int, ...]
    """Milliseconds that each frame is shown."""
    loop: int = 0
    """How often it is played; 0 for ever."""


@dataclass(frozen=True, eq=False)
class Picture:
    """All frames have one size; metadata is that of the first one's Carry."""

    frames: Sequence[tuple[Frame, Carry]]
    timing: Timing | None = None
    """None: it does not move."""
    sha256: str = ""
    """Of the file it was read from, in hexadecimal."""
    notes: tuple[str, ...] = ()
    """What of the file could not be taken along, a line each."""
    bytes: int = 0
    """Size of that file."""

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        return sum(frame.shape[0] * frame.shape[1] for frame, _ in self.frames)


@dataclass(frozen=True)
class Limits:
    """What a picture is refused for before its pixels are read."""

    pixels: int = MOST
    """Of the picture, all frames of an animation together."""
    scale: float = 1.0
    """Side of the result over that of the picture."""
    result: int = 16 * MOST
    """Pixels of the result."""

"""What a run is told about films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gantool.errors import UsageError

Copy = Literal["copy", "none"]


@dataclass(frozen=True)
class Wishes:
    """How films are taken in and put into files."""

    start: float = 0.0
    """Seconds of the film's own time, where the result begins."""
    end: float | None = None
    audio: Copy = "copy"
    subs: Copy = "copy"
    codec: str | None = None
    """A name of `kinds.HOLDS`; None: what suits the container and the depth."""
    crf: int | None = None
    pix_fmt: str | None = None
    depth: Literal["keep", "8"] = "keep"
    deinterlace: bool = False
    tonemap: bool = False
    fps: float | None = None
    """Of numbered frames and raw ones, which have no time of their own."""


def seconds(text: str, option: str) -> float:
    """`90`, `1:30` or `0:01:30.5` → 90.0. Raises UsageError."""
    parts = text.strip().split(":")
    try:
        values = [float(each) for each in parts]
    except ValueError:
        values = []
    if not 1 <= len(values) <= 3 or any(not 0 <= each < 1e7 for each in values):
        raise UsageError(f"{option} {text}: a time as in 90, 1:30 or 0:01:30.5")
    total = 0.0
    for value in values:
        total = total * 60 + value
    return total

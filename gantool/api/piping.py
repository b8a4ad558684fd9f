"""Frames of a film without a file for them: raw, for the pipes of other programs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gantool.errors import ItemError, UsageError

if TYPE_CHECKING:
    from gantool.api.planning import Plan
    from gantool.pipeline import Frame

DEPTHS = {"uint8": "rgb24", "uint16": "rgb48le"}
"""What ffmpeg calls raw frames of a dtype."""


def size_of(text: str) -> tuple[int, int]:
    """`640x360` → (640, 360). Raises UsageError."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--raw {text}: the size of the frames, as in 640x360")
    return int(width), int(height)


def raw_frames(file: BinaryIO, width: int, height: int) -> Iterator[Frame]:
    """H×W×3 uint8 each. Raises ItemError where the last one is cut short."""
    import numpy as np

    length = width * height * 3
    while content := _whole(file, length):
        if len(content) < length:
            raise ItemError(
                f"stdin: ends within a frame of {width}×{height}: is that its size, and rgb24?"
            )
        yield np.frombuffer(content, np.uint8).reshape(height, width, 3)


def film_frames(plan: Plan) -> Iterator[Frame]:
    """Those of the one film of a plan. Raises ItemError."""
    from gantool.media.video.film import probe
    from gantool.media.video.reading import VideoReader

    source, rules, number = plan.items[0].source, plan.rules, 0
    with _named(source):
        film = probe(source, rules.film, rules.limits)
        for shown in VideoReader(film, rules.film, limits=rules.limits):
            number += 1
            yield shown.frame
        if not number:
            raise ItemError("there is no frame in it, or none between --start and --end")


def rate_of(plan: Plan) -> str:
    """Frames a second of the one film of a plan, as ffmpeg takes it."""
    from gantool.media.video.film import probe

    source = plan.items[0].source
    with _named(source):
        return str(probe(source, plan.rules.film, plan.rules.limits).rate)


def results(plan: Plan, frames: Iterator[Frame]) -> Iterator[Frame]:
    """What the task makes of each, in turn. Raises what the task does."""
    apply = plan.work().on_film({})
    for frame in frames:
        if plan.stop.is_set():
            return
        made = apply(frame)
        if isinstance(made, Mapping):
            raise UsageError("several results: a pipe takes one: name a file with -o")
        yield made


def is_film(path: Path) -> bool:
    """Whether it would be done as a film."""
    from gantool.media.video.kinds import is_film as known

    return known(path)


@contextlib.contextmanager
def _named(source: Path) -> Iterator[None]:
    """What goes wrong within is said of the film."""
    try:
        yield
    except ItemError as error:
        raise ItemError(f"{source}: {error}") from error


def _whole(file: BinaryIO, length: int) -> bytes:
    """So many bytes, or what there is."""
    parts = bytearray()
    while len(parts) < length and (part := file.read(length - len(parts))):
        parts += part
    return bytes(parts)

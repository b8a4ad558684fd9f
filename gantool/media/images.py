"""Picture files in and out: whatever the format, one Frame and what it carries."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gantool.errors import ItemError
from gantool.media import (
    animation,
    apng,
    avif_sequence,
    exif,
    gif,
    headers,
    heic,
    jpeg,
    pillow_formats,
    pillow_guard,
    png,
    tiff,
    webp,
)
from gantool.media.carry import Carry, detach
from gantool.media.kinds import HEAD, RAW_SUFFIXES, Kind, ending, kind_of
from gantool.media.picture import MOST, Limits, Picture
from gantool.media.pixels import oriented
from gantool.media.results import (
    WRITABLE,
    encode_image,
    output_suffix,
    write_image,
    write_picture,
)

if TYPE_CHECKING:
    from gantool.media.animation import Moving
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame

__all__ = [
    "RAW_SUFFIXES",
    "SUFFIXES",
    "WRITABLE",
    "encode_image",
    "ending",
    "output_suffix",
    "read_image",
    "read_picture",
    "write_image",
    "write_picture",
]

_Decoder: TypeAlias = "Callable[[bytes, int], tuple[Pixels, Carry]]"
_Mover: TypeAlias = "Callable[[bytes, int], Moving | None]"

_DECODERS: dict[Kind, _Decoder] = {
    "png": png.decode,
    "jpeg": jpeg.decode,
    "tiff": tiff.decode,
    "gif": gif.decode,
    "webp": pillow_formats.decode_webp,
    "avif": pillow_formats.decode_avif,
    "heic": heic.decode,
    "bmp": pillow_formats.decode_bmp,
    "pnm": pillow_formats.decode_pnm,
}
_MOVERS: dict[Kind, _Mover] = {
    "png": apng.moving,
    "gif": gif.moving,
    "webp": webp.moving,
    "avif": avif_sequence.moving,
}
_DEFAULT = Limits()
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[1-8]")

SUFFIXES = WRITABLE | {".ppm", ".pgm", ".pbm", ".pnm"} | heic.SUFFIXES
"""Endings that `read_image` reads; what a file is, its content says."""


def read_picture(source: Path, limits: Limits = _DEFAULT) -> Picture:
    """All frames of the file, upright, each with what it carries. Thread-safe.

    Raises ItemError for what is no picture, damaged, cut short or above the limits; for these
    before it is read.
    """
    with headers.readable(source), pillow_guard.aside():
        kind, data, mtime_ns = _content(source, limits)
        digest = hashlib.sha256(data).hexdigest()
        moving = _MOVERS[kind](data, limits.pixels) if kind in _MOVERS else None
        if moving is None:
            frame, carry = _upright(*_DECODERS[kind](data, limits.pixels), mtime_ns)
            return Picture([(frame, carry)], None, digest, carry.notes, len(data))
        frames = [_upright(frame, moving.carry, mtime_ns) for frame in moving.frames]
        every = animation.simplified(frames)
        return Picture(every, moving.timing, digest, moving.notes, len(data))


def read_image(source: Path, *, max_pixels: int = MOST) -> tuple[Frame, Carry]:
    """The picture, upright, and what it carries. Thread-safe; nothing is guessed or filled in.

    Raises ItemError for what is no picture, damaged, cut short, animated or above `max_pixels`.
    """
    with headers.readable(source), pillow_guard.aside():
        kind, data, mtime_ns = _content(source, Limits(max_pixels, result=max_pixels))
        moving = _MOVERS[kind](data, max_pixels) if kind in _MOVERS else None
        if moving is not None:
            raise ItemError(
                f"an animation of {len(moving.timing.durations)} frames where one picture is "
                "needed: take its frames apart first"
            )
        return _upright(*_DECODERS[kind](data, max_pixels), mtime_ns)


def _content(source: Path, limits: Limits) -> tuple[Kind, bytes, int]:
    """What the file is, its bytes and when it was changed; only its header where it is refused."""
    with headers.opened(source) as file:
        kind = kind_of(file.read(HEAD), source.suffix)
        headers.check(headers.sized(file, kind), limits)
        file.seek(0)
        return kind, file.read(), os.fstat(file.fileno()).st_mtime_ns


def _upright(pixels: Pixels, carry: Carry, mtime_ns: int) -> tuple[Frame, Carry]:
    orientation = exif.orientation(carry.exif)
    turned = oriented(pixels, orientation)
    height, width = turned.shape[:2]
    xmp = carry.xmp if orientation == 1 else _XMP_ORIENTATION.sub(rb"\g<1>1", carry.xmp)
    return detach(
        turned,
        replace(
            carry,
            exif=exif.upright(carry.exif, width, height),
            xmp=xmp,
            dpi=_sane(carry.dpi),
            mtime_ns=mtime_ns,
        ),
    )


def _sane(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Resolutions that can be meant; Pillow gives 1 where a file says nothing, or worse."""
    if dpi is None or not all(math.isfinite(dots) and 1 < dots < 100_000 for dots in dpi):
        return None
    return float(dpi[0]), float(dpi[1])

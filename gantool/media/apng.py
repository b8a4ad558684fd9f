"""Animated PNG: the frames of one that is read, composed in full depth, and an encoder."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gantool.errors import ItemError
from gantool.media import png
from gantool.media.animation import Moving, changes, check_size, whole_steps
from gantool.media.picture import Timing
from gantool.media.pixels import like

if TYPE_CHECKING:
    from gantool.media.carry import Carry
    from gantool.media.pixels import Pixels
    from gantool.media.rows import Rows

_KEPT, _CLEARED, _RESTORED = range(3)
_REPLACES, _OVER = range(2)
_LONGEST = 65_535
_STANDS_IN = "the still picture that it holds for programs that cannot show it moving is left out"


@dataclass
class _Part:
    """A frame as it lies in the file: a rectangle, when it is replaced, how, and its pixels."""

    width: int
    height: int
    left: int
    top: int
    delay: int
    per_second: int
    disposal: int
    blend: int
    packed: list[bytes] = field(default_factory=list)

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def moving(data: bytes, max_pixels: int) -> Moving | None:
    """The animation; None where the PNG holds one picture. Raises ItemError for a damaged one."""
    if b"acTL" not in data:
        return None
    found = list(png.chunks(data))
    first = dict(reversed(found))
    count, plays = struct.unpack_from(">II", first.get(b"acTL", bytes(8)))
    if count < 2:
        return None
    width, height = struct.unpack_from(">II", first[b"IHDR"])
    check_size(width, height, count, max_pixels=max_pixels)
    parts, stands_in = _parts(found)
    inside = all(p.left + p.width <= width and p.top + p.height <= height for p in parts)
    if len(parts) != count or not inside or not all(part.packed for part in parts):
        raise ItemError("the animated PNG lacks a part of its frames: get a whole copy of it")
    delays = [Fraction(1000 * part.delay, part.per_second or 100) for part in parts]
    return Moving(
        _composed(parts, _before_pixels(found), (height, width)),
        png.metadata(found, first),
        Timing(whole_steps(delays), plays),
        (_STANDS_IN,) if stands_in else (),
    )


def write(
    file: BinaryIO, frames: Iterable[Rows], carry: Carry, *, timing: Timing, quality: int | None
) -> None:
    """An animated PNG of frames with the same channels; always lossless."""
    del quality
    file.write(png.SIGNATURE)
    number = 0
    parts = zip(changes(frames), timing.durations, strict=True)
    for index, ((rows, left, top), duration) in enumerate(parts):
        if not index:
            counts = struct.pack(">II", len(timing.durations), timing.loop)
            for name, body in (*png.head(rows, carry), (b"acTL", counts)):
                file.write(png.chunk(name, body))
        place = (*rows.shape[1::-1], left, top)
        control = struct.pack(">IIIIIHHBB", number, *place, *_delay(duration), _KEPT, _REPLACES)
        file.write(png.chunk(b"fcTL", control))
        number += 1
        for strip in png.deflated(rows):
            if index:
                file.write(png.chunk(b"fdAT", struct.pack(">I", number) + strip))
                number += 1
            else:
                file.write(png.chunk(b"IDAT", strip))
    file.write(png.chunk(b"IEND", b""))


def _parts(found: list[png.Chunk]) -> tuple[list[_Part], bool]:
    """The frames, and whether the plain picture is none of them."""
    parts: list[_Part] = []
    expected, stands_in = 0, False
    for name, body in found:
        if name in (b"fcTL", b"fdAT"):
            if struct.unpack_from(">I", body)[0] != expected:
                raise ItemError("the frames of the PNG are out of order: get a whole copy of it")
            expected += 1
        if name == b"fcTL":
            parts.append(_Part(*struct.unpack_from(">IIIIHHBB", body, 4)))
        elif name == b"fdAT" and parts:
            parts[-1].packed.append(body[4:])
        elif name == b"IDAT" and parts:
            parts[-1].packed.append(body)
        elif name == b"IDAT":
            stands_in = True
    return parts, stands_in


def _before_pixels(found: list[png.Chunk]) -> list[png.Chunk]:
    needed = (b"IHDR", b"PLTE", b"tRNS")
    return [part for part in found if part[0] in needed]


def _composed(
    parts: list[_Part], before: list[png.Chunk], size: tuple[int, int]
) -> Iterator[Pixels]:
    canvas: Pixels | None = None
    for part in parts:
        pixels = _rgba(_decoded(part, before))
        if canvas is None:
            canvas = like(np.zeros((*size, 4), pixels.dtype), pixels)
        behind = canvas[part.place].copy()
        canvas[part.place] = _over(behind, pixels) if part.blend == _OVER else pixels
        yield canvas.copy()
        if part.disposal == _CLEARED:
            canvas[part.place] = 0
        elif part.disposal == _RESTORED:
            canvas[part.place] = behind


def _decoded(part: _Part, before: list[png.Chunk]) -> Pixels:
    (_, header), *rest = before
    own = struct.pack(">II", part.width, part.height) + header[8:]
    packed = [(b"IDAT", b"".join(part.packed)), (b"IEND", b"")]
    plain = png.file([(b"IHDR", own), *rest, *packed])
    return png.decode(plain, part.width * part.height)[0]


def _rgba(pixels: Pixels) -> Pixels:
    channels = pixels.shape[2]
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    opaque = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max)
    return like(np.dstack([colours, pixels[..., -1:] if channels in (2, 4) else opaque]), pixels)


def _over(below: Pixels, above: Pixels) -> Pixels:
    """Porter and Duff's «over» for straight alpha, as the PNG specification demands."""
    top = float(np.iinfo(above.dtype).max)
    covered = above[..., 3:] / top
    shown = below[..., 3:] / top * (1 - covered)
    alpha = covered + shown
    mixed = above[..., :3] * covered + below[..., :3] * shown
    colours = mixed / np.where(alpha > 0, alpha, 1)
    return like(np.rint(np.dstack([colours, alpha * top])), above)


def _delay(duration: int) -> tuple[int, int]:
    """Milliseconds as numerator and denominator of 16 bits; at most 18 hours."""
    for per_second in (1000, 100, 10):
        if duration * per_second <= _LONGEST * 1000:
            return round(duration * per_second / 1000), per_second
    return min(round(duration / 1000), _LONGEST), 1

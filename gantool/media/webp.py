"""Animated WebP: the frames of one that is read, and an encoder.

The parts are put together here, as libwebp's own encoder drops a frame that is like the one before.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import WebPImagePlugin

from gantool.errors import ItemError
from gantool.media import exif, pillow_formats
from gantool.media.animation import Moving, changes, check_size
from gantool.media.carry import Carry
from gantool.media.picture import Timing

if TYPE_CHECKING:
    from gantool.media.pixels import Pixels
    from gantool.media.rows import Rows

_MOVES, _XMP, _EXIF, _ALPHA, _ICC = 2, 4, 8, 16, 32
_REPLACES = 2
_UNIT = 2
"""Of the place of a frame, in pixels."""
_FRAME_HEADER = 16
_LONGEST = (1 << 24) - 1
_MOST_PLAYS = 65_535
_LIMIT = (1 << 32) - 2


def moving(data: bytes, max_pixels: int) -> Moving | None:
    """The animation; None where the WebP holds one picture. Raises ItemError for a damaged one."""
    if data[12:16] != b"VP8X" or not data[20] & _MOVES:
        return None
    parts = list(_chunks(data, 12, 8 + int.from_bytes(data[4:8], "little")))
    frames = [body for name, body in parts if name == b"ANMF"]
    if len(frames) < 2:
        return None
    first = dict(reversed(parts))
    width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    check_size(width, height, len(frames), max_pixels=max_pixels)
    (plays,) = struct.unpack_from("<4xH", first[b"ANIM"])
    durations = tuple(int.from_bytes(frame[12:15], "little") for frame in frames)
    carry = Carry(
        exif=exif.block(first.get(b"EXIF", b"")),
        icc=first.get(b"ICCP", b""),
        xmp=first.get(b"XMP ", b""),
    )
    return Moving(_composed(data, len(frames)), carry, Timing(durations, plays))


def write(
    file: BinaryIO, frames: Iterable[Rows], carry: Carry, *, timing: Timing, quality: int | None
) -> None:
    """An animated WebP of frames with the same channels."""
    file.write(b"RIFF" + bytes(4) + b"WEBP")
    parts = zip(changes(frames, unit=_UNIT), timing.durations, strict=True)
    for index, ((rows, left, top), duration) in enumerate(parts):
        height, width, channels = rows.shape
        size = _three(width - 1) + _three(height - 1)
        if not index:
            flags = _MOVES | (_ALPHA if channels in (2, 4) else 0) | _held(carry)
            file.write(_chunk(b"VP8X", struct.pack("<L", flags) + size))
            file.write(_chunk(b"ICCP", carry.icc) if carry.icc else b"")
            file.write(_chunk(b"ANIM", struct.pack("<LH", 0, min(timing.loop, _MOST_PLAYS))))
        place = _three(left // _UNIT) + _three(top // _UNIT) + size
        shown = _three(min(duration, _LONGEST)) + bytes((_REPLACES,))
        file.write(_chunk(b"ANMF", place + shown + _packed(rows, quality)))
    file.write(_chunk(b"EXIF", carry.exif) if carry.exif else b"")
    file.write(_chunk(b"XMP ", carry.xmp) if carry.xmp else b"")
    length = file.tell() - 8
    if length > _LIMIT:
        raise ItemError("the result is larger than the 4 GiB a WebP can hold: choose .png")
    file.seek(4)
    file.write(struct.pack("<L", length))
    file.seek(0, io.SEEK_END)


def _composed(data: bytes, count: int) -> Iterator[Pixels]:
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    if image.n_frames != count:
        raise ItemError("the animated WebP lacks a part of its frames: get a whole copy of it")
    for number in range(count):
        image.seek(number)
        yield np.array(image.convert("RGBA"))


def _packed(rows: Rows, quality: int | None) -> bytes:
    """The chunks of a still picture's pixels."""
    whole = io.BytesIO()
    pillow_formats.encode_webp(rows, Carry(), whole, quality)
    data = whole.getvalue()
    pixels = (b"ALPH", b"VP8 ", b"VP8L")
    return b"".join(_chunk(*part) for part in _chunks(data, 12, len(data)) if part[0] in pixels)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _held(carry: Carry) -> int:
    """The flags of the metadata that is there."""
    return (_ICC if carry.icc else 0) | (_EXIF if carry.exif else 0) | (_XMP if carry.xmp else 0)


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of every chunk. Raises ItemError where the data ends before one does."""
    if end > len(data):
        raise ItemError("the WebP is cut short: get a whole copy of it")
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sL", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length or (name == b"ANMF" and length < _FRAME_HEADER):
            raise ItemError("the WebP is cut short: get a whole copy of it")
        yield name, body
        at += 8 + length + length % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sL", name, len(body)) + body + bytes(len(body) % 2)

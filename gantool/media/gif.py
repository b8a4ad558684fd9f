"""GIF: still and moving pictures of 256 colours, read and written.

The parts are put together here, as Pillow's own encoder drops a frame that is like the one before.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import GifImagePlugin, Image

from gantool.errors import ItemError
from gantool.media.animation import Moving, changes, check_size, whole_steps
from gantool.media.carry import Carry
from gantool.media.colour import fewest_channels
from gantool.media.palette import CLEAR, indexed
from gantool.media.picture import Timing
from gantool.media.pixels import check_budget

if TYPE_CHECKING:
    from gantool.media.pixels import Pixels
    from gantool.media.rows import Rows

_EXTENSION, _IMAGE, _END = b"!", b",", b";"
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF
_LOOP, _ALSO_LOOP = b"NETSCAPE2.0", b"ANIMEXTS1.0"
_ICC, _XMP = b"ICCRGBG1012", b"XMP DataXMP"
_XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""After XMP, which is not cut into blocks: leads whoever looks for their lengths to the end."""
_KEPT, _CLEARED = 1, 2
_INTERLACED = 0x40
_MOST_STEPS = 65_535
_CUT = "the GIF is damaged or cut short: get a whole copy of it"


@dataclass(frozen=True)
class _Part:
    """Where the packed pixels of a frame lie in the file."""

    width: int
    height: int
    flags: int
    packed: slice


@dataclass
class _Outline:
    """What a GIF says beside its pixels."""

    width: int
    height: int
    """Of the screen, or more where a frame reaches beyond it."""
    durations: list[int] = field(default_factory=list)
    """Milliseconds, one per frame."""
    parts: list[_Part] = field(default_factory=list)
    plays: int = 1
    icc: bytes = b""
    xmp: bytes = b""
    comment: bytes = b""

    def carry(self) -> Carry:
        text = ((b"tEXt", b"Comment\0" + self.comment),) if self.comment else ()
        return Carry(icc=self.icc, xmp=self.xmp, png=text)


def decode(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Pixels and metadata of a still GIF. Raises ItemError for a moving or a damaged one."""
    outline = _outline(data, max_pixels)
    check_budget(outline.width, outline.height, max_pixels)
    if len(outline.durations) > 1:
        raise ItemError(f"an animated GIF of {len(outline.durations)} frames: one is needed here")
    return fewest_channels(next(_composed(data, outline.parts)), outline.icc), outline.carry()


def moving(data: bytes, max_pixels: int) -> Moving | None:
    """The animation; None where the GIF holds one picture. Raises ItemError for a damaged one."""
    outline = _outline(data, max_pixels)
    count = len(outline.durations)
    if count < 2:
        return None
    check_size(outline.width, outline.height, count, max_pixels=max_pixels)
    timing = Timing(tuple(outline.durations), outline.plays)
    return Moving(_composed(data, outline.parts), outline.carry(), timing)


def encode(rows: Rows, carry: Carry, file: BinaryIO, quality: int | None) -> None:
    """A still GIF; half and more transparent pixels become clear, the others opaque."""
    write(file, [rows], carry, timing=Timing((0,), loop=1), quality=quality)


def write(
    file: BinaryIO, frames: Iterable[Rows], carry: Carry, *, timing: Timing, quality: int | None
) -> None:
    """A GIF of frames with the same channels, each with its own 256 colours.

    Times are rounded to 10 ms so that none is shifted by more than 5.
    """
    del quality
    steps = [min(step, _MOST_STEPS) for step in _in_steps(timing.durations)]
    for index, ((rows, left, top), step) in enumerate(zip(_placed(frames), steps, strict=True)):
        height, width, _ = rows.shape
        if not index:
            file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0))
            file.writelines(_extensions(carry, timing.loop))
        indices, palette = indexed(rows[:])
        clear = rows.alpha is not None
        flags = (_CLEARED if clear else _KEPT) << 2 | clear
        file.write(b"!\xf9\x04" + struct.pack("<BHBB", flags, step, CLEAR, 0))
        file.write(b"," + struct.pack("<HHHHB", left, top, width, height, 0x87) + palette)
        file.write(b"\x08" + Image.fromarray(indices).tobytes("gif", "L", 8, 0) + b"\0")
    file.write(_END)


def _placed(frames: Iterable[Rows]) -> Iterator[tuple[Rows, int, int]]:
    """What changes; of frames with alpha all, as a next frame cannot make a pixel clear."""
    whole, compared = itertools.tee(frames)
    return (
        (rows, 0, 0) if rows.alpha is not None else change
        for rows, change in zip(whole, changes(compared), strict=True)
    )


def _outline(data: bytes, max_pixels: int) -> _Outline:
    """Everything but the pixels. Raises ItemError where the data ends before the end mark."""
    try:
        width, height = struct.unpack_from("<HH", data, 6)
        check_budget(width, height, max_pixels)
        return _walked(data)
    except (IndexError, struct.error) as error:
        raise ItemError(_CUT) from error


def _walked(data: bytes) -> _Outline:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    outline, delay = _Outline(width, height), 0
    at = 13 + _table(flags)
    while data[at : at + 1] != _END:
        if data[at : at + 1] == _EXTENSION:
            blocks, end = _blocks(data, at + 2)
            if data[at + 1] == _CONTROL and blocks:
                (delay,) = struct.unpack_from("<xH", blocks[0])
            else:
                _note(outline, data[at + 1], blocks, data[at + 2 : end])
            at = end
        elif data[at : at + 1] == _IMAGE:
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
            outline.width = max(outline.width, left + across)
            outline.height = max(outline.height, top + down)
            outline.durations.append(10 * delay)
            delay, start = 0, at + 10 + _table(flags)
            at = _blocks(data, start + 1)[1]
            outline.parts.append(_Part(across, down, flags, slice(start, at)))
        else:
            raise ItemError(_CUT)
    if not outline.durations:
        raise ItemError("the GIF holds no picture: get a whole copy of it")
    return outline


def _table(flags: int) -> int:
    """Bytes of the colours that follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The blocks that begin here, and where what follows begins."""
    blocks = []
    while size := data[at]:
        blocks.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return blocks, at + 1


def _note(outline: _Outline, label: int, blocks: list[bytes], raw: bytes) -> None:
    """Take down what an extension says; `raw` are its blocks as they lie in the file."""
    if label == _COMMENT:
        outline.comment = b"\n".join(filter(None, (outline.comment, b"".join(blocks))))
    elif label == _APPLICATION and blocks:
        name, *rest = blocks
        if name == _ICC:
            outline.icc = b"".join(rest)
        elif name == _XMP:
            outline.xmp = raw[1 + len(_XMP) :].partition(_XMP_TRAILER)[0]
        elif name in (_LOOP, _ALSO_LOOP) and rest and rest[0].startswith(b"\x01"):
            (again,) = struct.unpack_from("<xH", rest[0])
            outline.plays = again + 1 if again else 0


def _composed(data: bytes, parts: list[_Part]) -> Iterator[Pixels]:
    """Frames as they are shown, of the size that the first has."""
    image = GifImagePlugin.GifImageFile(io.BytesIO(data))
    width, height = image.size
    for number, part in enumerate(parts):
        _check_whole(data, part)
        image.seek(number)
        yield np.array(image.convert("RGBA"))[:height, :width]


def _check_whole(data: bytes, part: _Part) -> None:
    """Unpack a frame alone. Where it is too short, Pillow would read on in the next one."""
    screen = struct.pack("<HHBBB", part.width, part.height, 0, 0, 0)
    place = struct.pack("<HHHHB", 0, 0, part.width, part.height, part.flags & _INTERLACED)
    alone = b"GIF87a" + screen + _IMAGE + place + data[part.packed]
    GifImagePlugin.GifImageFile(io.BytesIO(alone)).load()


def _in_steps(durations: Iterable[int]) -> tuple[int, ...]:
    return whole_steps(Fraction(duration, 10) for duration in durations)


def _extensions(carry: Carry, plays: int) -> Iterator[bytes]:
    if plays != 1:
        again = struct.pack("<BH", 1, max(min(plays, 65_536) - 1, 0))
        yield b"!\xff\x0b" + _LOOP + b"\x03" + again + b"\0"
    if carry.icc:
        yield b"!\xff\x0b" + _ICC + _in_blocks(carry.icc)
    if carry.xmp:
        yield b"!\xff\x0b" + _XMP + carry.xmp + _XMP_TRAILER
    for name, body in carry.png:
        if name == b"tEXt" and body.startswith(b"Comment\0"):
            yield b"!\xfe" + _in_blocks(body.partition(b"\0")[2])


def _in_blocks(data: bytes) -> bytes:
    cut = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes((len(block),)) + block for block in cut) + b"\0"

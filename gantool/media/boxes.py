"""The boxes of AVIF and HEIC files, as far as they say sizes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from gantool.errors import ItemError

_MOST = 10_000
"""Boxes that are looked at."""
_NESTS = (b"meta", b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl")


def size(file: BinaryIO) -> tuple[int, int, int]:
    """Width and height of the largest picture, before it is turned, and how many it shows in turn.

    A thumbnail and the tiles of a picture are smaller than it.
    """
    end = file.seek(0, 2)
    sizes: list[Any] = []
    frames = 1
    for number, (name, start) in enumerate(_boxes(file, 0, end)):
        if number > _MOST:
            raise ItemError(f"more than {_MOST} parts in its header: get a whole copy of it")
        if name == b"ispe":
            sizes.append(_at(file, ">II", start + 4))
        elif name == b"tkhd":
            wide = file.seek(start) == start and file.read(1) == b"\1"
            sizes.append([each >> 16 for each in _at(file, ">II", start + (88 if wide else 76))])
        elif name == b"stts":
            frames = max(frames, _samples(file, start))
    if not sizes:
        raise ItemError("its header holds no size: get a whole copy of it")
    width, height = max(sizes, key=lambda each: each[0] * each[1])
    return width, height, frames


def _samples(file: BinaryIO, start: int) -> int:
    (count,) = _at(file, ">I", start + 4)
    return sum(_at(file, ">I", start + 8 + 8 * number)[0] for number in range(min(count, _MOST)))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Name and first byte after the name of every box between, those inside others too."""
    while at + 8 <= end:
        length, name = _at(file, ">I4s", at)
        start = at + 8
        if length == 1:
            (length,) = _at(file, ">Q", start)
            start += 8
        after = end if length == 0 else at + length
        if after < start:
            return
        yield name, start
        if name in _NESTS:
            before = 4 if name == b"meta" else 0  # its version
            yield from _boxes(file, start + before, min(after, end))
        at = after


def _at(file: BinaryIO, form: str, at: int) -> tuple[Any, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))

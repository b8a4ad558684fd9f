"""One large JPEG out of several small ones, which hold its strips from the top down.

A baseline JPEG may begin anew at every so many blocks: there its decoder forgets what was before,
as it does at the beginning of a file. So the packed blocks of the strips, with a restart marker
between two of them, are those of the whole picture, and so are its pixels.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Iterator

_BLOCK = 8
_MOST_BLOCKS = 65_535
_PIXELS = 1 << 19
_START_OF_FRAME, _START_OF_SCAN, _RESTART_INTERVAL = b"\xff\xc0", b"\xff\xda", b"\xff\xdd"
_TABLE = b"\xff\xdb"
_END = b"\xff\xd9"


def height(width: int) -> int:
    """Rows of a strip: whole blocks, and no more of them than a restart interval counts."""
    across = math.ceil(width / _BLOCK)
    return _BLOCK * max(1, min(_MOST_BLOCKS // across, _PIXELS // (width * _BLOCK)))


def tables(jpeg: bytes) -> int:
    """Where the metadata ends and the tables begin by which the pixels are packed."""
    before = itertools.takewhile(lambda segment: segment[0] != _TABLE, _segments(jpeg))
    return sum(len(segment) for _, segment in before)


def joined(first: bytes, rest: Iterable[bytes], size: tuple[int, int]) -> Iterator[bytes]:
    """The parts of a JPEG of this width and height, with the metadata of its first strip.

    All strips are baseline JPEGs of one quality without chroma subsampling, of `height(width)`
    rows; only the last may have fewer.
    """
    width, full = size
    blocks = math.ceil(width / _BLOCK) * (height(width) // _BLOCK)
    for name, segment in _segments(first):
        if name == _START_OF_FRAME:
            segment = segment[:5] + struct.pack(">H", full) + segment[7:]
        if name == _START_OF_SCAN:
            yield _RESTART_INTERVAL + struct.pack(">HH", 4, blocks)
        yield segment
    yield _scan(first)
    for number, strip in enumerate(rest):
        yield bytes((0xFF, 0xD0 + number % 8)) + _scan(strip)
    yield _END


def _segments(jpeg: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Marker and bytes of everything before the packed blocks."""
    yield jpeg[:2], jpeg[:2]
    at = 2
    while True:
        name, end = jpeg[at : at + 2], at + 2 + struct.unpack_from(">H", jpeg, at + 2)[0]
        yield name, jpeg[at:end]
        if name == _START_OF_SCAN:
            return
        at = end


def _scan(jpeg: bytes) -> bytes:
    """The packed blocks, without what is before and the end marker."""
    before = sum(len(segment) for _, segment in _segments(jpeg))
    return jpeg[before : -len(_END)]

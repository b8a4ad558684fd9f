"""BMP: an encoder by strips, from the bottom up as the format has them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gantool.errors import ItemError
from gantool.media.carry import Carry
from gantool.media.pixels import as_depth, over_white

if TYPE_CHECKING:
    from gantool.media.rows import Rows

_HEADERS = 54
_LIMIT = (1 << 32) - 1
_PER_METRE = 100 / 2.54


def encode(rows: Rows, carry: Carry, file: BinaryIO, quality: int | None) -> None:
    """An 8-bit BMP, alpha laid over white; it holds the resolution and no other metadata."""
    del quality  # lossless
    height, width, _ = rows.shape
    channels = 1 if rows.grey else 3
    line = (width * channels + 3) // 4 * 4
    palette = bytes(level for grey in range(256) for level in (grey, grey, grey, 0))
    start = _HEADERS + (len(palette) if rows.grey else 0)
    size = start + line * height
    if size > _LIMIT:
        raise ItemError("the result is larger than the 4 GiB a BMP can hold: choose .png or .tif")
    x, y = (int(dots * _PER_METRE + 0.5) for dots in carry.dpi or (96, 96))
    colours = 256 if rows.grey else 0
    file.write(b"BM" + struct.pack("<LLL", size, 0, start))
    file.write(struct.pack("<LllHH", 40, width, height, 1, 8 * channels))
    file.write(struct.pack("<LLllLL", 0, line * height, x, y, colours, colours))
    file.write(palette if rows.grey else b"")
    strip = rows.strip_height()
    for bottom in range(height, 0, -strip):
        shallow = as_depth(over_white(rows[max(bottom - strip, 0) : bottom]), np.uint8)
        lines = np.zeros((len(shallow), line), np.uint8)
        lines[:, : width * channels] = shallow[::-1, :, ::-1].reshape(len(shallow), -1)
        file.write(lines.data)

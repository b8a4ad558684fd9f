"""Turning: what a film's display matrix asks for, as an orientation of EXIF."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, cast

from av.sidedata.sidedata import Type

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_ORIENTATIONS = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
"""By the signs of the matrix's a, b, c and d: x' = ax + cy, y' = bx + dy, y downwards."""


def orientation_of(frame: VideoFrame) -> int:
    """1 to 8; 1 for what no turning by quarters makes upright."""
    matrix = cast(Any, frame.side_data).get(Type.DISPLAYMATRIX)
    if matrix is None:
        return 1
    values = struct.unpack("=9i", bytes(matrix)[:36])
    signs = tuple((each > 0) - (each < 0) for each in (values[0], values[1], values[3], values[4]))
    return _ORIENTATIONS.get(signs, 1)

"""Faces as the places of their eyes, the crops that models see them in, and the way back.

Places are complex numbers x + iy, in pixels of the picture, whose upper left corner is 0: so a
similarity is p = a·c + b, as of crops with corners 0 and 1 + i to pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from gantool import Frame

if TYPE_CHECKING:  # the command line starts without it
    import numpy as np
    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.float32]
    Rows: TypeAlias = tuple[slice, slice]

SIDE = 128
"""Of the crop that models are given, pixels."""
EYES = (0.288 + 0.293j, 0.688 + 0.293j)
"""Where the eyes are in it: their mean places in the aligned faces that the model learns from."""
FINEST = 16
"""Samples a side that are averaged at most for a pixel of a crop."""
MARGIN = 0.15
"""Share of the crop, from each side, over which what is changed fades out."""
NOTHING = 2
"""Pixels at its border where nothing is: as far as cubic interpolation looks."""


@dataclass(frozen=True)
class Face:
    """The places of its eyes; `left` is left in a picture that is upright."""

    left: complex
    right: complex

    @property
    def side(self) -> complex:
        """The upper side of its crop, as a vector: the a of p = a·c + b."""
        return (self.right - self.left) / (EYES[1] - EYES[0])

    @property
    def corner(self) -> complex:
        """The upper left corner of its crop: the b."""
        return self.left - self.side * EYES[0]

    @property
    def centre(self) -> complex:
        return self.corner + self.side * (0.5 + 0.5j)

    def inner(self, place: complex) -> complex:
        """A place of the crop, 0 to 1 + i, in the picture."""
        return self.corner + self.side * place


def of_crop(corner: complex, side: complex) -> Face:
    """The face whose crop has this upper left corner and this upper side."""
    left, right = (corner + side * eye for eye in EYES)
    return Face(left, right)


def cut(frame: Frame, face: Face, *, wider: float = 0.0, side: int = SIDE) -> Frame:
    """H×W×3 → side×side×3, uint16: the crop and a share `wider` about it, means over areas.

    What is beyond the picture is its mirror image.
    """
    import cv2  # the command line starts without it

    a, b = face.side * (1 + 2 * wider), face.inner(-wider * (1 + 1j))
    finer = min(max(math.ceil(abs(a) / side), 1), FINEST)
    rows, columns = _box(frame, a, b)
    origin, step = complex(columns.start, rows.start), a / (side * finer)
    large = cv2.warpAffine(
        deep(frame[rows, columns]),
        matrix(step, b - origin),
        (side * finer, side * finer),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return cast(Frame, cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA))


def deep(frame: Frame) -> NDArray[np.uint16]:
    """The same in 16 bits."""
    import numpy as np

    return frame.astype(np.uint16) * np.uint16(257 if frame.dtype.itemsize == 1 else 1)


def laid(frame: Frame, faces: Sequence[Face], changes: Sequence[Values]) -> Frame:
    """H×W×3 with the change of each face, SIDE×SIDE×3, −1 to 1, in its place.

    It fades out towards the border of the crop; where two meet, they share. Elsewhere the frame
    stays as it is, bit for bit.
    """
    import numpy as np

    result, top, soft = frame.copy(), np.iinfo(frame.dtype).max, window()
    for face, change in zip(faces, changes, strict=True):
        box = _box(frame, face.side, face.corner)
        shares = sum(_spread(soft, each, box) for each in faces)
        added = _spread(change * soft[..., None], face, box)
        values = result[box] + top * (added / np.maximum(shares, 1)[..., None])
        result[box] = np.round(values).clip(0, top)
    return result


def window() -> Values:
    """SIDE×SIDE: 1 within, 0 at the border, with rounded corners."""
    import numpy as np

    pixels = np.arange(SIDE) + 0.5
    inside = (np.minimum(pixels, SIDE - pixels) - NOTHING) / (SIDE * MARGIN)
    rise = inside.clip(0, 1)
    ramp = rise * rise * (3 - 2 * rise)
    return np.outer(ramp, ramp).astype(np.float32)


def _spread(values: Values, face: Face, box: Rows) -> Values:
    """SIDE×SIDE×n of a crop → the part `box` of its picture, 0 beyond the crop."""
    import cv2

    rows, columns = box
    size = columns.stop - columns.start, rows.stop - rows.start
    origin, step = complex(columns.start, rows.start), SIDE / face.side
    way, how = matrix(step, (origin - face.corner) * step), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cast("Values", cv2.warpAffine(values, way, size, flags=how))


def matrix(step: complex, start: complex) -> NDArray[np.float64]:
    """Of OpenCV, which counts from the centres of pixels, for q = step·p + start."""
    import numpy as np

    shift = start + step * (0.5 + 0.5j) - (0.5 + 0.5j)
    return np.array([[step.real, -step.imag, shift.real], [step.imag, step.real, shift.imag]])


def about(frame: Frame, faces: Sequence[Face], wider: float) -> Rows:
    """The pixels of the frame with the crops of the faces and a share `wider` about each."""
    shift, times = -wider * (1 + 1j), 1 + 2 * wider
    boxes = [_box(frame, face.side * times, face.inner(shift)) for face in faces]
    rows, columns = ([box[axis] for box in boxes] for axis in (0, 1))
    return _union(rows), _union(columns)


def _union(spans: Sequence[slice]) -> slice:
    return slice(min(each.start for each in spans), max(each.stop for each in spans))


def _box(frame: Frame, side: complex, corner: complex) -> Rows:
    """The pixels of the frame that a square reaches, and one more on each side."""
    corners = [corner + side * place for place in (0, 1, 1j, 1 + 1j)]
    x, y = [each.real for each in corners], [each.imag for each in corners]
    height, width = frame.shape[:2]
    return _span(y, height), _span(x, width)


def _span(values: Sequence[float], length: int) -> slice:
    first, last = math.floor(min(values)) - 1, math.ceil(max(values)) + 1
    return slice(min(max(first, 0), length - 1), max(min(last, length), 1))

"""Degradations: a clean picture in, the network's input out. Pictures are H×W×3 uint8."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes: TypeAlias = NDArray[np.uint8]


def reduce(frame: Bytes, scale: int) -> Bytes:
    """`sH×sW×3 → H×W×3`: antialiased bicubic (a = −0.5), the reduction of the benchmarks.

    Rows and columns beyond a multiple of `scale` are cut off.
    """
    height, width = frame.shape[0] // scale, frame.shape[1] // scale
    return resize(frame[: height * scale, : width * scale], height, width)


def resize(frame: Bytes, height: int, width: int) -> Bytes:
    """Bicubic, antialiased where it reduces."""
    if frame.shape[:2] == (height, width):
        return frame
    picture = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)

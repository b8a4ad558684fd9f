"""Degradations: a clean picture in, the network's input out. Pictures are H×W×3 uint8."""

from typing import TypeAlias

import cv2
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
    return np.array(picture)  # one that may be written to


def to_side(frame: Bytes, side: int) -> Bytes:
    """The picture with a short side of `side` pixels, its proportions kept."""
    factor = side / min(frame.shape[:2])
    height, width = (max(side, round(length * factor)) for length in frame.shape[:2])
    return resize(frame, height, width)


def edges(frame: Bytes, low: int = 60, high: int = 140) -> Bytes:
    """Black lines on white where the picture has edges, by Canny's detector with hysteresis."""
    smooth = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    lines = cv2.Canny(smooth, low, high)
    return np.repeat(255 - lines[..., None], 3, axis=2).astype(np.uint8)


def grey(frame: Bytes) -> Bytes:
    """Three equal channels: the BT.601 luma, full range."""
    return np.repeat(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def lowres(frame: Bytes, scale: int = 4) -> Bytes:
    """Reduced by `scale` and brought back to its size: what is to be seen, without the detail."""
    return resize(reduce(frame, scale), *frame.shape[:2])


FROM = {"edges": edges, "grey": grey, "lowres": lowres}
"""Inputs that can be made from a picture, by the names of `--from`."""

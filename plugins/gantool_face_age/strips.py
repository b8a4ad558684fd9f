"""Several results of one picture beside each other, with the age under each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from gantool import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HIGHEST, WIDEST = 512, 512
"""Of a picture in the strip, pixels."""
GAP, FOOT = 8, 40
"""Between two of them, and under them."""
PAPER, INK = 250, 40


def strip(frames: Sequence[Frame], labels: Sequence[str]) -> Frame:
    """Frames of one size, at most HIGHEST×WIDEST here, from left to right on white."""
    import cv2  # the command line starts without it
    import numpy as np

    height, width = frames[0].shape[:2]
    factor = min(HIGHEST / height, WIDEST / width, 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    level = np.iinfo(frames[0].dtype).max // 255
    parts: list[NDArray[Any]] = []
    gap = np.full((size[1] + FOOT, GAP, 3), PAPER * level, frames[0].dtype)
    for frame, label in zip(frames, labels, strict=True):
        small = cast(Frame, cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
        foot = _foot(size[0], label).astype(frame.dtype) * level
        parts += [gap, np.vstack([small, foot])]
    return cast(Frame, np.hstack(parts[1:]))


def _foot(width: int, label: str) -> NDArray[np.uint8]:
    """FOOT×width×3 with the label in its middle."""
    import cv2
    import numpy as np

    foot = np.full((FOOT, width, 3), PAPER, np.uint8)
    (wide, high), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2)
    place = (width - wide) // 2, (FOOT + high) // 2
    cv2.putText(foot, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (INK,) * 3, 2, cv2.LINE_AA)
    return foot

"""What is shown of two pictures: both reduced to one size, and a part in its own pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gantool.media.carry import attach
from gantool.media.images import read_picture
from gantool.media.pixels import as_depth, over_white
from gantool.media.video.kinds import is_film
from gantool.reports.slider import Sight

WHOLE = 720
"""Longest side of a whole picture."""
CLOSE = (380, 640)
"""Height and width of a part."""
QUALITY = 80
THIRD = 1 / 3

Bytes = NDArray[np.uint8]


def sights(source: Path, result: Path) -> tuple[Sight, Sight, str]:
    """Both views, and the sizes in words. Raises ItemError where one cannot be read."""
    films = is_film(source) and is_film(result)
    share = THIRD if films else 0.0  # films begin black, and one frame of many is the first
    before, after = shown(source, share), shown(result, share)
    sizes = " → ".join(f"{each.shape[1]}×{each.shape[0]}" for each in (before, after))
    return _whole(before, after), _close(before, after), sizes


def shown(path: Path, share: float) -> Bytes:
    """A frame of a film, or the first one, H×W×3, 8 bits, transparency laid over white.

    Raises ItemError.
    """
    if is_film(path):
        from gantool.media.video.still import still  # pages of pictures do without av

        return np.asarray(still(path, share), np.uint8)
    frame, carry = read_picture(path).frames[0]
    pixels = as_depth(over_white(attach(frame, carry)), np.uint8)
    return np.asarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), np.uint8)


def _whole(before: Bytes, after: Bytes) -> Sight:
    height, width = after.shape[:2]
    factor = min(1.0, WHOLE / max(height, width))
    return _sight(before, after, max(round(height * factor), 1), max(round(width * factor), 1))


def _close(before: Bytes, after: Bytes) -> Sight:
    """The middle of the result, and the same part of the source, enlarged to it."""
    height, width = (min(most, side) for most, side in zip(CLOSE, after.shape[:2], strict=True))
    down, right = (after.shape[0] - height) // 2, (after.shape[1] - width) // 2
    part = after[down : down + height, right : right + width]
    vertical, horizontal = (before.shape[axis] / after.shape[axis] for axis in (0, 1))
    rows = span(down * vertical, height * vertical, before.shape[0])
    columns = span(right * horizontal, width * horizontal, before.shape[1])
    return _sight(before[rows, columns], part, height, width)


def span(start: float, length: float, most: int) -> slice:
    """What of `most` pixels of a side lies there, one at least."""
    first = min(round(start), most - 1)
    return slice(first, max(min(round(start + length), most), first + 1))


def _sight(before: Bytes, after: Bytes, height: int, width: int) -> Sight:
    return Sight(jpeg(before, height, width), jpeg(after, height, width), width, height)


def jpeg(frame: Bytes, height: int, width: int, *, quality: int = QUALITY) -> bytes:
    """The frame, H×W×3, as a JPEG file of height×width."""
    if frame.shape[:2] != (height, width):
        how = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_CUBIC
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=how), np.uint8)
    colours = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()

"""Pixels to 256 colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gantool.media.pixels import as_depth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool.media.pixels import Pixels

CLEAR = 255
"""The index of transparent pixels."""
_HALF = 128


def indexed(pixels: Pixels) -> tuple[NDArray[np.uint8], bytes]:
    """H×W×C to H×W indices and a palette of 256 RGB colours.

    Exact where there are no more colours, else dithered. With alpha, one index is for the pixels
    that are more than half transparent.
    """
    shallow = as_depth(pixels, np.uint8).astype(np.uint8, copy=False)
    clear = shallow[..., -1] < _HALF if shallow.shape[2] in (2, 4) else None
    colours = shallow[..., :3] if shallow.shape[2] > 2 else np.repeat(shallow[..., :1], 3, axis=2)
    most = 256 if clear is None else CLEAR
    indices, palette = _exact(colours, clear, most) or _nearest(colours, most)
    if clear is not None:
        indices = np.where(clear, np.uint8(CLEAR), indices)
    return indices, palette.tobytes().ljust(3 * 256, b"\0")


def _exact(
    colours: NDArray[np.uint8], clear: NDArray[np.bool_] | None, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Indices and palette; None where there are more colours than `most`."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), 2, 0)
    numbers = red << 16 | green << 8 | blue
    seen = np.zeros(1 << 24, np.bool_)
    seen[numbers if clear is None else numbers[~clear]] = True
    found = np.flatnonzero(seen)
    if len(found) > most:
        return None
    index = np.zeros(1 << 24, np.uint8)
    index[found] = np.arange(len(found))
    return index[numbers], np.stack([found >> 16, found >> 8, found], axis=1).astype(np.uint8)


def _nearest(colours: NDArray[np.uint8], most: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image = Image.fromarray(np.ascontiguousarray(colours))
    chosen = image.quantize(most)
    dithered = np.array(image.quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG))
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(chosen.getpalette(), np.uint8).reshape(-1, 3)
    palette[: len(given)] = given
    return dithered, palette

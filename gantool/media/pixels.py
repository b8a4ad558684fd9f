"""Arrays of pixels as formats hold them: with or without alpha, grey or colour, 8 or 16 bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from gantool.errors import ItemError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
else:
    Pixels = "Pixels"
    """H×W×C, full range of its dtype; C is 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA, alpha straight."""


def like(values: NDArray[Any], example: Pixels) -> Pixels:
    """The values, which must fit, in the dtype of `example`; not copied where they are."""
    dtype: Any = example.dtype
    return values.astype(dtype, copy=False)


def check_budget(width: int, height: int, max_pixels: int) -> None:
    """Raise ItemError for a picture without pixels or with more than `max_pixels`."""
    if width < 1 or height < 1:
        raise ItemError(f"the picture is {width}×{height}, it has no pixels: leave it out")
    if width * height > max_pixels:
        raise ItemError(
            f"the picture is {width}×{height}, {width * height / 1e6:.0f} megapixels and more than "
            f"the {max_pixels / 1e6:.0f} allowed: raise --max-pixels or reduce the picture first"
        )


def oriented(pixels: Pixels, orientation: int) -> Pixels:
    """H×W×C turned upright by an EXIF orientation 1–8; W×H×C for 5–8."""
    upright = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    return like(np.ascontiguousarray(upright), pixels)


def as_depth(values: Pixels, dtype: DTypeLike) -> Pixels:
    """The same values over the full range of `dtype`, uint8 or uint16, rounded to nearest."""
    if values.dtype == dtype:
        return values
    if dtype == np.uint16:
        return values.astype(np.uint16) * np.uint16(257)
    return cv2.convertScaleAbs(values, alpha=1 / 257).astype(np.uint8).reshape(values.shape)


def luma(frame: Pixels) -> Pixels:
    """H×W×3 RGB to H×W×1, BT.601 weights; three equal channels give exactly that channel."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return like(grey[..., None], frame)


def over_white(pixels: Pixels) -> Pixels:
    """The pixels without their alpha, laid over white; those that have none unchanged."""
    if pixels.shape[2] in (1, 3):
        return pixels
    top = int(np.iinfo(pixels.dtype).max)
    wide: Any = np.uint32 if pixels.itemsize == 1 else np.uint64
    colours, alpha = pixels[..., :-1].astype(wide), pixels[..., -1:].astype(wide)
    return like((colours * alpha + top * (top - alpha) + top // 2) // top, pixels)


def unpremultiplied(pixels: Pixels) -> Pixels:
    """Straight colours of pixels that were stored multiplied by their alpha, the last channel."""
    top = int(np.iinfo(pixels.dtype).max)
    colours, alpha = pixels[..., :-1].astype(np.uint64), pixels[..., -1:].astype(np.uint64)
    straight = (colours * top + alpha // 2) // np.maximum(alpha, 1)
    return like(np.dstack([np.minimum(straight, top), alpha]), pixels)


def grey_of(frame: Pixels) -> Pixels:
    """H×W×3 with its luma, BT.601, in all channels."""
    return like(np.repeat(luma(frame), 3, axis=2), frame)

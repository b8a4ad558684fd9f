"""Pillow's colour modes to pixels, and what an ICC profile speaks of."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

from gantool.errors import ItemError
from gantool.media.pixels import as_depth

if TYPE_CHECKING:
    from gantool.media.pixels import Pixels

_DIRECT = ("L", "LA", "RGB", "RGBA")
_EXPANDED = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "PA": "RGBA"}


def to_pixels(image: Image.Image, icc: bytes = b"") -> tuple[Pixels, bytes]:
    """The picture as H×W×C, and the ICC profile that its pixels now have.

    CMYK and LAB become sRGB and lose theirs. Raises ItemError for floating-point and 32-bit modes.
    """
    if image.mode in ("CMYK", "LAB"):
        return _array(_to_srgb(image, icc)), b""
    if image.mode == "P":
        return _from_palette(image, icc), icc
    if image.mode in _EXPANDED:
        return _array(image.convert(_EXPANDED[image.mode])), icc
    if image.mode in _DIRECT or image.mode.startswith("I;16"):
        return _array(image), icc
    raise ItemError(
        f"floating-point and 32-bit pixels (mode {image.mode}) are not read: "
        "convert it to 8 or 16 bits per channel first"
    )


def to_image(pixels: Pixels) -> Image.Image:
    """H×W×C as an 8-bit image of Pillow's: L, LA, RGB or RGBA."""
    shallow = as_depth(pixels, np.uint8)
    return Image.fromarray(shallow[..., 0] if shallow.shape[2] == 1 else shallow)


def fitting(icc: bytes, *, grey: bool) -> bytes:
    """`icc` where it is a profile of such a picture, grey or RGB; empty where it is not."""
    space = b"GRAY" if grey else b"RGB "
    return icc if icc[36:40] == b"acsp" and icc[16:20] == space else b""


def fewest_channels(pixels: Pixels, icc: bytes) -> Pixels:
    """H×W×4 without its alpha where all is opaque; grey where every pixel is.

    An RGB profile gives greys a tint: with one they stay RGB.
    """
    top = np.iinfo(pixels.dtype).max
    opaque = bool((pixels[..., 3] == top).all())
    neutral = not icc and bool((pixels[..., 1:3] == pixels[..., :1]).all())
    return pixels[..., [*range(1 if neutral else 3), *([] if opaque else [3])]]


def _array(image: Image.Image) -> Pixels:
    values = np.array(image)
    layered = values.reshape(image.height, image.width, -1)
    return layered.astype(np.uint16) if values.dtype.itemsize == 2 else layered


def _from_palette(image: Image.Image, icc: bytes) -> Pixels:
    """RGB or RGBA; grey where every pixel is, unless an RGB profile gives the greys a tint."""
    pixels = _array(image.convert("RGBA" if "transparency" in image.info else "RGB"))
    neutral = (pixels[..., 1:3] == pixels[..., :1]).all()
    return pixels[..., [0, *range(3, pixels.shape[2])]] if neutral and not icc else pixels


def _to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    if image.mode == "LAB":
        return _transformed(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a damaged profile: as if without
        if icc:
            return _transformed(image, ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    return image.convert("RGB")


def _transformed(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB")
    return transform.apply(image)

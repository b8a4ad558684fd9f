"""HEIC, which cameras of phones write: read by the extra `heif`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gantool.media import exif
from gantool.media.carry import Carry
from gantool.media.jpeg_extras import GAIN_MAP, more
from gantool.media.pixels import check_budget, unpremultiplied

if TYPE_CHECKING:
    import pillow_heif
    from numpy.typing import NDArray

    from gantool.media.pixels import Pixels

SUFFIXES = frozenset((".heic", ".heif", ".hif"))
_PREMULTIPLIED = ("RGBa", "La")


def decode(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Upright pixels, more than 8 bits as 16, and metadata of the main picture."""
    import pillow_heif

    image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    width, height = image.size
    check_budget(width, height, max_pixels)
    pixels = _full_range(np.asarray(image), image.info["bit_depth"])
    pixels = pixels.reshape(height, width, -1)
    if image.mode.startswith(_PREMULTIPLIED):
        pixels = unpremultiplied(pixels)
    told = exif.block(image.info.get("exif") or b"")
    return pixels, Carry(
        exif=exif.upright(told, width, height),  # what it says of turning is done already
        icc=image.info.get("icc_profile") or b"",
        xmp=image.info.get("xmp") or b"",
        notes=tuple(_notes(image)),
    )


def _notes(image: pillow_heif.HeifFile) -> Iterator[str]:
    if any("hdrgainmap" in name for name in image.info["aux"]):
        yield GAIN_MAP
    if len(image) > 1:
        yield more(len(image) - 1)


def _full_range(values: NDArray[Any], bits: int) -> Pixels:
    if bits <= 8:
        return values.astype(np.uint8, copy=False)
    top = (1 << bits) - 1
    return ((values.astype(np.uint32) * 65535 + top // 2) // top).astype(np.uint16)

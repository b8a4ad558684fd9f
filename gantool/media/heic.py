"""HEIC, which cameras of phones write: read by the extra `heif`."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from gantool.errors import ItemError
from gantool.media import exif
from gantool.media.carry import Carry
from gantool.media.jpeg_extras import GAIN_MAP
from gantool.media.pixels import check_budget, unpremultiplied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool.media.pixels import Pixels

SUFFIXES = frozenset((".heic", ".heif", ".hif"))
_PREMULTIPLIED = ("RGBa", "La")
_BESIDE = {"hdrgainmap": GAIN_MAP}
"""What comes with a picture, by a part of its name."""


def readable() -> bool:
    """Whether the extra is installed."""
    return find_spec("pillow_heif") is not None


def decode(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Upright pixels, more than 8 bits as 16, and metadata of the main picture."""
    try:
        import pillow_heif
    except ImportError as error:
        raise ItemError('a HEIC picture: pip install "gantool[heif]"') from error
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
        notes=tuple(
            note for mark, note in _BESIDE.items() if any(mark in k for k in image.info["aux"])
        ),
    )


def _full_range(values: NDArray[Any], bits: int) -> Pixels:
    if bits <= 8:
        return values.astype(np.uint8, copy=False)
    top = (1 << bits) - 1
    return ((values.astype(np.uint32) * 65535 + top // 2) // top).astype(np.uint16)

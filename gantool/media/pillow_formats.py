"""WebP, AVIF, BMP and PNM: formats that Pillow reads whole, but for 16-bit PNM, and writes."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import AvifImagePlugin, BmpImagePlugin, PpmImagePlugin, WebPImagePlugin

from gantool.errors import ItemError
from gantool.media import exif
from gantool.media.carry import Carry
from gantool.media.colour import to_image, to_pixels
from gantool.media.pixels import check_budget

if TYPE_CHECKING:
    from PIL import ImageFile

    from gantool.media.pixels import Pixels
    from gantool.media.rows import Rows

QUALITY = 95
_LOSSLESS = 100
_PNM_HEADER = re.compile(rb"P([56])" + rb"(?:\s+|#[^\n]*\n)+(\d+)" * 3 + rb"\s")


def decode_webp(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Pixels and metadata; raises ItemError for an animation or a file that is cut short."""
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise ItemError("the WebP is cut short: get a whole copy of it")
    return _decoded(WebPImagePlugin.WebPImageFile(io.BytesIO(data)), max_pixels)


def decode_avif(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """8-bit pixels, deeper ones rounded, and metadata; raises ItemError for an animation."""
    return _decoded(AvifImagePlugin.AvifImageFile(io.BytesIO(data)), max_pixels)


def decode_bmp(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Pixels and resolution."""
    return _decoded(BmpImagePlugin.BmpImageFile(io.BytesIO(data)), max_pixels)


def decode_pnm(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Pixels; those with more than 255 levels as 16 bits, whatever their highest is."""
    header = _PNM_HEADER.match(data)
    if header is None or int(header[4]) <= 255:
        return _decoded(PpmImagePlugin.PpmImageFile(io.BytesIO(data)), max_pixels)
    width, height, top = (int(header[number]) for number in (2, 3, 4))
    check_budget(width, height, max_pixels)
    channels = 1 if header[1] == b"5" else 3
    values = np.frombuffer(data, ">u2", width * height * channels, header.end())
    scaled = np.minimum(values.astype(np.uint32) * 65535 // top, 65535).astype(np.uint16)
    return scaled.reshape(height, width, channels), Carry()


def encode_webp(rows: Rows, carry: Carry, file: BinaryIO, quality: int | None) -> None:
    """An 8-bit WebP; a quality of 100 means lossless."""
    whole = io.BytesIO()  # its own write errors do not say that the disk is full
    to_image(rows[:]).save(
        whole,
        "WEBP",
        quality=quality or QUALITY,
        lossless=quality == _LOSSLESS,
        exact=True,
        exif=carry.exif,
        icc_profile=carry.icc,
        xmp=carry.xmp,
    )
    file.write(whole.getbuffer())


def encode_avif(rows: Rows, carry: Carry, file: BinaryIO, quality: int | None) -> None:
    """An 8-bit AVIF without chroma subsampling, by a search 8 times faster than the default."""
    whole = io.BytesIO()  # its own write errors do not say that the disk is full
    to_image(rows[:]).save(
        whole,
        "AVIF",
        quality=quality or QUALITY,
        subsampling="4:4:4",
        speed=8,
        exif=carry.exif,
        icc_profile=carry.icc,
        xmp=carry.xmp,
    )
    file.write(whole.getbuffer())


def _decoded(image: ImageFile.ImageFile, max_pixels: int) -> tuple[Pixels, Carry]:
    check_budget(*image.size, max_pixels)
    if getattr(image, "n_frames", 1) > 1:
        raise ItemError(f"an animated {image.format}: take its frames apart first")
    image.load()
    info = image.info
    pixels, icc = to_pixels(image, info.get("icc_profile") or b"")
    return pixels, Carry(
        exif=exif.block(info.get("exif") or b""),
        icc=icc,
        xmp=info.get("xmp") or b"",
        dpi=info.get("dpi"),
    )

"""TIFF: pages and metadata of one that is read, and an encoder for 8 and 16 bits."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import TiffImagePlugin
from PIL.ExifTags import Base

from gantool.errors import ItemError
from gantool.media import deflate, exif, tiff_cells
from gantool.media.carry import Carry
from gantool.media.colour import to_pixels
from gantool.media.pixels import check_budget, like, oriented

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool.media.pixels import Pixels
    from gantool.media.rows import Rows
    from gantool.media.tiff_cells import Tags

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DEFLATE, _DIFFERENCES, _INCH, _CENTIMETRE = 8, 2, 2, 3
_INTEGER, _STRAIGHT = 1, 2
_UNDEFINED = 7
_NO_PICTURE = 0b101
"""Bits of a page's kind: a reduced copy, a mask."""
_LIMIT = (1 << 32) - (1 << 26)
_CLASSIC, _BIG = b"II*\0" + bytes(4), b"II+\0\x08\0\0\0" + bytes(8)


def decode(data: bytes, max_pixels: int) -> tuple[Pixels, Carry]:
    """Upright pixels and metadata. Raises ItemError for several pages and for non-integers."""
    tags = _first_page(data)
    check_budget(tags[Base.ImageWidth], tags[Base.ImageLength], max_pixels)
    bits = tiff_cells.values(tags, Base.BitsPerSample, (1,))
    kinds = tiff_cells.values(tags, Base.SampleFormat, (_INTEGER,))
    if max(bits) > 16 or set(kinds) != {_INTEGER}:
        raise ItemError(
            f"a TIFF of {max(bits)}-bit floating-point, signed or wide numbers is not read: "
            "convert it to 8 or 16 bits per channel first"
        )
    icc = _bytes(tags, Base.InterColorProfile)
    if set(bits) == {16} and tags.get(Base.PhotometricInterpretation) in (0, 1, 2):
        pixels = oriented(tiff_cells.read(data, tags), _orientation(tags))
    else:
        pixels, icc = _shallow(data, icc)
    if set(bits) == {12} and pixels.dtype == np.uint16:
        pixels = like((pixels << 4) | (pixels >> 8), pixels)
    return pixels, Carry(
        exif=exif.from_tiff(data),
        icc=icc,
        xmp=_bytes(tags, Base.XMLPacket),
        iptc=_bytes(tags, Base.IPTCNAA),
        dpi=_dpi(tags),
    )


def encode(rows: Rows, carry: Carry, file: BinaryIO, quality: int | None) -> None:
    """A TIFF of 8 or 16 bits and one to four channels, deflated by strips; always lossless.

    A BigTIFF where it could become larger than 4 GiB.
    """
    del quality
    height, width, channels = rows.shape
    down = rows.strip_height()
    large = height * width * channels * rows.dtype.itemsize > _LIMIT
    tags = _described(carry, large=large)
    tags[Base.ImageWidth], tags[Base.ImageLength] = width, height
    tags[Base.BitsPerSample] = (8 * rows.dtype.itemsize,) * channels
    tags[Base.Compression], tags[Base.Predictor] = _DEFLATE, _DIFFERENCES
    tags[Base.PhotometricInterpretation] = 1 if channels < 3 else 2
    tags[Base.SamplesPerPixel], tags[Base.PlanarConfiguration] = channels, 1
    tags[Base.RowsPerStrip] = down
    if channels in (2, 4):
        tags[Base.ExtraSamples] = _STRAIGHT
    sizes = [0] * math.ceil(height / down)
    tiff_cells.write_directory(
        file, tags, sizes, large=large
    )  # as long as it will be: it comes before them
    for number, strip in enumerate(rows.strips(down)):
        sizes[number] = sum(map(file.write, deflate.deflated([_differences(strip)])))
    tiff_cells.write_directory(file, tags, sizes, large=large)


def _first_page(data: bytes) -> Tags:
    """The tags of the picture. Raises ItemError where a second one follows, not a thumbnail."""
    pages = list(_pages(data))
    pictures = sum(1 for page in pages if not page.get(Base.NewSubfileType, 0) & _NO_PICTURE)
    if pictures > 1:
        raise ItemError(f"a TIFF of {pictures} pages: take its pages apart first")
    if not pages or Base.ImageWidth not in pages[0] or Base.ImageLength not in pages[0]:
        raise ItemError("the TIFF lists no picture: get a whole copy of it")
    return pages[0]


def _pages(data: bytes) -> Iterator[Tags]:
    file = io.BytesIO(data)
    head = data[: 16 if b"+" in data[:4] else 8]
    at = TiffImagePlugin.ImageFileDirectory_v2(head).next
    seen: set[int] = set()
    while at and at not in seen:  # a damaged chain may lead back
        seen.add(at)
        page = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(at)
        page.load(file)
        yield page
        at = page.next


def _shallow(data: bytes, icc: bytes) -> tuple[Pixels, bytes]:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.load()  # Pillow turns a TIFF upright here, no other format
    return to_pixels(image, icc)


def _differences(strip: Pixels) -> NDArray[np.uint8]:
    """Little-endian rows, every value as the difference to the one on its left."""
    left = np.zeros_like(strip)
    left[:, 1:] = strip[:, :-1]
    return (strip - left).astype(strip.dtype.newbyteorder("<")).view(np.uint8)


def _described(carry: Carry, *, large: bool) -> Tags:
    tags = TiffImagePlugin.ImageFileDirectory_v2(_BIG if large else _CLASSIC)
    for tag, value in exif.to_tags(carry.exif).items():
        tags[tag] = value
    for tag, data in (
        (Base.XMLPacket, carry.xmp),
        (Base.IPTCNAA, carry.iptc),
        (Base.InterColorProfile, carry.icc),
    ):
        if data:
            tags.tagtype[tag] = _UNDEFINED
            tags[tag] = data
    if carry.dpi:
        tags[Base.XResolution], tags[Base.YResolution] = carry.dpi
        tags[Base.ResolutionUnit] = _INCH
    return tags


def _orientation(tags: Tags) -> int:
    value = tags.get(Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _dpi(tags: Tags) -> tuple[float, float] | None:
    unit = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(tags.get(Base.ResolutionUnit, _INCH))
    if unit is None or Base.XResolution not in tags or Base.YResolution not in tags:
        return None
    return float(tags[Base.XResolution]) * unit, float(tags[Base.YResolution]) * unit


def _bytes(tags: Tags, tag: int) -> bytes:
    """A tag's bytes; some programs label them as 32-bit numbers."""
    value = tags.get(tag, b"")
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, tuple) and all(isinstance(number, int) for number in value):
        order = "<" if tags.prefix == b"II" else ">"
        return struct.pack(f"{order}{len(value)}L", *value)
    return value if isinstance(value, bytes) else b""

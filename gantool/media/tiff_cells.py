"""Strips and tiles of a TIFF: 16-bit pixels, which Pillow would cut to 8.

libtiff unpacks them through Pillow as if they were grey bytes: every compression that it knows,
as strict as it is, and no value changed.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from PIL import TiffImagePlugin
from PIL.ExifTags import Base

from gantool.errors import ItemError
from gantool.media.pixels import unpremultiplied

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tags: TypeAlias = TiffImagePlugin.ImageFileDirectory_v2
_LONG, _LONG8 = 4, 16
_DIFFERENCES = 2
_PREMULTIPLIED, _STRAIGHT = 1, 2
_WHITE_IS_ZERO, _RGB = 0, 2
_APART = 2


@dataclass(frozen=True)
class _Grid:
    """How a plane of pixels lies in the file: cells of across×down, columns×rows of them."""

    across: int
    down: int
    columns: int
    rows: int


def read(data: bytes, tags: Tags) -> NDArray[np.uint16]:
    """H×W×C of a picture of 16-bit grey or RGB, its alpha straight; not yet turned upright."""
    samples = int(tags.get(Base.SamplesPerPixel, 1))
    colours = 3 if tags[Base.PhotometricInterpretation] == _RGB else 1
    if tags.get(Base.PlanarConfiguration, 1) == _APART:
        planes = [_plane(data, tags, number, 1) for number in range(samples)]
        pixels = np.concatenate(planes, axis=2)
    else:
        pixels = _plane(data, tags, 0, samples)
    if tags[Base.PhotometricInterpretation] == _WHITE_IS_ZERO:
        pixels[..., 0] = ~pixels[..., 0]
    extra = values(tags, Base.ExtraSamples, (0,))[0] if samples > colours else 0
    pixels = pixels[..., : colours + (extra in (_PREMULTIPLIED, _STRAIGHT))]
    return unpremultiplied(pixels).astype(np.uint16) if extra == _PREMULTIPLIED else pixels


def values(tags: Tags, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    """All numbers of a tag, which Pillow gives bare where there is one."""
    found = tags.get(tag, default)
    return found if isinstance(found, tuple) else (found,)


def assembled(
    tags: Tags, packed: bytes, rows: int, starts: tuple[int, ...], sizes: tuple[int, ...]
) -> bytes:
    """A TIFF of these tags and of strips of `rows` rows that begin at `starts` in `packed`."""
    tags[Base.RowsPerStrip] = rows
    for tag, numbers in ((Base.StripOffsets, starts), (Base.StripByteCounts, sizes)):
        tags.tagtype[tag] = _LONG
        tags[tag] = numbers
    file = io.BytesIO()
    tags.save(file)  # adds the length of what it writes to the offsets
    return file.getvalue() + packed


def write_directory(file: BinaryIO, tags: Tags, sizes: Sequence[int], *, large: bool) -> None:
    """Write the head of a TIFF, whose strips of these sizes follow; `large`: of a BigTIFF."""
    starts = tuple(itertools.accumulate(sizes[:-1], initial=0))
    for tag, numbers in ((Base.StripOffsets, starts), (Base.StripByteCounts, tuple(sizes))):
        tags.tagtype[tag] = _LONG8 if large else _LONG
        tags[tag] = numbers
    file.seek(0)
    tags.save(file)  # adds the length of what it writes to the offsets
    file.seek(0, io.SEEK_END)


def _plane(data: bytes, tags: Tags, number: int, channels: int) -> NDArray[np.uint16]:
    """H×W×channels of the plane with this number; the only one has all channels."""
    height, width = int(tags[Base.ImageLength]), int(tags[Base.ImageWidth])
    if Base.TileWidth not in tags:
        down = min(int(tags.get(Base.RowsPerStrip, height)), height)
        grid = _Grid(width, down, 1, math.ceil(height / down))
        return _column(data, tags, grid, number, (height, width, channels))
    across, down = int(tags[Base.TileWidth]), int(tags[Base.TileLength])
    grid = _Grid(across, down, math.ceil(width / across), math.ceil(height / down))
    lines = grid.rows * grid.columns * down
    column = _column(data, tags, grid, number, (lines, across, channels))
    laid = column.reshape(grid.rows, grid.columns, down, across, channels).swapaxes(1, 2)
    return laid.reshape(grid.rows * down, -1, channels)[:height, :width].copy()


def _column(
    data: bytes, tags: Tags, grid: _Grid, number: int, shape: tuple[int, int, int]
) -> NDArray[np.uint16]:
    """The cells of a plane, one below the other, as an array of this shape."""
    cells = slice(number * grid.columns * grid.rows, (number + 1) * grid.columns * grid.rows)
    tiled = Base.TileWidth in tags
    starts = values(tags, Base.TileOffsets if tiled else Base.StripOffsets, ())[cells]
    sizes = values(tags, Base.TileByteCounts if tiled else Base.StripByteCounts, ())[cells]
    if len(starts) != grid.columns * grid.rows or len(sizes) != len(starts):
        raise ItemError("the TIFF lists fewer strips than it needs: get a whole copy of it")
    as_grey = _grey_tags(tags, width=2 * shape[1] * shape[2], height=shape[0])
    disguised = assembled(as_grey, data, grid.down, starts, sizes)
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(disguised))
    order = "<" if tags.prefix == b"II" else ">"
    words = np.asarray(image).view(f"{order}u2").reshape(shape).astype(np.uint16)
    if tags.get(Base.Predictor, 1) == _DIFFERENCES:
        np.cumsum(words, axis=1, dtype=np.uint16, out=words)
    return words


def _grey_tags(tags: Tags, *, width: int, height: int) -> Tags:
    """The tags of a picture of grey bytes that is packed as the one with `tags` is."""
    grey = TiffImagePlugin.ImageFileDirectory_v2()
    described: dict[int, Any] = {
        Base.ImageWidth: width,
        Base.ImageLength: height,
        Base.BitsPerSample: 8,
        Base.Compression: tags.get(Base.Compression, 1),
        Base.PhotometricInterpretation: 1,
        Base.FillOrder: tags.get(Base.FillOrder, 1),
        Base.SamplesPerPixel: 1,
    }
    for tag, value in described.items():
        grey[tag] = value
    return grey

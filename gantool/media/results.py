"""Results into files: whatever the format, one Picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from PIL import features

from gantool import atomic
from gantool.errors import GantoolError, ItemError, UsageError
from gantool.media import (
    animation,
    apng,
    bmp,
    exif,
    gif,
    heic,
    jpeg,
    metadata,
    pillow_formats,
    png,
    tiff,
    webp,
)
from gantool.media.carry import Carry
from gantool.media.colour import fitting
from gantool.media.picture import Picture
from gantool.media.rows import attached

if TYPE_CHECKING:
    from gantool.media.rows import Rows
    from gantool.pipeline import Frame

_Encoder: TypeAlias = "Callable[[Rows, Carry, BinaryIO, int | None], None]"

_ENCODERS: dict[str, _Encoder] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), jpeg.encode),
    ".png": png.encode,
    **dict.fromkeys((".tif", ".tiff"), tiff.encode),
    ".webp": pillow_formats.encode_webp,
    **({".avif": pillow_formats.encode_avif} if features.check("avif") else {}),
    ".gif": gif.encode,
    ".bmp": bmp.encode,
}
_ANIMATORS = {".gif": gif.write, ".png": apng.write, ".webp": webp.write}
_LONGEST_SIDE: dict[_Encoder, int] = {
    jpeg.encode: 65_500,
    pillow_formats.encode_webp: 16_383,
    gif.encode: 65_535,
}
_NAMES: dict[_Encoder, str] = {
    jpeg.encode: "a JPEG",
    tiff.encode: "a TIFF",
    bmp.encode: "a BMP",
    gif.encode: "a GIF",
    pillow_formats.encode_avif: "an AVIF",
}
_IN_ONE_PIECE = (gif.encode, pillow_formats.encode_avif)
_MOST_IN_ONE_PIECE = 100_000_000
_ANY_SIDE = (1 << 31) - 1

WRITABLE = frozenset(_ENCODERS)
"""Endings, in lower case and with their dot, that `write_picture` writes."""


def write_picture(
    file: BinaryIO, picture: Picture, suffix: str, *, quality: int | None = None
) -> None:
    """Write it into an empty seekable file, strip by strip, in the format of this ending.

    16 bits stay in PNG and TIFF, else are rounded to 8. `quality` 1–100 is for lossy formats. JPEG
    and BMP get alpha laid over white. Raises UsageError for an ending or a quality that there is
    not, ItemError for a picture that is too large for the format or cannot move in it.
    """
    encode = _encoder(suffix)
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"a quality of {quality} does not exist: choose 1 to 100")
    frame, carry = picture.frames[0]
    height, width = frame.shape[:2]
    check_fits(width, height, len(picture.frames) if picture.timing else 1, suffix)
    updated = _updated(carry, width, height)
    if picture.timing is None or len(picture.frames) == 1:
        encode(attached(frame, carry), updated, file, quality)
        return
    rows = animation.alike(picture.frames)
    animate = _ANIMATORS[suffix.lower()]
    animate(file, rows, updated, timing=picture.timing, quality=quality)


def write_image(path: Path, frame: Frame, carry: Carry, *, quality: int | None = None) -> None:
    """Write the picture in the format of the path's ending, whole or not at all. Thread-safe.

    Raises what `write_picture` raises, and OutputError.
    """
    with atomic.replacing(path, mtime_ns=carry.mtime_ns) as file:
        try:
            write_picture(file, Picture([(frame, carry)]), path.suffix, quality=quality)
        except GantoolError as error:
            raise type(error)(f"{path}: {error}") from error


def encode_image(frame: Frame, carry: Carry, suffix: str, *, quality: int | None = None) -> bytes:
    """The bytes that `write_picture` writes for a picture of one frame."""
    file = io.BytesIO()
    write_picture(file, Picture([(frame, carry)]), suffix, quality=quality)
    return file.getvalue()


def output_suffix(source_suffix: str) -> str:
    """The ending that a result of such an input gets by default: the same, .jpg for HEIC, .png."""
    if source_suffix.lower() in heic.SUFFIXES:
        return ".jpg"
    return source_suffix if source_suffix.lower() in WRITABLE else ".png"


def _encoder(suffix: str) -> _Encoder:
    encode = _ENCODERS.get(suffix.lower())
    if encode is None:
        raise UsageError(f"cannot write «{suffix}»: choose one of {' '.join(sorted(WRITABLE))}")
    return encode


def check_fits(width: int, height: int, frames: int, suffix: str) -> None:
    """Raises ItemError for a result that a file with this ending cannot hold."""
    encode = _encoder(suffix)
    if frames > 1 and suffix.lower() not in _ANIMATORS:
        raise ItemError(
            f"an animation of {frames} frames cannot be {_NAMES[encode]}: choose "
            "--format webp, png or gif"
        )
    longest = _LONGEST_SIDE.get(encode, _ANY_SIDE)
    if max(height, width) > longest:
        raise ItemError(
            f"a result of {width}×{height} is larger than the {longest} pixels a side that a "
            f"{suffix} can hold: choose .png or .tif"
        )
    if encode in _IN_ONE_PIECE and width * height > _MOST_IN_ONE_PIECE:
        raise ItemError(
            f"a result of {width}×{height} needs too much memory as {_NAMES[encode]}, which "
            "is written in one piece: choose .png or .tif"
        )


def _updated(carry: Carry, width: int, height: int) -> Carry:
    return replace(
        carry,
        exif=exif.upright(carry.exif, width, height),
        icc=fitting(carry.icc, grey=carry.grey),
        xmp=metadata.sized(carry.xmp, width, height),
    )

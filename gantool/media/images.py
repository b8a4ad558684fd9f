"""Picture files in and out: whatever the format, one Frame and what it carries."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gantool.errors import ItemError
from gantool.media import (
    animation,
    apng,
    avif_sequence,
    exif,
    gif,
    jpeg,
    pillow_formats,
    png,
    tiff,
    webp,
)
from gantool.media.carry import Carry, detach
from gantool.media.picture import MOST, Limits, Picture
from gantool.media.pixels import oriented
from gantool.media.results import (
    WRITABLE,
    encode_image,
    output_suffix,
    write_image,
    write_picture,
)

if TYPE_CHECKING:
    from gantool.media.animation import Moving
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame

__all__ = [
    "SUFFIXES",
    "WRITABLE",
    "encode_image",
    "ending",
    "output_suffix",
    "read_image",
    "read_picture",
    "write_image",
    "write_picture",
]

_Decoder: TypeAlias = "Callable[[bytes, int], tuple[Pixels, Carry]]"
_Mover: TypeAlias = "Callable[[bytes, int], Moving | None]"

_DECODERS: dict[bytes, _Decoder] = {
    png.SIGNATURE: png.decode,
    b"\xff\xd8\xff": jpeg.decode,
    **dict.fromkeys(tiff.SIGNATURES, tiff.decode),
    b"GIF8": gif.decode,
    b"BM": pillow_formats.decode_bmp,
    **{b"P%d" % number: pillow_formats.decode_pnm for number in range(1, 7)},
}
_ENDINGS = {
    b"\xff\xd8\xff": ".jpg",
    **dict.fromkeys(tiff.SIGNATURES, ".tif"),
    b"RIFF": ".webp",
    b"GIF8": ".gif",
    b"BM": ".bmp",
}
_REFUSED = {
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture: convert it to PNG first",
    b"\xff\x0a": "a JPEG XL picture: convert it to PNG first",
    b"8BPS": "a Photoshop document: save it as TIFF or PNG first",
    b"%PDF": "a PDF document: save its pictures as PNG first",
}
_HEIC = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")
_MOVERS: dict[bytes, _Mover] = {
    png.SIGNATURE: apng.moving,
    b"GIF8": gif.moving,
    b"RIFF": webp.moving,
    b"\0\0\0": avif_sequence.moving,
}
_DEFAULT = Limits()
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[1-8]")

SUFFIXES = WRITABLE | {".ppm", ".pgm", ".pbm", ".pnm"}
"""Endings that `read_image` reads; what a file is, its content says."""


def read_picture(source: Path, limits: Limits = _DEFAULT) -> Picture:
    """All frames of the file, upright, each with what it carries. Thread-safe.

    Raises ItemError for what is no picture, damaged, cut short or above the limits.
    """
    max_pixels = min(limits.pixels, int(limits.result / limits.scale**2))
    with _readable(source):
        data, mtime_ns = _content(source)
        digest = hashlib.sha256(data).hexdigest()
        moving = _moving(data, max_pixels)
        if moving is None:
            still = _upright(*_decoder(data)(data, max_pixels), mtime_ns)
            return Picture([still], None, digest, (), len(data))
        frames = [_upright(frame, moving.carry, mtime_ns) for frame in moving.frames]
        every = animation.simplified(frames)
        return Picture(every, moving.timing, digest, moving.notes, len(data))


def read_image(source: Path, *, max_pixels: int = MOST) -> tuple[Frame, Carry]:
    """The picture, upright, and what it carries. Thread-safe; nothing is guessed or filled in.

    Raises ItemError for what is no picture, damaged, cut short, animated or above `max_pixels`.
    """
    with _readable(source):
        data, mtime_ns = _content(source)
        moving = _moving(data, max_pixels)
        if moving is not None:
            raise ItemError(
                f"an animation of {len(moving.timing.durations)} frames where one picture is "
                "needed: take its frames apart first"
            )
        return _upright(*_decoder(data)(data, max_pixels), mtime_ns)


def ending(content: bytes) -> str:
    """What the name of a picture file with this content ends in; `.png` where it is unknown."""
    if content[4:11] == b"ftypavi":
        return ".avif"
    return next((end for mark, end in _ENDINGS.items() if content.startswith(mark)), ".png")


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    """Every error while reading as an ItemError that names the file."""
    try:
        yield
    except ItemError as error:
        raise ItemError(f"{source}: {error}") from error
    except MemoryError as error:
        raise ItemError(f"{source}: needs more memory than there is: reduce it first") from error
    except Exception as error:  # a damaged file makes decoders raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ItemError(
            f"{source}: damaged or cut short ({reason}): get a whole copy of it"
        ) from error


def _content(source: Path) -> tuple[bytes, int]:
    try:
        status = source.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ItemError("not a file: name a picture")
        data = source.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ItemError(f"cannot be read ({reason}): check its name and permissions") from error
    if not data:
        raise ItemError("the file is empty: get a whole copy of it")
    return data, status.st_mtime_ns


def _decoder(data: bytes) -> _Decoder:
    for signature, decode in _DECODERS.items():
        if data.startswith(signature):
            return decode
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return pillow_formats.decode_webp
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return pillow_formats.decode_avif
    for signature, what in _REFUSED.items():
        if data.startswith(signature):
            raise ItemError(what)
    if data[4:12].startswith(_HEIC):
        raise ItemError("a HEIC picture: convert it to JPEG or PNG first")
    raise ItemError("not a picture that is known here, whatever its ending: leave it out")


def _moving(data: bytes, max_pixels: int) -> Moving | None:
    for signature, moving in _MOVERS.items():
        if data.startswith(signature):
            return moving(data, max_pixels)
    return None


def _upright(pixels: Pixels, carry: Carry, mtime_ns: int) -> tuple[Frame, Carry]:
    orientation = exif.orientation(carry.exif)
    turned = oriented(pixels, orientation)
    height, width = turned.shape[:2]
    xmp = carry.xmp if orientation == 1 else _XMP_ORIENTATION.sub(rb"\g<1>1", carry.xmp)
    return detach(
        turned,
        replace(
            carry,
            exif=exif.upright(carry.exif, width, height),
            xmp=xmp,
            dpi=_sane(carry.dpi),
            mtime_ns=mtime_ns,
        ),
    )


def _sane(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Resolutions that can be meant; Pillow gives 1 where a file says nothing, or worse."""
    if dpi is None or not all(math.isfinite(dots) and 1 < dots < 100_000 for dots in dpi):
        return None
    return float(dpi[0]), float(dpi[1])

"""Picture files in and out: whatever the format, one Frame and what it carries."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from PIL import features

from gantool import atomic
from gantool.errors import GantoolError, ItemError, UsageError
from gantool.media import exif, jpeg, pillow_formats, png, tiff
from gantool.media.carry import Carry, attach, detach
from gantool.media.colour import fitting
from gantool.media.picture import Limits, Picture
from gantool.media.pixels import oriented

if TYPE_CHECKING:
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame

_Decoder: TypeAlias = "Callable[[bytes, int], tuple[Pixels, Carry]]"
_Encoder: TypeAlias = "Callable[[Pixels, Carry, int | None], bytes]"

_DECODERS: dict[bytes, _Decoder] = {
    png.SIGNATURE: png.decode,
    b"\xff\xd8\xff": jpeg.decode,
    **dict.fromkeys(tiff.SIGNATURES, tiff.decode),
    b"BM": pillow_formats.decode_bmp,
    **{b"P%d" % number: pillow_formats.decode_pnm for number in range(1, 7)},
}
_ENDINGS = {
    b"\xff\xd8\xff": ".jpg",
    **dict.fromkeys(tiff.SIGNATURES, ".tif"),
    b"RIFF": ".webp",
    b"BM": ".bmp",
}
_REFUSED = {
    b"GIF8": "a GIF, which may move: convert it to PNG first",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture: convert it to PNG first",
    b"\xff\x0a": "a JPEG XL picture: convert it to PNG first",
    b"8BPS": "a Photoshop document: save it as TIFF or PNG first",
    b"%PDF": "a PDF document: save its pictures as PNG first",
}
_HEIC = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")
_ENCODERS: dict[str, _Encoder] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), jpeg.encode),
    ".png": png.encode,
    **dict.fromkeys((".tif", ".tiff"), tiff.encode),
    ".webp": pillow_formats.encode_webp,
    **({".avif": pillow_formats.encode_avif} if features.check("avif") else {}),
    ".bmp": pillow_formats.encode_bmp,
}
_LONGEST_SIDE: dict[_Encoder, int] = {jpeg.encode: 65_500, pillow_formats.encode_webp: 16_383}
_ANY_SIDE = (1 << 31) - 1
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[1-8]")

LIMITS = Limits()
WRITABLE = frozenset(_ENCODERS)
"""Endings, in lower case and with their dot, that `write_image` writes."""
SUFFIXES = WRITABLE | {".ppm", ".pgm", ".pbm", ".pnm"}
"""Endings that `read_image` reads; what a file is, its content says."""


def read_image(source: Path, *, max_pixels: int = 250_000_000) -> tuple[Frame, Carry]:
    """The picture, upright, and what it carries. Thread-safe; nothing is guessed or filled in.

    Raises ItemError for what is no picture, damaged, cut short, animated or above `max_pixels`.
    """
    try:
        data, mtime_ns = _content(source)
        return _upright(*_decoder(data)(data, max_pixels), mtime_ns)
    except ItemError as error:
        raise ItemError(f"{source}: {error}") from error
    except MemoryError as error:
        raise ItemError(f"{source}: needs more memory than there is: reduce it first") from error
    except Exception as error:  # a damaged file makes decoders raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ItemError(
            f"{source}: damaged or cut short ({reason}): get a whole copy of it"
        ) from error


def read_picture(source: Path, limits: Limits = LIMITS) -> Picture:
    """What the file holds. Raises ItemError."""
    frame, carry = read_image(source, max_pixels=limits.pixels)
    data = source.read_bytes()
    return Picture([(frame, carry)], None, hashlib.sha256(data).hexdigest(), len(data))


def write_picture(
    file: BinaryIO, picture: Picture, suffix: str, *, quality: int | None = None
) -> None:
    """Write the picture in the format of the ending."""
    frame, carry = picture.frames[0]
    file.write(encode_image(frame, carry, suffix, quality=quality))


def write_image(path: Path, frame: Frame, carry: Carry, *, quality: int | None = None) -> None:
    """Write the picture in the format of the path's ending, whole or not at all. Thread-safe.

    Raises what `encode_image` raises, and OutputError.
    """
    try:
        data = encode_image(frame, carry, path.suffix, quality=quality)
    except GantoolError as error:
        raise type(error)(f"{path}: {error}") from error
    atomic.write_bytes(path, data)
    if carry.mtime_ns is not None:
        with contextlib.suppress(OSError):  # some file systems keep no times
            os.utime(path, ns=(carry.mtime_ns, carry.mtime_ns))


def encode_image(frame: Frame, carry: Carry, suffix: str, *, quality: int | None = None) -> bytes:
    """The bytes of a file with this ending. 16 bits stay in PNG and TIFF, else are rounded to 8.

    `quality` 1–100 is for lossy formats. JPEG and BMP get alpha laid over white. Raises UsageError
    for an ending or a quality that there is not, ItemError for a picture too large for the format.
    """
    encode = _ENCODERS.get(suffix.lower())
    if encode is None:
        raise UsageError(f"cannot write «{suffix}»: choose one of {' '.join(sorted(WRITABLE))}")
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"a quality of {quality} does not exist: choose 1 to 100")
    height, width = frame.shape[:2]
    longest = _LONGEST_SIDE.get(encode, _ANY_SIDE)
    if max(height, width) > longest:
        raise ItemError(
            f"a result of {width}×{height} is larger than the {longest} pixels a side that a "
            f"{suffix} can hold: choose .png or .tif"
        )
    return encode(attach(frame, carry), _updated(carry, width, height), quality)


def output_suffix(source_suffix: str) -> str:
    """The ending that a result of such an input gets by default: the same, or .png."""
    return source_suffix if source_suffix.lower() in WRITABLE else ".png"


def ending(content: bytes) -> str:
    """What the name of a picture file with this content ends in; `.png` where it is unknown."""
    if content[4:11] == b"ftypavi":
        return ".avif"
    return next((end for mark, end in _ENDINGS.items() if content.startswith(mark)), ".png")


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


def _updated(carry: Carry, width: int, height: int) -> Carry:
    return replace(
        carry,
        exif=exif.upright(carry.exif, width, height),
        icc=fitting(carry.icc, grey=carry.grey),
    )


def _sane(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Resolutions that can be meant; Pillow gives 1 where a file says nothing, or worse."""
    if dpi is None or not all(math.isfinite(dots) and 1 < dots < 100_000 for dots in dpi):
        return None
    return float(dpi[0]), float(dpi[1])

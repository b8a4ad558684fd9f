"""Sizes of pictures, by as little of their files as says them."""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gantool.errors import ItemError
from gantool.media import boxes, tiff_header
from gantool.media.animation import check_size
from gantool.media.kinds import HEAD, Kind, kind_of
from gantool.media.picture import Limits
from gantool.media.pixels import check_budget

_MOST_FRAMES = 100_000
"""Of an animation: each costs memory, however small it is."""
_PNM = re.compile(rb"P[1-6]" + rb"(?:\s+|\s*#[^\n]*\n\s*)+(\d+)" * 2)
_RUBBISH = 1 << 16
"""Bytes between the parts of a JPEG that are passed over."""
_FRAMES_OF_JPEG = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Header:
    width: int
    height: int
    frames: int = 1


def read_header(source: Path, limits: Limits) -> Header:
    """Size of the picture, as it lies in the file, and its frames. Raises what reading it raises.

    That there is more than the header, and that it is whole, is not looked at.
    """
    with readable(source), opened(source) as file:
        header = sized(file, kind_of(file.read(HEAD), source.suffix))
        check(header, limits)
        return header


def check(header: Header, limits: Limits) -> None:
    """Raise ItemError for a picture, or a result of it, of more pixels than the limits allow."""
    width, height, frames = header.width, header.height, header.frames
    if frames > _MOST_FRAMES:
        raise ItemError(
            f"an animation of {frames} frames, more than the {_MOST_FRAMES} that are read: "
            "shorten it first"
        )
    if frames == 1 or not width * height:
        check_budget(width, height, limits.pixels)
    else:
        check_size(width, height, frames, max_pixels=limits.pixels)
    pixels = width * height * frames * limits.scale**2
    if pixels > limits.result:
        across, down = round(width * limits.scale), round(height * limits.scale)
        what = (
            f"animation is {width}×{height} with {frames} frames"
            if frames > 1
            else (f"picture is {width}×{height}")
        )
        raise ItemError(
            f"the {what}, its result would be {across}×{down}, {pixels / 1e6:.0f} megapixels and "
            f"more than the {limits.result / 1e6:.0f} allowed: raise --max-pixels or choose a "
            "smaller scale"
        )


def sized(file: BinaryIO, kind: Kind) -> Header:
    """What the header of a seekable file says."""
    try:
        return _READERS[kind](file)
    except (struct.error, IndexError, OverflowError) as error:
        raise ItemError("damaged or cut short in its header: get a whole copy of it") from error


@contextlib.contextmanager
def readable(source: Path) -> Iterator[None]:
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


@contextlib.contextmanager
def opened(source: Path) -> Iterator[BinaryIO]:
    """The file, which is not empty. Raises ItemError for what is none and what is forbidden."""
    try:
        status = source.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ItemError("not a file: name a picture")
        with source.open("rb") as file:
            if not status.st_size:
                raise ItemError("the file is empty: get a whole copy of it")
            yield file
    except OSError as error:
        if error.errno is None:  # not the system's: a decoder's
            raise
        reason = (error.strerror or str(error)).lower()
        raise ItemError(f"cannot be read ({reason}): check its name and permissions") from error


def _unpacked(file: BinaryIO, form: str, at: int) -> tuple[Any, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _png(file: BinaryIO) -> Header:
    header, checksum = _unpacked(file, ">17sL", 12)
    if header[:4] != b"IHDR" or zlib.crc32(header) != checksum:
        raise ItemError("the header of the PNG is damaged: get a whole copy of it")
    width, height = struct.unpack_from(">II", header, 4)
    at, frames = 8, 1
    while True:
        file.seek(at)
        head = file.read(12)
        if len(head) < 12 or head[4:8] == b"IDAT":
            return Header(width, height, max(frames, 1))
        if head[4:8] == b"acTL":
            frames = int.from_bytes(head[8:12])
        at += 12 + int.from_bytes(head[:4])


def _jpeg(file: BinaryIO) -> Header:
    at = 2
    while True:
        mark, kind, length = _unpacked(file, ">BBH", at)
        if kind in _FRAMES_OF_JPEG:
            height, width = _unpacked(file, ">HH", at + 5)
            return Header(width, height)
        if mark != 0xFF:  # decoders look for the next one
            at += _next_mark(file, at)
        elif kind == 0xFF or kind in range(0xD0, 0xDA) or kind in (0, 1):
            at += 1 if kind == 0xFF else 2
        else:
            at += 2 + length


def _next_mark(file: BinaryIO, at: int) -> int:
    """How far behind `at` it is."""
    file.seek(at)
    found = file.read(_RUBBISH).find(b"\xff")
    if found < 0:
        raise ItemError("the JPEG is damaged: get a whole copy of it")
    return found


def _gif(file: BinaryIO) -> Header:
    width, height, flags = _unpacked(file, "<HHB", 6)
    at, frames = 13 + _colours(flags), 0
    with contextlib.suppress(struct.error, IndexError):  # how far it goes, reading tells
        while True:
            (mark,) = _unpacked(file, "B", at)
            if mark == ord(","):
                left, top, across, down, flags = _unpacked(file, "<HHHHB", at + 1)
                width, height = max(width, left + across), max(height, top + down)
                frames, at = frames + 1, _after_blocks(file, at + 11 + _colours(flags))
            elif mark == ord("!"):
                at = _after_blocks(file, at + 2)
            else:
                break
    return Header(width, height, max(frames, 1))


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(file: BinaryIO, at: int) -> int:
    file.seek(at)
    while size := file.read(1)[0]:
        file.seek(size, 1)
    return file.tell()


def _webp(file: BinaryIO) -> Header:
    file.seek(12)
    head = file.read(18)
    if head[:4] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 14)
        return Header(width & 0x3FFF, height & 0x3FFF)
    if head[:4] == b"VP8L":
        (bits,) = struct.unpack_from("<L", head, 9)
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (12, 15))
    moves = head[8] & 2
    return Header(width, height, max(_webp_frames(file), 1) if moves else 1)


def _webp_frames(file: BinaryIO) -> int:
    at, frames = 12, 0
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return frames
        frames += head[:4] == b"ANMF"
        length = int.from_bytes(head[4:], "little")
        at += 8 + length + length % 2


def _bmp(file: BinaryIO) -> Header:
    (size,) = _unpacked(file, "<L", 14)
    width, height = _unpacked(file, "<HH" if size == 12 else "<ll", 18)
    return Header(width, abs(height))


def _pnm(file: BinaryIO) -> Header:
    file.seek(0)
    found = _PNM.match(file.read(4096))
    if found is None:
        raise ItemError("the header of the PNM is damaged: get a whole copy of it")
    return Header(int(found[1]), int(found[2]))


def _tiff(file: BinaryIO) -> Header:
    return Header(*tiff_header.size(file))


def _boxed(file: BinaryIO) -> Header:
    return Header(*boxes.size(file))


_READERS: dict[Kind, Callable[[BinaryIO], Header]] = {
    "png": _png,
    "jpeg": _jpeg,
    "tiff": _tiff,
    "gif": _gif,
    "webp": _webp,
    "avif": _boxed,
    "heic": _boxed,
    "bmp": _bmp,
    "pnm": _pnm,
}

"""EXIF blocks, changed in place: every byte that need not change stays, maker notes included.

A block is the bytes of a TIFF structure, from its `II*` or `MM*` on, without «Exif» before it.
"""

import contextlib
import io
import struct
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

_WIDTHS = (Base.ImageWidth, Base.ExifImageWidth)
_HEIGHTS = (Base.ImageLength, Base.ExifImageHeight)
_DIRECTORIES = (Base.ExifOffset, Base.GPSInfo)
_PREFIX = b"Exif\0\0"
_SHORT, _LONG = 3, 4
_MAKER_NOTE = 0x927C
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Of a value, by its kind."""
_DESCRIPTIVE = {
    Base.DocumentName,
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.PageName,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Rating,
    Base.RatingPercent,
    Base.Copyright,
    *_DIRECTORIES,
}
"""Tags of a TIFF picture that tell about it, not how its pixels are stored."""


def block(raw: bytes) -> bytes:
    """The EXIF block in what a file or Pillow calls EXIF; empty where it is not one."""
    bare = raw[len(_PREFIX) :] if raw.startswith(_PREFIX) else raw
    return bare if bare[:4] in (b"II*\0", b"MM\0*") else b""


def orientation(exif: bytes) -> int:
    """The orientation 1–8 that `exif` asks for; 1 where it says none or is ill-formed."""
    with contextlib.suppress(struct.error):
        order = _order(exif)
        entries, _ = _directory(exif, _first(exif))
        if Base.Orientation in entries:
            (kind,) = struct.unpack_from(f"{order}H", exif, entries[Base.Orientation] + 2)
            form = order + ("L" if kind == _LONG else "H")
            (value,) = struct.unpack_from(form, exif, entries[Base.Orientation] + 8)
            return int(value) if 1 <= value <= 8 else 1
    return 1


def upright(exif: bytes, width: int, height: int) -> bytes:
    """`exif` of an upright picture of this size: orientation 1, size tags set, no thumbnail.

    What cannot be followed in an ill-formed block stays as it is.
    """
    changed = bytearray(exif)
    with contextlib.suppress(struct.error):
        entries, link = _directory(exif, _first(exif))
        if Base.Orientation in entries:
            _put(changed, entries[Base.Orientation], _SHORT, 1)
        _put_size(changed, entries, width, height)
        struct.pack_into("4x", changed, link)  # the thumbnail hangs on the first directory
        if Base.ExifOffset in entries:
            at = struct.unpack_from(f"{_order(exif)}L", exif, entries[Base.ExifOffset] + 8)[0]
            _put_size(changed, _directory(exif, at)[0], width, height)
    return bytes(changed)


def without_places(exif: bytes) -> bytes:
    """`exif` without coordinates and maker notes: their bytes are zero, their entries gone.

    Empty where an ill-formed block cannot be followed: it might still hold them.
    """
    changed = bytearray(exif)
    try:
        entries, _ = _directory(exif, _first(exif))
        if Base.ExifOffset in entries:
            at = _value(exif, entries[Base.ExifOffset])
            _remove(changed, at, _MAKER_NOTE)
        if Base.GPSInfo in entries:
            at = _value(exif, entries[Base.GPSInfo])
            for entry in _directory(exif, at)[0].values():
                _blank(changed, entry)
            _remove(changed, _first(exif), Base.GPSInfo)
    except (struct.error, KeyError, IndexError):
        return b""
    return bytes(changed)


def from_tiff(data: bytes) -> bytes:
    """An EXIF block of what the first directory of a TIFF tells about the picture.

    Empty for an ill-formed one and for a TIFF of 64-bit offsets.
    """
    with contextlib.suppress(Exception):  # Pillow raises anything there; the pixels may be well
        exif = Image.Exif()
        exif.load_from_fp(io.BytesIO(data))
        for tag in set(exif) - _DESCRIPTIVE:
            del exif[tag]
        return block(exif.tobytes()) if len(exif) else b""
    return b""


def to_tags(exif: bytes) -> dict[int, Any]:
    """The descriptive tags of an EXIF block for a TIFF's directory, directories as dicts.

    None where the block is ill-formed.
    """
    with contextlib.suppress(Exception):  # Pillow raises anything there; the pixels are well
        parsed = Image.Exif()
        parsed.load(exif)
        found = {tag: parsed[tag] for tag in set(parsed) & _DESCRIPTIVE}
        return found | {tag: parsed.get_ifd(tag) for tag in found if tag in _DIRECTORIES}
    return {}


def _order(exif: bytes) -> str:
    return "<" if exif[:2] == b"II" else ">"


def _first(exif: bytes) -> int:
    return int(struct.unpack_from(f"{_order(exif)}L", exif, 4)[0])


def _directory(exif: bytes, at: int) -> tuple[dict[int, int], int]:
    """Where the entry of each tag begins, and where the link to the next directory is."""
    order = _order(exif)
    (count,) = struct.unpack_from(f"{order}H", exif, at)
    starts = [at + 2 + 12 * number for number in range(count)]
    return {struct.unpack_from(f"{order}H", exif, start)[0]: start for start in starts}, (
        at + 2 + 12 * count
    )


def _value(exif: bytes, entry: int) -> int:
    return int(struct.unpack_from(f"{_order(exif)}L", exif, entry + 8)[0])


def _remove(exif: bytearray, directory: int, tag: int) -> None:
    """Take the entry of `tag` out of a directory, and blank what it leads to."""
    entries, link = _directory(bytes(exif), directory)
    if tag not in entries:
        return
    _blank(exif, entries[tag])
    order = _order(bytes(exif[:2]))
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    rest = bytes(exif[entries[tag] + 12 : link + 4])
    exif[entries[tag] : link + 4] = rest + bytes(12)
    struct.pack_into(f"{order}H", exif, directory, count - 1)


def _blank(exif: bytearray, entry: int) -> None:
    """Zero the value of an entry, wherever it lies."""
    order = _order(bytes(exif[:2]))
    kind, count, at = struct.unpack_from(f"{order}HLL", exif, entry + 2)
    size = _BYTES[kind] * count
    if size > 4:
        exif[at : at + size] = bytes(len(exif[at : at + size]))
    struct.pack_into("4x", exif, entry + 8)


def _put_size(exif: bytearray, entries: dict[int, int], width: int, height: int) -> None:
    for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        for tag in set(tags) & set(entries):
            _put(exif, entries[tag], _LONG, value)


def _put(exif: bytearray, entry: int, kind: int, value: int) -> None:
    form = "HLL" if kind == _LONG else "HLHxx"
    struct.pack_into(_order(bytes(exif[:2])) + form, exif, entry + 2, kind, 1, value)

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
_INTEROPERABILITY = 0xA005
_THUMBNAIL = {0x0201, 0x0202}
"""Where it begins, and its length."""
_TELLING = {Base.GPSInfo, 0x014A, 0x02BC, 0x83BB, 0x8649, 0x927C, 0xC634}
"""What may hold coordinates: they, more directories, XMP, IPTC, Photoshop's, maker notes, DNG's."""
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
        if Base.ExifOffset in entries:
            at = _value(exif, entries[Base.ExifOffset])
            _put_size(changed, _directory(exif, at)[0], width, height)
    with contextlib.suppress(struct.error):
        _clear_thumbnail(changed, _directory(exif, _first(exif))[1])
    return bytes(changed)


def without_places(exif: bytes) -> bytes:
    """`exif` without coordinates, maker notes and thumbnail; zeros where their bytes were.

    Empty where an ill-formed block cannot be followed: it might still hold them.
    """
    kept = bytearray(exif[:8].ljust(len(exif), b"\0"))
    try:
        at = _first(exif)
        entries = _copy(exif, kept, at)
        for inner in (Base.ExifOffset, _INTEROPERABILITY):
            if inner in entries:
                entries = _copy(exif, kept, _value(exif, entries[inner]))
    except (struct.error, KeyError):
        return b""
    return bytes(kept)


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


def _order(exif: bytes | bytearray) -> str:
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


def _copy(exif: bytes, kept: bytearray, at: int) -> dict[int, int]:
    """Put the entries of a directory that name no place into `kept`; where all of them begin."""
    order = _order(exif)
    entries, _ = _directory(exif, at)
    going = [start for tag, start in entries.items() if tag not in _TELLING]
    struct.pack_into(f"{order}H", kept, at, len(going))
    for number, start in enumerate(going):
        put = at + 2 + 12 * number
        kept[put : put + 12] = exif[start : start + 12]
        kind, count, place = struct.unpack_from(f"{order}HLL", exif, start + 2)
        if (size := _BYTES[kind] * count) > 4:
            kept[place : place + size] = exif[place : place + size]
    return entries


def _clear_thumbnail(exif: bytearray, link: int) -> None:
    """Zero it, and the link to the second directory, which leads to it."""
    order = _order(exif[:2])
    (at,) = struct.unpack_from(f"{order}L", exif, link)
    struct.pack_into("4x", exif, link)
    entries = _directory(bytes(exif), at)[0] if at else {}
    if entries.keys() >= _THUMBNAIL:
        start, size = (_value(bytes(exif), entries[tag]) for tag in sorted(_THUMBNAIL))
        if start > at:
            exif[start : start + size] = bytes(len(exif[start : start + size]))


def _put_size(exif: bytearray, entries: dict[int, int], width: int, height: int) -> None:
    for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        for tag in set(tags) & set(entries):
            _put(exif, entries[tag], _LONG, value)


def _put(exif: bytearray, entry: int, kind: int, value: int) -> None:
    form = "HLL" if kind == _LONG else "HLHxx"
    struct.pack_into(_order(bytes(exif[:2])) + form, exif, entry + 2, kind, 1, value)

"""What of a picture's metadata goes into its result."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from gantool.media import exif, png

if TYPE_CHECKING:
    from gantool.media.carry import Carry

Mode: TypeAlias = Literal["keep", "strip", "keep-no-gps"]

_PLACES = {26, 27, 90, 92, 95, 100, 101}
"""Datasets of IPTC's second record that name a place."""
_WHERE = (
    rb"[\w.-]+:\w*(?:GPS|Latitude|Longitude|Altitude)\w*|geo:\w+|Iptc4xmpExt:Location\w*"
    rb"|photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|CountryCode)"
)
_THUMBNAIL = rb"(?:xmp|xap):Thumbnails"
_FORMS = (
    rb"\s*(?<![\w:.-])(?!xmlns:)(?:%b)\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    rb"|\s*<(%b)(?![\w.-])[^>]*?(?:/>|>.*?</\1\s*>)"
)
"""A property of XMP, as an attribute and as an element."""
_SIZES = re.compile(
    rb"((?:tiff:ImageWidth|exif:PixelXDimension)\s*(?:=\s*[\"']|>)\s*)\d+"
    rb"|((?:tiff:ImageLength|exif:PixelYDimension)\s*(?:=\s*[\"']|>)\s*)\d+"
)


def kept(carry: Carry, mode: Mode) -> Carry:
    """`carry` with what `mode` leaves of its EXIF, IPTC, XMP and texts.

    What pixels need to look right stays: profile, gamma, primaries, resolution. `keep-no-gps`
    removes coordinates and names of places, and maker notes, which may hold both.
    """
    if mode == "keep":
        return carry
    if mode == "strip":
        colours = tuple(chunk for chunk in carry.png if chunk[0] not in png.TEXTS)
        return replace(carry, exif=b"", xmp=b"", iptc=b"", png=colours)
    return replace(
        carry,
        exif=exif.without_places(carry.exif),
        xmp=without(carry.xmp, _WHERE + b"|" + _THUMBNAIL) if _is_plain(carry.xmp) else b"",
        iptc=b"".join(_elsewhere(carry.iptc)),
        png=tuple(chunk for chunk in carry.png if not _tells_place(chunk)),
    )


def without(xmp: bytes, names: bytes) -> bytes:
    """The packet without the properties whose names match this expression."""
    return re.sub(_FORMS % (names, names), b"", xmp, flags=re.DOTALL | re.IGNORECASE)


def sized(xmp: bytes, width: int, height: int) -> bytes:
    """The packet of a picture of this size: sizes set where it tells them, no thumbnail."""

    def put(match: re.Match[bytes]) -> bytes:
        return b"%s%d" % ((match[1], width) if match[1] else (match[2], height))

    return _SIZES.sub(put, without(xmp, _THUMBNAIL))


def _is_plain(xmp: bytes) -> bool:
    """Whether what is looked for would be found: no other encoding, no entities of its own."""
    return b"\0" not in xmp.strip(b"\0") and b"<!" not in xmp


def _elsewhere(iptc: bytes) -> Iterator[bytes]:
    """The datasets that name no place; all up to the first that cannot be followed."""
    at = 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        record, dataset, length = struct.unpack_from(">BBH", iptc, at + 1)
        start = at + 5
        if length & 0x8000:  # so many bytes hold the length
            size = length & 0x7FFF
            length = int.from_bytes(iptc[start : start + size])
            start += size
        end = start + length
        if record != 2 or dataset not in _PLACES:
            yield iptc[at:end]
        at = end


def _tells_place(chunk: tuple[bytes, bytes]) -> bool:
    """Whether a text of a PNG is a profile, which may hold anything, or is called after a place."""
    keyword = chunk[1].partition(b"\0")[0].lower()
    words = (b"raw profile", b"xml", b"xmp", b"gps", b"location", b"exif:gps")
    return chunk[0] in png.TEXTS and keyword.startswith(words)

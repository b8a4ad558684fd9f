"""What a JPEG holds beside its picture, and is left out: gain maps, other views, films."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator

from PIL import JpegImagePlugin, TiffImagePlugin

from gantool.media.metadata import without

GAIN_MAP = "its HDR gain map is left out"
_FILM = "its short film is left out"
_GAIN_MAP_MARKS = (b"http://ns.adobe.com/hdr-gain-map/", b"urn:iso:std:iso:ts:21496:-1")
_FILM_MARKS = (b"GCamera:MotionPhoto=", b"GCamera:MicroVideo=", b"<GCamera:MotionPhoto>")
_POINTERS = rb"(?:hdrgm|Container|GContainer|Item):\w+|GCamera:(?:MotionPhoto|MicroVideo)\w*"
"""Properties of XMP about what is left out."""
_ENTRIES = 0xB002
_KIND, _PREVIEWS = 0xFFFFFF, (0x010001, 0x010002)


def notes(image: JpegImagePlugin.JpegImageFile) -> tuple[str, ...]:
    """What is left out, a line each."""
    return tuple(_notes(image))


def own(xmp: bytes) -> bytes:
    """The packet without what it says of parts that are left out."""
    marks = (*_GAIN_MAP_MARKS, *_FILM_MARKS)
    return without(xmp, _POINTERS) if any(mark in xmp for mark in marks) else xmp


def more(others: int) -> str:
    """A note on so many pictures that are left out."""
    return f"{others} more picture{'s' * (others > 1)} of the file left out: the main one is read"


def _notes(image: JpegImagePlugin.JpegImageFile) -> Iterator[str]:
    xmp = image.info.get("xmp") or b""
    said = b"".join(body[:64] for name, body in image.applist if name == "APP2")
    brighter = any(mark in part for mark in _GAIN_MAP_MARKS for part in (xmp, said))
    others = _other_views(image.info.get("mp") or b"") - brighter
    if brighter:
        yield GAIN_MAP
    if any(mark in xmp for mark in _FILM_MARKS):
        yield _FILM
    if others > 0:
        yield more(others)


def _other_views(index: bytes) -> int:
    """How many pictures beside the first it lists, previews of it not counted."""
    with contextlib.suppress(Exception):  # Pillow raises anything there; the pixels may be well
        tags = TiffImagePlugin.ImageFileDirectory_v2(index[:8])
        file = io.BytesIO(index)
        file.seek(tags.next)
        tags.load(file)
        order = "<" if index[:2] == b"II" else ">"
        kinds = [entry[0] & _KIND for entry in struct.iter_unpack(f"{order}4L", tags[_ENTRIES])]
        return sum(kind not in _PREVIEWS for kind in kinds[1:])
    return 0

"""What a film says of itself: metadata, chapters, and that a model made it."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from av.stream import Disposition

from gantool.media.carry import Carry
from gantool.media.metadata import kept
from gantool.media.provenance import marked
from gantool.media.video import kinds

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

    from gantool.media.metadata import Mode
    from gantool.media.video.joining import Joint

BOXED = (".mp4", ".m4v", ".mov")
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The box in which XMP is in such films, as XMP Specification Part 3 has it."""
_TAG = "XMP"
"""What the same is called in Matroska, which has no place of its own for it."""
_WRITTEN = ("major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration")
_CLASSIC = re.compile(
    "title|artist|album(_artist)?|comment|copyright|genre|date|year|composer|description|synopsis"
    "|show|episode_id|network|lyrics|grouping|track|disc|encoding_tool|media_type|hd_video"
    "|gapless_playback|creation_time|sort_\\w+|compilation|rating|keywords",
    re.IGNORECASE,
)
"""What the muxer of mp4 writes in the form that most players read."""
_TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;.]\d\d")
_PLACE = re.compile(r"location|gps|xyz|latitude|longitude|altitude", re.IGNORECASE)


def options(suffix: str, joint: Joint) -> dict[str, str]:
    """Of the muxer."""
    if suffix.lower() not in BOXED:
        return {}
    if kinds.is_numbered(joint.film.path):
        return {"movflags": "+faststart"}
    from gantool.media.video.film import opened

    with opened(joint.film.path) as container:
        said = said_of(container, joint.metadata)
    rare = any(not _CLASSIC.fullmatch(key) for key in said)
    return {"movflags": "+faststart" + ("+use_metadata_tags" if rare else "")}


def said_of(container: InputContainer, mode: Mode) -> dict[str, str]:
    """What `mode` leaves of the film's own metadata."""
    if mode == "strip":
        return {}
    return {
        key: value
        for key, value in container.metadata.items()
        if key.lower() not in _WRITTEN
        and key != _TAG
        and (mode == "keep" or not _PLACE.search(key))
    }


def label(
    output: OutputContainer, picture: Stream, source: InputContainer | None, joint: Joint
) -> None:
    """Metadata, chapters and, in Matroska, the origin."""
    if source is not None:
        _copied(output, picture, source, joint)
    if output.format.name in ("matroska", "webm"):
        before = source.metadata.get(_TAG, "") if source is not None else ""
        packet = _packet(before.encode(), joint)
        if packet:
            output.metadata[_TAG] = packet.decode()


def _copied(output: OutputContainer, picture: Stream, source: InputContainer, joint: Joint) -> None:
    stream = source.streams[joint.film.stream]
    output.metadata.update(said_of(source, joint.metadata))
    if "language" in stream.metadata:
        picture.metadata["language"] = stream.metadata["language"]
    if joint.metadata != "strip" and "title" in stream.metadata:
        picture.metadata["title"] = stream.metadata["title"]
    said = {key.lower(): value for key, value in stream.metadata.items()}
    timecode = said.get("timecode", "")
    if not joint.wishes.start and _is_timecode(timecode, joint.encoding.rate):
        picture.metadata["timecode"] = timecode
    picture.disposition = Disposition(stream.disposition)
    output.set_chapters(list(_chapters(source, joint)))


def _is_timecode(said: str, rate: Fraction) -> bool:
    """Whether muxers take it: those that drop numbers count 30 or 60 a second."""
    return bool(_TIMECODE.fullmatch(said)) and (said[8] == ":" or round(rate) in (30, 60))


def append(path: Path, suffix: str, joint: Joint) -> None:
    """Put the origin behind a film of boxes."""
    if suffix.lower() not in BOXED:
        return
    packet = _packet(_xmp_of(joint.film.path), joint)
    if packet:
        with path.open("ab") as file:
            file.write(struct.pack(">I4s16s", 24 + len(packet), b"uuid", XMP) + packet)


def _packet(xmp: bytes, joint: Joint) -> bytes:
    """XMP of the source as far as it is wanted, with the origin in it."""
    xmp = kept(Carry(xmp=xmp), joint.metadata).xmp
    return marked(xmp, joint.origin) if joint.origin else xmp


def _xmp_of(path: Path) -> bytes:
    with contextlib.suppress(OSError, struct.error), path.open("rb") as file:
        end = file.seek(0, 2)
        at = 0
        while at + 8 <= end:
            file.seek(at)
            length, name = struct.unpack(">I4s", file.read(8))
            if length == 1:
                (length,) = struct.unpack(">Q", file.read(8))
            if name == b"uuid" and file.read(16) == XMP and length < 1 << 24:
                return file.read(length - 24)
            if length < 8:
                break
            at += length
    return b""


def _chapters(source: InputContainer, joint: Joint) -> Iterator[Any]:
    """As far as they are in the result, with its times."""
    film, wishes = joint.film, joint.wishes
    first, end = film.window(wishes)
    for chapter in source.chapters():
        base = Fraction(chapter["time_base"] or 1)
        begins, ends = chapter["start"] * base, chapter["end"] * base
        begins = begins if first is None else max(begins, first * film.time_base)
        ends = ends if end is None else min(ends, end * film.time_base)
        if ends > begins:
            moved = film.moved(wishes) * film.time_base
            ticks = round((begins - moved) / base), round((ends - moved) / base)
            yield {**chapter, "start": ticks[0], "end": ticks[1]}

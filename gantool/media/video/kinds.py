"""What is a film by its name, and what it may be written as. Imports nothing heavy."""

import re
from collections.abc import Mapping
from pathlib import Path

from gantool.errors import UsageError

CONTAINERS: Mapping[str, str] = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""Endings of films that are written, and what the muxer of each is called."""
_READ = ".avi .mpg .mpeg .m2ts .mts .ts .vob .wmv .asf .flv .3gp .3g2 .ogv .mxf .nut .y4m .divx"
SUFFIXES = frozenset(CONTAINERS) | frozenset(_READ.split())
"""Endings of films that are read."""
IN_FOLDERS = SUFFIXES - {".ts"}
"""The same, without that of a programming language: such a film is to be named."""
ANY = ".mkv"
"""The container that takes what others do not."""
_STARTS = {
    b"\x1aE\xdf\xa3": ".mkv",
    b"YUV4MPEG2": ".y4m",
    b"FLV": ".flv",
    b"nut/multimedia": ".nut",
    b"OggS": ".ogv",
    b"0&\xb2u\x8ef\xcf\x11": ".wmv",
    b"\0\0\x01\xba": ".mpg",
    b"\x06\x0e+4\x02\x05\x01\x01": ".mxf",
}
_PACKET = 188
"""Bytes of a packet of MPEG-TS, each of which begins with the same."""
_BRANDS = (b"isom", b"iso", b"mp4", b"avc", b"M4V", b"qt  ", b"dash", b"3gp", b"XAVC", b"MSNV")


PATTERN = re.compile(r"%(?:0(\d+))?d")
"""Where the number is in the names of a film's frames, as ffmpeg has it."""


def is_film(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in SUFFIXES or is_numbered(path)


def is_numbered(path: Path) -> bool:
    """Whether it stands for pictures with numbers: `frames/%05d.png`, not `100%done.mp4`."""
    is_pattern = PATTERN.search(path.name) and path.suffix.lower() not in SUFFIXES
    return bool(is_pattern) and not path.exists()


def film_ending(content: bytes) -> str | None:
    """What the name of a film that begins like this would end in; None for what is none."""
    for start, suffix in _STARTS.items():
        if content.startswith(start):
            return suffix
    if content[:4] == b"RIFF" and content[8:12] == b"AVI ":
        return ".avi"
    if len(content) > _PACKET and content[: _PACKET + 1 : _PACKET] == b"GG":
        return ".ts"
    if content[4:8] == b"ftyp" and content[8:12].startswith(_BRANDS):
        return ".mov" if content[8:10] == b"qt" else ".mp4"
    return None


def container_of(path: Path, codec: str | None, wanted: str | None) -> str:
    """The ending of a result: as asked for, else the input's where the codec can be in it.

    Raises UsageError for a container that the codec cannot be in.
    """
    if is_numbered(path) and wanted not in CONTAINERS:
        return path.suffix
    allowed = HOLDS[codec] if codec else tuple(CONTAINERS)
    if wanted is not None and wanted in CONTAINERS:
        refuse_container(wanted, codec)
        return wanted
    if path.suffix.lower() in allowed:
        return path.suffix
    return ANY if ANY in allowed and codec != "prores" else allowed[0]


def refuse_container(suffix: str, codec: str | None) -> None:
    """Raises UsageError where the codec cannot be in a film with this ending."""
    if codec and suffix.lower() not in HOLDS[codec]:
        there = ", ".join(each.lstrip(".") for each in HOLDS[codec])
        raise UsageError(f"--codec {codec}: cannot be in {suffix}: choose one of {there}")


_MODERN = (".mp4", ".m4v", ".mov", ".mkv")
HOLDS: Mapping[str, tuple[str, ...]] = {
    "h264": _MODERN,
    "hevc": _MODERN,
    "vp9": (".webm", ".mkv", ".mp4"),
    "av1": (".mp4", ".mkv", ".webm"),
    "ffv1": (".mkv",),
    "prores": (".mov", ".mkv"),
    "h264_nvenc": _MODERN,
    "hevc_nvenc": _MODERN,
}
"""What `--codec` may name, and which containers hold it."""

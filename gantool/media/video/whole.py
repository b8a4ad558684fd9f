"""Whether a film file is all there, by what its container says of its own size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ItemError

if TYPE_CHECKING:
    from av.container import InputContainer

_SEGMENT = b"\x18\x53\x80\x67"


def check(path: Path, container: InputContainer) -> None:
    """Raises ItemError for a file that ends before its content does."""
    there = path.stat().st_size
    needed = _needed(path, container)
    if needed > there:
        raise ItemError(f"cut short: {there} bytes of {needed}: get a whole copy of it")


def _needed(path: Path, container: InputContainer) -> int:
    name = container.format.name
    if "mp4" in name:
        return max(map(_last_byte, container.streams), default=0)
    with path.open("rb") as file:
        head = file.read(1 << 12)
    if "matroska" in name:
        return _matroska(head)
    return 8 + int.from_bytes(head[4:8], "little") if name == "avi" else 0


def _last_byte(stream: object) -> int:
    entries = getattr(stream, "index_entries", ())
    if not len(entries):
        return 0
    last = entries[len(entries) - 1]
    return int(last.pos) + int(last.size)


def _matroska(head: bytes) -> int:
    """Where the segment ends; 0 where its size is left open, as by what is recorded live."""
    at = head.find(_SEGMENT)
    if at < 0:
        return 0
    at += len(_SEGMENT)
    length = 9 - head[at].bit_length()
    size = int.from_bytes(head[at : at + length]) & ((1 << 7 * length) - 1)
    return 0 if size == (1 << 7 * length) - 1 else at + length + size

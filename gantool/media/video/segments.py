"""Pieces of a film that are encoded apart, so that what is finished outlives a kill.

A file holds the packets of one encoder, one behind the other, then a line of JSON that says when
each is shown, and how long that line is. It is written aside: where it is, it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from av.error import FFmpegError

from gantool.errors import ItemError
from gantool.media.video.encoding import Encoding
from gantool.media.video.frames import Packer

if TYPE_CHECKING:
    from av.packet import Packet

    from gantool.pipeline import Frame

_LENGTH = 8
INDEX = "index.json"
"""The same, of a segment that is a folder of pictures."""


@dataclass(frozen=True)
class Piece:
    """One packet: a coded frame."""

    time: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class Index:
    """What is in a segment."""

    packets: tuple[tuple[int, int, bool], ...]
    """Bytes, time in ticks and whether it is a key frame, in the order of decoding."""
    last: int
    """Ticks for which the last frame is shown; 0 where nothing tells."""
    facts: dict[str, Any]
    """What whoever wrote it wanted to know again."""

    @property
    def times(self) -> list[int]:
        return [time for _, time, _ in self.packets]


class VideoWriter:
    """Encodes the frames of one segment into `file`. Not thread-safe."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file, self.encoding = file, encoding
        self._encoder = encoding.opened()
        self._pack = Packer(encoding.pix_fmt, encoding.colour)
        self._packets: list[tuple[int, int, bool]] = []
        self._last = 0

    def add(self, frame: Frame, time: int, duration: int) -> None:
        """The next frame, H×W×3. Raises ItemError for another size or what the encoder refuses."""
        height, width = frame.shape[:2]
        if (width, height) != (self.encoding.width, self.encoding.height):
            raise ItemError(
                f"frames become {self.encoding.width}×{self.encoding.height} and then "
                f"{width}×{height}: a film has one size"
            )
        packed = self._pack(frame)
        packed.pts, packed.time_base = time, self.encoding.time_base
        self._last = duration
        self._encode(packed)

    def finish(self, facts: dict[str, Any]) -> None:
        """Write what the encoder still holds, and what the segment is."""
        self._encode(None)
        said = {"packets": self._packets, "last": self._last, **facts}
        line = json.dumps(said).encode()
        self._file.write(line)
        self._file.write(len(line).to_bytes(_LENGTH))

    def _encode(self, frame: Any) -> None:
        try:
            packets = self._encoder.encode(frame)
        except FFmpegError as error:
            raise ItemError(f"cannot be encoded ({error}): choose another --codec") from error
        for packet in packets:
            self._write(packet)

    def _write(self, packet: Packet[Any]) -> None:
        data = bytes(packet)
        assert packet.pts is not None
        self._packets.append((len(data), packet.pts, packet.is_keyframe))
        self._file.write(data)


def read_index(path: Path) -> Index | None:
    """What a segment holds; None for what is none."""
    try:
        said = json.loads((path / INDEX).read_bytes() if path.is_dir() else _line(path))
        packets = tuple((size, time, key) for size, time, key in said.pop("packets"))
        return Index(packets, said.pop("last"), said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _line(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-_LENGTH, 2)
        length = int.from_bytes(file.read(_LENGTH))
        file.seek(-_LENGTH - length, 2)
        return file.read(length)


def pieces(path: Path, index: Index) -> Iterator[Piece]:
    """The packets of a segment, in the order of decoding."""
    with path.open("rb") as file:
        for size, time, key in index.packets:
            yield Piece(time, key, file.read(size))

"""The folder in which a film is made: its segments, and what the task remembers after each.

Whatever is in it is whole. After a kill, what belongs to the same job is found again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gantool import atomic
from gantool.errors import ItemError
from gantool.media.video.encoding import Encoding
from gantool.media.video.reading import Shown
from gantool.media.video.segments import Index, VideoWriter, read_index
from gantool.pipeline import Frame

Memory: TypeAlias = dict[str, NDArray[Any]]
Encode: TypeAlias = Callable[[int, int], Encoding]
"""(width, height) → how frames of this size are encoded."""


@dataclass(frozen=True)
class FilmFolder:
    """The segments of one job."""

    path: Path
    key: str
    """What decides about them; those with another are not taken."""

    def segment(self, number: int, result: str) -> Path:
        return self.path / f"{number:06d}{result and '-'}{result}"

    def finished(self, *, remembers: bool) -> tuple[int, int, Memory]:
        """How many segments need not be made again, their frames, and what is remembered then."""
        frames = [0]
        while (count := self._frames(len(frames) - 1)) is not None:
            frames.append(frames[-1] + count)
        number, memory = len(frames) - 1, None
        while number and remembers and memory is None:
            memory = self._memory(number - 1)
            number -= memory is None
        for path in self.path.iterdir():
            if path.name[:6] >= f"{number:06d}" or path.name.startswith(atomic.ASIDE):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return number, frames[number], memory or {}

    def remember(self, number: int, memory: Memory) -> None:
        """Keep what the task remembers after this segment; of those before only the last."""
        arrays: Any = memory
        with atomic.replacing(self._memory_file(number)) as file:
            np.savez(file, **arrays)
        if number > 1:
            self._memory_file(number - 2).unlink(missing_ok=True)

    def results(self) -> Mapping[str, list[Path]]:
        """The segments of each result, in order."""
        first = self._first(0)
        if first is None:
            return {}
        return {each: list(self._segments(each)) for each in first.facts["results"]}

    def made(self) -> Iterator[tuple[Path, Index]]:
        """Segments that are one file or folder each, in order, and what is in them."""
        for path in self._segments(""):
            if index := read_index(path):
                yield path, index

    def _segments(self, result: str) -> Iterator[Path]:
        number = 0
        while (path := self.segment(number, result)).exists():
            yield path
            number += 1

    def _frames(self, number: int) -> int | None:
        """Of a segment that all results have; None where it is to be made."""
        index = self._first(number)
        if index is None or index.facts.get("key") != self.key:
            return None
        every = (read_index(self.segment(number, each)) for each in index.facts["results"])
        return len(index.packets) if all(every) else None

    def _first(self, number: int) -> Index | None:
        paths = (path for path in self.path.glob(f"{number:06d}*") if path.suffix != ".npz")
        return next((read_index(path) for path in sorted(paths)), None)

    def _memory_file(self, number: int) -> Path:
        return self.path / f"{number:06d}.npz"

    def _memory(self, number: int) -> Memory | None:
        try:
            with np.load(self._memory_file(number), allow_pickle=False) as kept:
                return dict(kept)
        except (OSError, ValueError):
            return None


class Segment:
    """A segment that is being made: a file for each result. Used by one thread at a time."""

    def __init__(self, folder: FilmFolder, number: int, encode: Encode) -> None:
        self._folder, self._number, self._encode = folder, number, encode
        self._files = contextlib.ExitStack()
        self._writers: dict[str, VideoWriter] = {}

    def add(self, shown: Shown, results: Mapping[str, Frame]) -> None:
        """What the task made of a frame. Raises ItemError, OutputError."""
        if not self._writers:
            self._begin(results)
        if results.keys() != self._writers.keys():
            raise ItemError("the task gives other results for one frame than for another")
        for result, frame in results.items():
            self._writers[result].add(frame, shown.time, shown.duration)

    def finish(self, memory: Memory | None) -> bool:
        """Give the files their names; whether there was anything to be put into them."""
        for writer in self._writers.values():
            size = {"width": writer.encoding.width, "height": writer.encoding.height}
            writer.finish({"key": self._folder.key, "results": list(self._writers), **size})
        self._files.close()
        if self._writers and memory is not None:
            self._folder.remember(self._number, memory)
        return bool(self._writers)

    def abandon(self) -> None:
        """Leave nothing of what is not finished."""
        self._files.__exit__(ItemError, ItemError("abandoned"), None)

    def _begin(self, results: Mapping[str, Frame]) -> None:
        for result, frame in results.items():
            height, width = frame.shape[:2]
            encoding = self._encode(width, height)
            path = self._folder.segment(self._number, result)
            file = self._files.enter_context(atomic.replacing(path))
            self._writers[result] = VideoWriter(file, encoding)


def encoding_of(segment: Path, encode: Encode) -> Encoding:
    """How a segment was encoded. Raises ItemError for one that is damaged."""
    index = read_index(segment)
    if index is None:
        raise ItemError(f"{segment}: damaged: run again")
    return encode(index.facts["width"], index.facts["height"])


@contextlib.contextmanager
def beside(target: Path, key: str, *, alone: bool) -> Iterator[FilmFolder]:
    """The folder for the film `target`; the same every time where nobody else can be at it.

    It stays where something is to go on from, and not after an ItemError, which would come again.
    """
    atomic.make_folder(target.parent)
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:24]
    path = target.with_name(f"{atomic.ASIDE}{name}.film")
    if alone:
        atomic.make_folder(path)
    else:
        path = Path(tempfile.mkdtemp(prefix=atomic.ASIDE, dir=target.parent))
    try:
        yield FilmFolder(path, key)
    except ItemError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    finally:
        if not alone:
            shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # something is in it
            path.rmdir()

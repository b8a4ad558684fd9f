"""The results of a film as numbered pictures, made segment by segment like a film."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gantool import atomic
from gantool.errors import OutputError
from gantool.film_folder import FilmFolder, Memory
from gantool.manifest import File, sha256
from gantool.media.carry import Carry
from gantool.media.picture import Picture
from gantool.media.places import named
from gantool.media.results import write_picture
from gantool.media.video import numbered
from gantool.media.video.segments import INDEX

if TYPE_CHECKING:
    from gantool.batch import Ledger
    from gantool.media.places import Item
    from gantool.media.video.reading import Shown
    from gantool.pipeline import Frame


class PictureSegment:
    """A folder of pictures that is being filled. Used by one thread at a time."""

    def __init__(
        self, folder: FilmFolder, number: int, target: Path, carry: Carry, quality: int | None
    ) -> None:
        self._folder, self._number, self._target = folder, number, target
        self._carry, self._quality = carry, quality
        self._aside = contextlib.ExitStack()
        self._path: Path | None = None
        self._frames = 0
        self._results: tuple[str, ...] = ()

    def add(self, shown: Shown, results: Mapping[str, Frame]) -> None:
        """What the task made of a frame. Raises ItemError, OutputError."""
        if self._path is None:
            path = self._folder.segment(self._number, "")
            self._path = self._aside.enter_context(atomic.write_folder(path))
            self._results = tuple(results)
        try:
            for result, frame in results.items():
                self._write(self._path / _name(self._frames, result), frame)
        except OSError as error:
            if error.errno is None:  # an encoder's, not the system's
                raise
            said = f"{self._target}: cannot be written: {error.strerror or error}"
            raise OutputError(said) from error
        self._frames += 1

    def _write(self, path: Path, frame: Frame) -> None:
        with path.open("wb") as file:
            picture = Picture([(frame, self._carry)])
            write_picture(file, picture, self._target.suffix, quality=self._quality)

    def finish(self, memory: Memory | None) -> bool:
        """Give the folder its name; whether there was anything to be put into it."""
        if self._path is None:
            return False
        facts = {"key": self._folder.key, "results": self._results, "last": 0}
        packets = [(0, number, True) for number in range(self._frames)]
        (self._path / INDEX).write_text(json.dumps({"packets": packets, **facts}))
        self._aside.close()
        if memory is not None:
            self._folder.remember(self._number, memory)
        return True

    def abandon(self) -> None:
        """Leave nothing of what is not finished."""
        self._aside.__exit__(InterruptedError, InterruptedError(), None)


def put(item: Item, source: File, folder: FilmFolder, ledger: Ledger | None) -> tuple[Path, ...]:
    """Move the pictures to where they belong, numbered from 1; the manifest is told before.

    What an earlier run has moved already stays. Raises ItemError, OutputError.
    """
    moves = list(_moves(item, folder))
    atomic.make_folder(item.target.parent)
    if ledger:
        files = []
        for made, path in moves:
            if made.exists():
                ledger.check(item, path)
            here = made if made.exists() else path
            status, name = here.stat(), path.relative_to(item.root).as_posix()
            files.append(File(name, status.st_size, status.st_mtime_ns, sha256(here)))
        ledger.settle(item, source, files)
    for made, path in moves:
        with contextlib.suppress(FileNotFoundError):
            os.replace(made, path)
    atomic.fsync_folder(item.target.parent)
    return tuple(path for _, path in moves)


def _moves(item: Item, folder: FilmFolder) -> Iterator[tuple[Path, Path]]:
    total = 0
    for segment, index in folder.made():
        for number in range(len(index.packets)):
            total += 1
            for result in index.facts["results"]:
                target = numbered.file(named(item.target, result), total)
                yield segment / _name(number, result), target


def _name(number: int, result: str) -> str:
    return f"{number:06d}{result and '-'}{result}"

"""Sources → frames → pipeline → files. Reads ahead and writes behind while the model works."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Event
from typing import BinaryIO, Literal

import numpy as np

from gantool import atomic
from gantool.batch import Ledger
from gantool.errors import GantoolError, ItemError
from gantool.manifest import File
from gantool.media.carry import Carry, carry_through
from gantool.media.images import read_picture, write_picture
from gantool.media.metadata import Mode, kept
from gantool.media.picture import Limits, Picture
from gantool.media.places import Item, named
from gantool.media.provenance import Origin, marked
from gantool.outcomes import Done, Failed, Outcome, Skipped, Started
from gantool.pipeline import Frame, Frames, Process, Result, Stream

AHEAD = 2
"""Pictures decoded ahead of the model, and as many results waiting to be written."""
HEAVY = 1 << 27
"""Bytes of a result that is waited for, so that several such are never there at once."""


@dataclass(frozen=True)
class Rules:
    """How pictures are taken in and results are put into files."""

    grey: Literal["keep", "colour"] = "keep"
    alpha: Literal["resize", "model"] = "resize"
    quality: int | None = None
    metadata: Mode = "keep"
    origin: Origin | None = None
    """What results say that made them."""
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    """Pictures read at once, and as many written."""
    fail_fast: bool = False
    """Nothing is begun after a failure."""
    limit: int | None = None
    """Nothing is begun after so many pictures that could be done."""


@dataclass(frozen=True)
class Work:
    """What is done with frames: `process` with each, or `stream` with those of an animation."""

    process: Process
    stream: Stream | None = None


@dataclass(frozen=True)
class _Results:
    """What the model made of an item, by suffix, not yet in files."""

    pictures: dict[str, Picture]
    source: File
    seconds: float
    notes: tuple[str, ...]


def run(
    items: Iterable[Item | Skipped],
    work: Work,
    rules: Rules,
    *,
    ledger: Ledger | None = None,
    stop: Event | None = None,
) -> Iterator[Outcome]:
    """`work` on every item, yielded in order as their files are complete.

    `ledger` is told of every result before it gets its name. After `stop` no item is begun; what
    is being written is finished. Raises OutputError where nothing more can be written.
    """
    stop = stop or Event()
    with (
        ThreadPoolExecutor(rules.jobs, "read") as reader,
        ThreadPoolExecutor(rules.jobs, "write") as writer,
    ):
        writing: deque[Future[Done | Failed]] = deque()
        made = 0
        try:
            for item, reading in _ahead(reader, items, rules, stop):
                if isinstance(item, Skipped):
                    yield item
                    continue
                yield Started(item.source)
                results = _processed(item, reading, work, rules)
                if stop.is_set():  # what failed now was stopped
                    break
                if rules.fail_fast and isinstance(results, Failed):
                    stop.set()
                writing.append(writer.submit(_write, item, results, rules, ledger))
                made += isinstance(results, _Results)
                if made == rules.limit:
                    break
                yield from _told(writing, 0 if _is_heavy(results) else max(AHEAD, rules.jobs))
            yield from _told(writing, 0)
        except GantoolError:
            yield from _whole(writing)
            raise


def _told(writing: deque[Future[Done | Failed]], ahead: int) -> Iterator[Done | Failed]:
    """What is written, waiting until no more than `ahead` are not."""
    while len(writing) > ahead or (writing and writing[0].done()):
        yield writing.popleft().result()


def _whole(writing: deque[Future[Done | Failed]]) -> Iterator[Done | Failed]:
    """What could still be written when something ended the run: its files are there."""
    while writing:
        with contextlib.suppress(GantoolError):
            yield writing.popleft().result()


def _ahead(
    reader: ThreadPoolExecutor, items: Iterable[Item | Skipped], rules: Rules, stop: Event
) -> Iterator[tuple[Item | Skipped, Future[Picture]]]:
    rest = iter(items)
    reading: deque[tuple[Item | Skipped, Future[Picture]]] = deque()
    while not stop.is_set():
        for item in islice(rest, max(AHEAD, rules.jobs) - len(reading)):
            if isinstance(item, Skipped):
                reading.append((item, Future()))
            else:
                reading.append((item, reader.submit(read_picture, item.source, rules.limits)))
        if not reading:
            return
        yield reading.popleft()


def _processed(item: Item, reading: Future[Picture], work: Work, rules: Rules) -> _Results | Failed:
    try:
        picture = reading.result()
        began = time.monotonic()
        pictures = applied(work, picture, rules)
        seconds = time.monotonic() - began
    except Exception as error:  # a stranger's process may raise anything
        if ends_the_run(error):
            raise
        return Failed(item.source, _reason(item, error))
    mtime_ns = picture.frames[0][1].mtime_ns or 0
    source = File(os.path.abspath(item.source), picture.bytes, mtime_ns, picture.sha256)
    return _Results(pictures, source, seconds, picture.notes)


def applied(work: Work, picture: Picture, rules: Rules) -> dict[str, Picture]:
    """The results by suffix, each of as many frames as the picture has."""
    process = work.process
    if picture.timing and work.stream:
        process = _in_turn(work.stream(Frames(frame for frame, _ in picture.frames)))
    alpha = "resize" if picture.timing else rules.alpha
    frames = [
        carry_through(process, frame, carry, grey=rules.grey, alpha=alpha)
        for frame, carry in picture.frames
    ]
    results = {
        suffix: Picture([_marked(each[suffix], rules) for each in frames], picture.timing)
        for suffix in frames[0]
    }
    for frame in _frames(results):
        if not (isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3):
            raise ItemError(f"the task gives {type(frame).__name__}, not a frame H×W×3")
    return results


def _marked(made: tuple[Frame, Carry], rules: Rules) -> tuple[Frame, Carry]:
    """A result with the metadata that is wanted, and where it comes from."""
    frame, carry = made
    carry = kept(carry, rules.metadata)
    if rules.origin:
        carry = replace(carry, xmp=marked(carry.xmp, rules.origin))
    return frame, carry


def _in_turn(results: Iterator[Result]) -> Process:
    return lambda _: next(results)


def _write(
    item: Item, results: _Results | Failed, rules: Rules, ledger: Ledger | None
) -> Done | Failed:
    if isinstance(results, Failed):
        outcome: Done | Failed = results  # it comes here to keep its place in the order
    else:
        try:
            outcome = _written(item, results, rules, ledger)
        except Exception as error:  # what a stranger's process gave may be no frame
            if ends_the_run(error):
                raise
            outcome = Failed(item.source, _reason(item, error))
    if ledger:
        ledger.release(item)
    return outcome


def _written(item: Item, results: _Results, rules: Rules, ledger: Ledger | None) -> Done:
    """All files of an item are complete before the first gets its name."""
    paths = {named(item.target, suffix): picture for suffix, picture in results.pictures.items()}
    atomic.make_folder(item.target.parent)
    alone = ledger is not None and ledger.alone(item)
    with ExitStack() as files:
        outputs = []
        for path, picture in paths.items():
            if ledger:
                ledger.check(item, path)
            mtime_ns = picture.frames[0][1].mtime_ns
            file = files.enter_context(atomic.replacing(path, mtime_ns=mtime_ns, alone=alone))
            write_picture(file, picture, path.suffix, quality=rules.quality)
            if ledger:
                outputs.append(_described(path.relative_to(item.root), file, mtime_ns))
        if ledger:
            ledger.settle(item, results.source, outputs)
    return Done(item.source, tuple(paths), results.seconds, results.notes)


def _described(name: Path, file: BinaryIO, mtime_ns: int | None) -> File:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return File(name.as_posix(), file.tell(), mtime_ns or 0, digest.hexdigest())


def _is_heavy(results: _Results | Failed) -> bool:
    if isinstance(results, Failed):
        return False
    return sum(frame.nbytes for frame in _frames(results.pictures)) > HEAVY


def _frames(pictures: dict[str, Picture]) -> Iterator[Frame]:
    return (frame for picture in pictures.values() for frame, _ in picture.frames)


def ends_the_run(error: Exception) -> bool:
    """Whether it is about more than one item: the disk, the device, the model."""
    return isinstance(error, GantoolError) and not isinstance(error, ItemError)


def _reason(item: Item, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"{item.source}: not enough memory for it"
    text = str(error)
    if not isinstance(error, GantoolError):  # a stranger's, maybe of several lines
        text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if str(item.source) in text else f"{item.source}: {text}"

"""A film through a task, in segments: what is finished of it outlives a kill.

Decoding, the task and encoding overlap. What the task remembers from frame to frame is kept with
the segments, so that a film that was interrupted becomes what it would have become.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gantool import __version__, film_folder, frame_files, manifest
from gantool.errors import ItemError, OutputError, ends_the_run, reason
from gantool.film_folder import FilmFolder, Segment
from gantool.frame_files import PictureSegment
from gantool.media.carry import Carry
from gantool.media.pixels import grey_of
from gantool.media.provenance import marked
from gantool.media.video import copying, encoding, joining, kinds, numbered
from gantool.media.video.film import Film, probe
from gantool.media.video.reading import Shown, VideoReader
from gantool.media.video.segments import VideoWriter
from gantool.outcomes import Advanced, Done, Failed, Outcome, Started, Told
from gantool.overlap import Pace, ahead, behind, in_turn
from gantool.pipeline import noting
from gantool.placing import put

if TYPE_CHECKING:
    from gantool.batch import Ledger
    from gantool.media.places import Item
    from gantool.pipeline import Frame, Result
    from gantool.rules import Rules, Work

SEGMENT = 100
"""Frames of a segment: what a kill costs at most."""
AHEAD = 4
"""Frames decoded ahead of the task, and as many results waiting to be encoded."""
ROUGHLY = 4
"""How many times less than estimated a film may take on disk."""
Made = tuple[Shown, Mapping[str, "Frame"]]


@dataclass
class Job:
    """One film on its way."""

    item: Item
    film: Film
    rules: Rules
    seconds: float = 0.0
    """That the task took."""
    frames: int = 0
    """That are done."""
    resumed: int = 0
    """Of these, in earlier runs."""
    notes: list[str] = field(default_factory=list)

    def encode(self, width: int, height: int) -> encoding.Encoding:
        suffix = self.item.target.suffix
        return encoding.choose(self.film, self.rules.film, suffix, width, height)


def run(
    item: Item, work: Work, rules: Rules, *, ledger: Ledger | None, stop: Event
) -> Iterator[Outcome]:
    """The film `item` through `work`; yields how far it is, then that it is done or failed.

    After `stop` no more is yielded; what is finished is there to go on from. Raises OutputError
    where nothing can be written.
    """
    yield Started(item.source)
    try:
        yield from _done(item, work, rules, ledger, stop)
    except Exception as error:  # a stranger's process may raise anything
        if ends_the_run(error):
            raise
        yield Failed(item.source, reason(item.source, error))


def tried(item: Item, work: Work, rules: Rules, *, frames: int) -> tuple[int, int, int, float]:
    """The first frames through `work`, into memory: pixels given and made, bytes, seconds.

    Raises what doing the film raises.
    """
    job = Job(item, probe(item.source, rules.film, rules.limits), rules)
    began, given, made = time.monotonic(), 0, 0
    writers: dict[str, VideoWriter] = {}
    files: dict[str, io.BytesIO] = {}
    reader = VideoReader(job.film, rules.film, limits=rules.limits)
    for shown, results in _made(islice(reader, frames), work.on_film({}), 1, job):
        given += shown.frame.shape[0] * shown.frame.shape[1]
        for result, frame in results.items():
            made += frame.shape[0] * frame.shape[1]
            if result not in writers:
                files[result] = io.BytesIO()
                encoded = job.encode(frame.shape[1], frame.shape[0])
                writers[result] = VideoWriter(files[result], encoded)
            writers[result].add(frame, shown.time, shown.duration)
    for writer in writers.values():
        writer.finish({})
    size = sum(file.tell() for file in files.values())
    return given, made, size, time.monotonic() - began


def _done(
    item: Item, work: Work, rules: Rules, ledger: Ledger | None, stop: Event
) -> Iterator[Outcome]:
    job = Job(item, probe(item.source, rules.film, rules.limits), rules)
    copying.check(job.film, item.target.suffix, rules.film)
    before = _state(item.source)
    key = _key(job, before, ledger.run if ledger else "")
    alone = ledger is not None and ledger.alone(item)
    with (
        film_folder.beside(item.target, key, alone=alone) as folder,
        ThreadPoolExecutor(1, "hash") as hasher,
    ):
        digest = hasher.submit(_sha256, item.source)
        yield from _room(job, folder)
        try:
            yield from _segments(job, folder, work, stop)
        except Exception:
            if not stop.is_set():  # a model that is stopped raises
                raise
        if stop.is_set():
            return
        if _state(item.source) != before:
            raise ItemError("was changed while it was read: run again")
        source = manifest.File(os.path.abspath(item.source), *before, digest.result())
        paths = _put(job, source, folder, ledger)
        shutil.rmtree(folder.path, ignore_errors=True)
    notes = tuple(dict.fromkeys(job.notes))
    yield Done(item.source, paths, job.seconds, notes, job.frames, job.resumed)


def _put(
    job: Job, source: manifest.File, folder: FilmFolder, ledger: Ledger | None
) -> tuple[Path, ...]:
    """Results under their names."""
    if kinds.is_numbered(job.item.target):
        return frame_files.put(job.item, source, folder, ledger)
    writers = {result: partial(_join, job, each) for result, each in folder.results().items()}
    return put(job.item, source, writers, ledger, mtime_ns=source.mtime_ns)


def _segments(job: Job, folder: FilmFolder, work: Work, stop: Event) -> Iterator[Outcome]:
    """Make those that are not there."""
    done, job.resumed, memory = folder.finished(remembers=work.stream is not None)
    job.frames = job.resumed
    reader = VideoReader(job.film, job.rules.film, job.frames, job.rules.limits)
    apply, pace = work.on_film(memory), Pace()
    together = 1 if work.stream else work.together
    with (
        ThreadPoolExecutor(1, "decode") as decoder,
        ThreadPoolExecutor(1, "encode") as encoder,
        contextlib.closing(ahead(decoder, iter(reader), AHEAD)) as shown,
    ):
        for number in count(done):
            segment = _segment(job, folder, number)
            made = _made(islice(shown, SEGMENT), apply, together, job)
            try:
                for _ in behind(encoder, segment.add, made, AHEAD):
                    job.frames += 1
                    yield Advanced(job.item.source, job.frames, job.film.frames, pace.step())
                    if stop.is_set():
                        return
                kept = memory if work.stream else None
                if not encoder.submit(segment.finish, kept).result():
                    break
            finally:
                encoder.submit(segment.abandon).result()
    job.notes += reader.notes
    if not job.frames:
        raise ItemError("there is no frame in it, or none between --start and --end")


def _segment(job: Job, folder: FilmFolder, number: int) -> Segment | PictureSegment:
    """The one with this number, to be made."""
    target, rules = job.item.target, job.rules
    if not kinds.is_numbered(target):
        return Segment(folder, number, job.encode)
    xmp = marked(b"", rules.origin) if rules.origin else b""
    return PictureSegment(folder, number, target, Carry(xmp=xmp), rules.quality)


def _made(
    shown: Iterable[Shown], apply: Callable[[Frame], Result], together: int, job: Job
) -> Iterator[Made]:
    """Frames and results; a frame exactly as the one before is not done again."""

    def results(frame: Frame) -> Mapping[str, Frame]:
        began = time.monotonic()
        with noting() as said:
            result = apply(frame)
        job.notes += [line for line in dict.fromkeys(said) if line not in job.notes]
        named = result if isinstance(result, Mapping) else {"": result}
        job.seconds += time.monotonic() - began
        return {name: _checked(each, job) for name, each in named.items()}

    before: Shown | None = None
    begun: Future[Mapping[str, Frame]] = Future()

    def begin(each: Shown) -> Future[Mapping[str, Frame]]:
        nonlocal before, begun
        if before is None or not np.array_equal(before.frame, each.frame):
            begun = worker.submit(results, each.frame)
        before = each
        return begun

    with ThreadPoolExecutor(together, "work") as worker:
        yield from in_turn(shown, begin, together)


def _checked(frame: Any, job: Job) -> Frame:
    if not (isinstance(frame, np.ndarray) and frame.ndim == 3 and frame.shape[2] == 3):
        raise ItemError(f"the task gives {type(frame).__name__}, not a frame H×W×3")
    grey = job.rules.grey == "keep" and job.film.pix_fmt.startswith("gray")
    return grey_of(frame) if grey else frame


def _join(job: Job, segments: list[Path], file: BinaryIO) -> None:
    """Write one result into the file."""
    rules = job.rules
    encoded = film_folder.encoding_of(segments[0], job.encode)
    joint = joining.Joint(job.film, encoded, rules.film, rules.metadata, rules.origin)
    joining.join(Path(file.name), job.item.target.suffix, segments, joint)
    job.notes += joint.notes


def _key(job: Job, state: tuple[int, int], run: str) -> str:
    """The same for the same segments."""
    wishes, suffix = repr(job.rules.film), job.item.target.suffix
    said = (os.path.abspath(job.item.source), state, run, wishes, job.rules.grey, suffix, SEGMENT)
    return hashlib.sha256(json.dumps((*said, __version__, encoding.VERSION)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return numbered.state(path)[2] if kinds.is_numbered(path) else manifest.sha256(path)


def _state(path: Path) -> tuple[int, int]:
    if kinds.is_numbered(path):
        return numbered.state(path)[:2]
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _room(job: Job, folder: FilmFolder) -> Iterator[Told]:
    """Say where the disk will probably not do. Raises OutputError where it cannot."""
    free = shutil.disk_usage(folder.path).free
    rules, suffix = job.rules, job.item.target.suffix
    if kinds.is_numbered(job.item.target):
        return
    size = encoding.bytes_of(job.film, rules.film, suffix, rules.limits.scale)
    needed = 2 * size  # the segments and the whole
    said = f"takes about {_size(needed)} while it is made, {_size(free)} are free"
    if needed > ROUGHLY * free:
        raise OutputError(f"{job.item.target}: {said}: choose another place with -o")
    if needed > free:
        yield Told(job.item.source, said)


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 10**8 else f"{number / 1e6:.1f} MB"

"""Sources → frames → pipeline → files. Reads ahead and writes behind while the model works."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import BinaryIO

import numpy as np

from gantool import turns
from gantool.batch import Ledger
from gantool.errors import GantoolError, ItemError, ends_the_run, reason
from gantool.manifest import File
from gantool.media.carry import Carry, carry_through
from gantool.media.images import read_picture, write_picture
from gantool.media.metadata import kept
from gantool.media.picture import Picture
from gantool.media.places import Item
from gantool.media.provenance import marked
from gantool.media.video.kinds import is_film
from gantool.outcomes import Done, Failed, Outcome, Skipped, Started
from gantool.pipeline import Frame, noting
from gantool.placing import put
from gantool.rules import Rules, Work
from gantool.turns import AHEAD, TOGETHER

HEAVY = 1 << 27
"""Bytes of a result that is waited for, so that several such are never there at once."""


@dataclass(frozen=True)
class _Results:
    """What the model made of an item, by suffix, not yet in files."""

    pictures: dict[str, Picture]
    source: File
    seconds: float
    notes: tuple[str, ...]
    figures: dict[str, float]


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

    def read(item: Item) -> Future[Picture]:
        return reader.submit(read_picture, item.source, rules.limits)

    def write(item: Item, results: _Results | Failed) -> Future[Done | Failed]:
        return writer.submit(_write, item, results, rules, ledger)

    with (
        ThreadPoolExecutor(rules.jobs, "read") as reader,
        ThreadPoolExecutor(rules.jobs, "write") as writer,
        ThreadPoolExecutor(TOGETHER, "work") as worker,
    ):
        pictures = turns.worked(
            turns.read(items, read, max(AHEAD, rules.jobs), stop),
            functools.partial(_processed, work, rules),
            worker,
            functools.partial(turns.together, work, rules),
        )
        film = functools.partial(_film, work=work, rules=rules, ledger=ledger, stop=stop)
        writing: deque[Future[Done | Failed]] = deque()
        try:
            yield from _in_turn(pictures, film, write, writing=writing, rules=rules, stop=stop)
        except GantoolError:
            yield from _whole(writing)
            raise
        finally:
            worker.shutdown(wait=False, cancel_futures=True)


def _in_turn(
    pictures: Iterable[tuple[Item | Skipped, Callable[[], _Results | Failed]]],
    film: Callable[[Item], Generator[Outcome, None, Outcome | None]],
    write: Callable[[Item, _Results | Failed], Future[Done | Failed]],
    *,
    writing: deque[Future[Done | Failed]],
    rules: Rules,
    stop: Event,
) -> Iterator[Outcome]:
    """Outcomes in the order of the items, until there are as many as `rules` allow."""
    made = 0
    for item, processed in pictures:
        if isinstance(item, Skipped):
            yield item
        elif is_film(item.source):
            yield from _told(writing, 0)
            made += isinstance((yield from film(item)), Done)
        else:
            yield Started(item.source)
            results = processed()
            if stop.is_set():  # what failed now was stopped
                break
            if rules.fail_fast and isinstance(results, Failed):
                stop.set()
            writing.append(write(item, results))
            made += isinstance(results, _Results)
            yield from _told(writing, 0 if _is_heavy(results) else max(AHEAD, rules.jobs))
        if made == rules.limit:
            break
    yield from _told(writing, 0)


def _told(writing: deque[Future[Done | Failed]], ahead: int) -> Iterator[Done | Failed]:
    """What is written, waiting until no more than `ahead` are not."""
    while len(writing) > ahead or (writing and writing[0].done()):
        yield writing.popleft().result()


def _whole(writing: deque[Future[Done | Failed]]) -> Iterator[Done | Failed]:
    """What could still be written when something ended the run: its files are there."""
    while writing:
        with contextlib.suppress(GantoolError):
            yield writing.popleft().result()


def _film(
    item: Item, work: Work, rules: Rules, ledger: Ledger | None, stop: Event
) -> Generator[Outcome, None, Outcome | None]:
    """A film, here and now; returns what came of it."""
    from gantool import films  # pictures do without av

    outcome: Outcome | None = None
    try:
        for outcome in films.run(item, work, rules, ledger=ledger, stop=stop):
            yield outcome
    finally:
        if ledger:
            ledger.release(item)
    if rules.fail_fast and isinstance(outcome, Failed):
        stop.set()
    return outcome


def _processed(
    work: Work, rules: Rules, item: Item | Skipped, reading: Future[Picture]
) -> _Results | Failed:
    try:
        picture = reading.result()
        began = time.monotonic()
        with noting() as said:
            pictures = applied(work, picture, rules)
        seconds = time.monotonic() - began
        figures = _figures(work, picture, pictures)
    except Exception as error:  # a stranger's process may raise anything
        if ends_the_run(error):
            raise
        return Failed(item.source, reason(item.source, error))
    mtime_ns = picture.frames[0][1].mtime_ns or 0
    source = File(os.path.abspath(item.source), picture.bytes, mtime_ns, picture.sha256)
    notes = *picture.notes, *dict.fromkeys(said)
    return _Results(pictures, source, seconds, notes, figures)


def applied(work: Work, picture: Picture, rules: Rules) -> dict[str, Picture]:
    """The results by suffix, each of as many frames as the picture has."""
    process = work.on_film({}) if picture.timing else work.process
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


def _figures(work: Work, picture: Picture, results: dict[str, Picture]) -> dict[str, float]:
    """What the task measures of one result, the mean over its frames."""
    if work.measure is None or len(results) > 1:
        return {}
    (result,) = results.values()
    pairs = zip(picture.frames, result.frames, strict=True)
    figures = [work.measure(frame, made) for (frame, _), (made, _) in pairs]
    return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}


def _marked(made: tuple[Frame, Carry], rules: Rules) -> tuple[Frame, Carry]:
    """A result with the metadata that is wanted, and where it comes from."""
    frame, carry = made
    carry = kept(carry, rules.metadata)
    if rules.origin:
        carry = replace(carry, xmp=marked(carry.xmp, rules.origin))
    return frame, carry


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
            outcome = Failed(item.source, reason(item.source, error))
    if ledger:
        ledger.release(item)
    return outcome


def _written(item: Item, results: _Results, rules: Rules, ledger: Ledger | None) -> Done:
    written = {suffix: _writer(item, each, rules) for suffix, each in results.pictures.items()}
    mtime_ns = next(iter(results.pictures.values())).frames[0][1].mtime_ns
    paths = put(item, results.source, written, ledger, mtime_ns=mtime_ns)
    return Done(item.source, paths, results.seconds, results.notes, figures=results.figures)


def _writer(item: Item, picture: Picture, rules: Rules) -> Callable[[BinaryIO], None]:
    suffix, quality = item.target.suffix, rules.quality
    return lambda file: write_picture(file, picture, suffix, quality=quality)


def _is_heavy(results: _Results | Failed) -> bool:
    if isinstance(results, Failed):
        return False
    return sum(frame.nbytes for frame in _frames(results.pictures)) > HEAVY


def _frames(pictures: dict[str, Picture]) -> Iterator[Frame]:
    return (frame for picture in pictures.values() for frame, _ in picture.frames)

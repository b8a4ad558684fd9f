"""Which items are read, and worked on, before it is their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Event
from typing import TypeVar

from gantool.media.picture import Picture
from gantool.media.places import Item
from gantool.media.video.kinds import is_film
from gantool.outcomes import Skipped
from gantool.rules import Rules, Work

R = TypeVar("R")
AHEAD = 2
"""Pictures decoded ahead of the model, and as many results waiting to be written."""
SMALL, TOGETHER = 1 << 18, 8
"""Pixels of a picture up to which more are with a model that takes several at once, and how many:
it may run their tiles together."""


def read(
    items: Iterable[Item | Skipped],
    begin: Callable[[Item], Future[Picture]],
    most: int,
    stop: Event,
) -> Iterator[tuple[Item | Skipped, Future[Picture]]]:
    """Items in order, pictures being read, at most so many before they are taken."""
    rest = iter(items)
    reading: deque[tuple[Item | Skipped, Future[Picture]]] = deque()
    while not stop.is_set():
        for item in islice(rest, most - len(reading)):
            if isinstance(item, Skipped) or is_film(item.source):
                reading.append((item, Future()))
            else:
                reading.append((item, begin(item)))
        if not reading:
            return
        yield reading.popleft()


def worked(
    items: Iterable[tuple[Item | Skipped, Future[Picture]]],
    process: Callable[[Item | Skipped, Future[Picture]], R],
    worker: ThreadPoolExecutor,
    together: Callable[[Item | Skipped, Future[Picture]], int],
) -> Iterator[tuple[Item | Skipped, Callable[[], R]]]:
    """Items in order, each with what gives its results: a thread that has begun, or the call."""
    begun: deque[tuple[Item | Skipped, Callable[[], R]]] = deque()
    for item, reading in items:
        most = together(item, reading)
        if most == 1:
            yield from begun
            begun.clear()
            yield item, partial(process, item, reading)
            continue
        begun.append((item, worker.submit(process, item, reading).result))
        while len(begun) >= most:
            yield begun.popleft()
    yield from begun


def together(work: Work, rules: Rules, item: Item | Skipped, reading: Future[Picture]) -> int:
    """How many such may be with the model at once; 1 where a run may end early."""
    if rules.fail_fast or rules.limit is not None:
        return 1
    if isinstance(item, Skipped) or is_film(item.source):
        return 1
    try:
        picture = reading.result()
    except Exception:  # said in its turn
        return 1
    if picture.timing is not None or work.together == 1:
        return 1
    return TOGETHER if picture.pixels <= SMALL else work.together

"""Work in another thread, a few steps ahead of what needs it or behind what gives it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
RECENT = 32
"""Steps by which the pace is judged."""


def ahead(pool: ThreadPoolExecutor, things: Iterator[T], most: int) -> Generator[T, None, None]:
    """The same things, made in the thread of `pool`, at most so many before they are taken."""
    waiting: deque[Future[T | None]] = deque()
    try:
        while True:
            while len(waiting) < most:
                waiting.append(pool.submit(next, things, None))
            thing = waiting.popleft().result()
            if thing is None:
                return
            yield thing
    finally:
        for each in waiting:
            each.cancel()


def in_turn(
    things: Iterable[T], begin: Callable[[T], Future[R]], most: int
) -> Iterator[tuple[T, R]]:
    """Things with what comes of them, in order, `most` begun at once."""
    waiting: deque[tuple[T, Future[R]]] = deque()
    for thing in things:
        waiting.append((thing, begin(thing)))
        if len(waiting) == most:
            first, begun = waiting.popleft()
            yield first, begun.result()
    for first, begun in waiting:
        yield first, begun.result()


def behind(
    pool: ThreadPoolExecutor,
    take: Callable[..., object],
    things: Iterable[tuple[Any, ...]],
    most: int,
) -> Iterator[None]:
    """`take(*thing)` in the thread of `pool`, for at most so many at once; yields after each.

    At the end all are taken. Raises what taking one raises, soon after.
    """
    pending: deque[Future[object]] = deque()
    for thing in things:
        pending.append(pool.submit(take, *thing))
        while len(pending) > most:
            pending.popleft().result()
        yield
    while pending:
        pending.popleft().result()


class Pace:
    """Steps a second, of late."""

    def __init__(self) -> None:
        self._moments = deque([time.monotonic()], RECENT + 1)

    def step(self) -> float:
        """One more; the pace."""
        self._moments.append(time.monotonic())
        took = self._moments[-1] - self._moments[0]
        return (len(self._moments) - 1) / max(took, 1e-9)

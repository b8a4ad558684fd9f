"""Tiles of one shape that several threads have at hand, run together.

The size of a batch is found on the way: as long as twice as many made a tile cheaper, twice as
many are tried. What was found is remembered. Nothing waits for a batch to fill.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np

from gantool.pipeline import Frame
from gantool.runtime.batch_sizes import BatchSizes
from gantool.runtime.opened import OutOfMemoryError

MOST = 32
"""Tiles of a batch."""
PIXELS = 2**20
"""Of all tiles of a batch: beyond that a device is busy with fewer."""
BETTER = 0.97
"""Cost of a tile, over that in a smaller batch, from which on a larger one pays."""

Run: TypeAlias = Callable[[Frame], Frame]


@dataclass
class _Ticket:
    """A tile that waits for its result."""

    tile: Frame
    result: Frame | None = None
    error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.result is not None or self.error is not None

    def settle(self, run: Run) -> None:
        """Alone."""
        try:
            self.result = run(self.tile)
        except Exception as error:
            self.error = error


@dataclass
class _Shape:
    """The tiles of one shape, and what batches of them have cost."""

    name: str
    found: int = 0
    """The best size, once it is known."""
    most: int = MOST
    waiting: deque[_Ticket] = field(default_factory=deque)
    ready: set[int] = field(default_factory=set)
    """Sizes that have run."""
    costs: dict[int, float] = field(default_factory=dict)
    """Seconds a tile, the least seen, by the size of the batch."""

    def size(self) -> int:
        """Of the next batch, where so many wait."""
        return min(self.found or self._next(), self.most)

    def ran(self, size: int, seconds: float) -> None:
        """Note what a batch took; not the first of its size, for which a device makes ready."""
        if size in self.ready:
            self.costs[size] = min(seconds / size, self.costs.get(size, np.inf))
            self.found = self.found or self._settled()
        self.ready.add(size)

    def _best(self) -> int:
        return min(self.costs, key=self.costs.__getitem__, default=1)

    def _next(self) -> int:
        best = self._best()
        paid = best in self.costs and self.costs[best] < BETTER * self.costs.get(best // 2, np.inf)
        return 2 * best if paid and 2 * best not in self.costs else best

    def _settled(self) -> int:
        """The best size where none is left to be tried, else 0."""
        best = self._best()
        return best if min(self._next(), self.most) == best else 0


class Batches:
    """`run` on N×h×w×3 for threads that have 1×h×w×3 each. Thread-safe.

    The thread whose turn it is runs what others wait for with its own; `turns` run at once. A
    batch for which memory is short is halved, for good. Sizes that were found are put into `known`.
    """

    def __init__(self, run: Run, known: BatchSizes, turns: int = 1) -> None:
        self._run, self._known = run, known
        self._shapes: dict[str, _Shape] = {}
        self._lock, self._turn = threading.Lock(), threading.Semaphore(turns)

    def __call__(self, tile: Frame) -> Frame:
        """Raises what `run` raises for it."""
        ticket, (_, height, width, _) = _Ticket(tile), tile.shape
        with self._lock:
            name = f"{width}x{height} {tile.dtype}"
            if name not in self._shapes:
                most = min(MOST, max(1, PIXELS // (height * width)))
                self._shapes[name] = _Shape(name, self._known.get(name), most)
            shape = self._shapes[name]
            shape.waiting.append(ticket)
        while not ticket.done:
            with self._turn:
                if not ticket.done:
                    self._next(shape)
        if ticket.error is not None:
            raise ticket.error
        return cast(Frame, ticket.result)

    def _next(self, shape: _Shape) -> None:
        with self._lock:
            size = min(shape.size(), len(shape.waiting))
            tickets = [shape.waiting.popleft() for _ in range(size)]
        if not tickets:  # another turn has them
            return
        began = time.perf_counter()
        try:
            tiles = [each.tile for each in tickets]
            results = self._run(tiles[0] if size == 1 else cast(Frame, np.concatenate(tiles)))
        except OutOfMemoryError as error:
            self._too_many(shape, tickets, error)
        except Exception as error:
            for each in tickets:
                if size == 1:
                    each.error = error
                else:  # one of them it was
                    each.settle(self._run)
        else:
            self._note(shape, size, time.perf_counter() - began)
            for number, each in enumerate(tickets):
                each.result = results[number : number + 1]

    def _note(self, shape: _Shape, size: int, seconds: float) -> None:
        with self._lock:
            before = shape.found
            shape.ran(size, seconds)
        if shape.found != before:
            self._known.put(shape.name, shape.found)

    def _too_many(self, shape: _Shape, tickets: list[_Ticket], error: OutOfMemoryError) -> None:
        if len(tickets) == 1:
            tickets[0].error = error
            return
        with self._lock:
            shape.most = len(tickets) // 2
            shape.waiting.extendleft(reversed(tickets))
        if shape.found > shape.most:
            self._known.put(shape.name, shape.most)

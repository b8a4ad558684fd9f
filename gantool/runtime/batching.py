"""Tiles of one shape that several threads have at hand, run together.

The size of a batch is found on the way: as long as twice as many made a tile cheaper, twice as
many are tried. Nothing waits for a batch to fill.
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
from gantool.runtime.opened import OutOfMemoryError

MOST = 32
"""Tiles of a batch."""
PIXELS = 2**20
"""Of all tiles of a batch: beyond that a device is busy with fewer."""
BETTER = 0.97
"""Cost of a tile, over that in a smaller batch, from which on a larger one pays."""

Run: TypeAlias = Callable[[Frame], Frame]
Key: TypeAlias = tuple[tuple[int, ...], str]


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

    waiting: deque[_Ticket] = field(default_factory=deque)
    costs: dict[int, float] = field(default_factory=dict)
    """Seconds a tile, the least seen, by the size of the batch."""
    most: int = MOST

    def size(self) -> int:
        """Of the next batch, where so many wait."""
        best = min(self.costs, key=self.costs.__getitem__, default=1)
        paid = best in self.costs and self.costs[best] < BETTER * self.costs.get(best // 2, np.inf)
        return min(2 * best if paid and 2 * best not in self.costs else best, self.most)


class Batches:
    """`run` on N×h×w×3 for threads that have 1×h×w×3 each. Thread-safe.

    The thread whose turn it is runs what others wait for with its own; `turns` run at once. A
    batch for which memory is short is halved, for good.
    """

    def __init__(self, run: Run, turns: int = 1) -> None:
        self._run = run
        self._shapes: dict[Key, _Shape] = {}
        self._lock, self._turn = threading.Lock(), threading.Semaphore(turns)

    def __call__(self, tile: Frame) -> Frame:
        """Raises what `run` raises for it."""
        ticket = _Ticket(tile)
        with self._lock:
            shape = self._shapes.setdefault((tile.shape, str(tile.dtype)), _Shape())
            shape.most = min(shape.most, max(1, PIXELS // (tile.shape[1] * tile.shape[2])))
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
            cost = (time.perf_counter() - began) / size
            shape.costs[size] = min(cost, shape.costs.get(size, np.inf))
            for number, each in enumerate(tickets):
                each.result = results[number : number + 1]

    def _too_many(self, shape: _Shape, tickets: list[_Ticket], error: OutOfMemoryError) -> None:
        if len(tickets) == 1:
            tickets[0].error = error
            return
        with self._lock:
            shape.most = len(tickets) // 2
            shape.waiting.extendleft(reversed(tickets))

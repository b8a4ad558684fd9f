"""Predicts of models that normalise over the frame, by statistics that are held or follow it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gantool.pipeline import SCENE, Frame
from gantool.runtime import freeze, sizes, steady, tiling
from gantool.runtime.conditions import filled
from gantool.runtime.contract import Contract
from gantool.runtime.freeze import HALO
from gantool.runtime.opened import Opened
from gantool.runtime.sizes import kept

if TYPE_CHECKING:
    from gantool.runtime.session import Session

Memory: TypeAlias = dict[str, NDArray[Any]]
NOTHING = np.zeros((1, 1, 1), np.float32)


class Frozen:
    """Predict of a model whose statistics are held, so that it can be cut. Thread-safe."""

    def __init__(self, path: Path, opened: Opened, contract: Contract, limit: float) -> None:
        self.path = path
        self.contract = dataclasses.replace(contract, halo=HALO)
        self._opened = opened
        self._limit = limit

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame:
        frame = sizes.checked(frame, self.path)
        conditions = filled(self.contract, conditions)
        tile = None
        if sizes.pixels(frame) > self._limit:
            sizes.check_local(frame, self.path, self._opened.graph("uint8"))
            tile = math.isqrt(int(self._limit)) - 2 * HALO
        return tiling.tiled(
            frame,
            lambda batch: kept(
                self._opened.run(batch, **conditions), batch, self.contract, self.path
            ),
            self.contract,
            tile,
            alike=bool(self._opened.device.memory),
        )


class Steady:
    """Predict for one film, a frame a call: statistics that are kept in its memory follow it.

    Frames too large to be run whole are cut, with the statistics that the first of them had.
    """

    def __init__(self, session: Session, memory: Memory) -> None:
        graph = session._opened.graph
        self._session, self._memory = session, memory
        self._opened = session._of(lambda depth: steady.steady(graph(depth)))
        self._inputs = steady.held(graph("uint8"))
        self._names = [f"{SCENE}{session.sha256[:16]}.{name}" for name in self._inputs]
        self._cut: tuple[object, Frozen] | None = None

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame:
        session = self._session
        frame = sizes.checked(frame, session.path)
        if sizes.pixels(frame) > session._limit:
            return self._in_tiles(frame, **conditions)
        values = self._remembered()
        rate = np.full(1, steady.FOLLOWED if values else 1, np.float32)
        given = dict(zip(self._inputs, values or [NOTHING] * len(self._inputs), strict=True))

        def run(batch: Frame) -> Frame:
            further = {**conditions, **given, steady.RATE: rate}
            result, found = self._opened.outputs(batch, **further)
            self._memory.update(zip(self._names, found, strict=True))
            return kept(result, batch, session.contract, session.path)

        return tiling.tiled(frame, run, session.contract, None, most=session._most)

    def _in_tiles(self, frame: Frame, **conditions: object) -> Frame:
        if not self._remembered():
            found = self._session._statistics(frame, **conditions)
            rows = (values[None, :, None] for pair in found for values in pair)
            self._memory.update(zip(self._names, rows, strict=True))
        values = self._remembered()
        if self._cut is None or self._cut[0] is not values[0]:
            self._cut = values[0], self._session._held(freeze.as_statistics(values))
        return self._cut[1](frame, **conditions)

    def _remembered(self) -> list[NDArray[Any]]:
        """In the order of `_names`; empty where a scene begins."""
        return [self._memory[name] for name in self._names if name in self._memory]

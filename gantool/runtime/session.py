"""A model file opened on a device, as a Predict."""

import dataclasses
import functools
import hashlib
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gantool.errors import ItemError, ModelError
from gantool.pipeline import SCENE, Frame, Predict
from gantool.runtime import freeze, pixel_io, scan, sizes, steady, tiling
from gantool.runtime.conditions import filled
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.freeze import HALO, Statistics
from gantool.runtime.opened import Opened, Runs, UnsoundError
from gantool.runtime.pixel_io import Depth
from gantool.runtime.providers import CPU, Device

TILE = 768
"""Side of a tile on the CPU, pixels: half a gigabyte with a network of 48 channels."""
WHOLE = 2**21
"""Pixels up to which a frame that cannot be cut exactly is run whole: a film's 1920×1088, in two
to three gigabytes with 32 channels. Not by this machine's memory: results would differ."""
Tile: TypeAlias = int | Literal["auto"] | None

Memory: TypeAlias = dict[str, NDArray[Any]]
NOTHING = np.zeros((1, 1, 1), np.float32)


class WrongSizeError(ItemError):
    """A model does not keep its contract."""


class Session:
    """Predict: H×W×3 uint8 or uint16 in, sH×sW×3 of the same dtype out. Thread-safe.

    `tile` is the largest side run at once, None for the whole frame, `auto` what suits the model;
    `most` are the pixels that a result may have.
    One that normalises over the frame cuts those that are too large with held statistics.
    Raises ModelError for a file that is not a gantool model, DeviceError where `device` does not
    take it.
    """

    def __init__(
        self, path: Path, device: Device = CPU, tile: Tile = "auto", *, most: int | None = None
    ) -> None:
        self.path = path
        self.device = device
        self._asked, self._most = tile, most
        self._runs, self._lock = Runs(), threading.Lock()
        self._fallback: Session | None = None
        scan.check_file(path)
        self.sha256 = sha256(path)
        self.tile = TILE if tile == "auto" else tile
        self._limit = _limit(tile)
        self._opened = self._of(functools.partial(pixel_io.wrapped, path, self.sha256))
        metadata = self._opened.session("uint8").get_modelmeta().custom_metadata_map
        self.contract = Contract.from_json(metadata[KEY])

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame:
        frame = sizes.checked(frame, self.path)
        try:
            return self._sound(frame, **conditions)
        except UnsoundError:
            if self.device.provider == CPU.provider:  # that is float32 already
                raise
        return self._on_cpu()(frame, **conditions)

    def frozen(self, frame: Frame, **conditions: object) -> Predict:
        """A Predict that takes from `frame` the statistics by which it normalises every frame.

        The session itself where its model takes none. Raises ItemError for a frame too large to
        be run whole, where the model cannot be cut even so.
        """
        if self.contract.statistics == "local":
            return self
        conditions = filled(self.contract, conditions)
        return self._held(self._statistics(sizes.checked(frame, self.path), **conditions))

    def steady(self, memory: Memory) -> Predict:
        """A Predict for the frames of one film, in order: its statistics follow them slowly.

        They are kept in `memory`. The session itself where its model takes none.
        """
        if self.contract.statistics == "local":
            return self
        return Steady(self, memory)

    def cancel(self) -> None:
        """Stop what it is doing, from any thread; it does nothing more after that."""
        self._runs.cancel()

    def run(self, batch: Frame, **conditions: object) -> Frame:
        """N×h×w×3 → N×sh×sw×3 in one call of onnxruntime; sizes as the contract demands."""
        given = filled(self.contract, conditions)
        return kept(self._opened.run(batch, **given), batch, self.contract, self.path)

    def _sound(self, frame: Frame, **conditions: object) -> Frame:
        """Raises UnsoundError for a result that is black all over where `frame` is a picture."""
        local = self.contract.statistics == "local"
        if not local and sizes.pixels(frame) > self._limit:
            return self.frozen(frame, **conditions)(frame, **conditions)
        seen = False

        def run(batch: Frame) -> Frame:
            nonlocal seen
            result = self.run(batch, **conditions)
            seen = seen or bool(result[:, ::8, ::8].any() or result.any())
            return result

        tile = self.tile if local else None
        whole = tiling.tiled(frame, run, self.contract, tile, most=self._most)
        if not seen and frame.min() < frame.max():
            raise UnsoundError(f"{self.path.name} gives a picture that is black all over")
        return whole

    def _on_cpu(self) -> "Session":
        """The same in float32, for what went wrong on a device that computes more coarsely."""
        with self._lock:
            if self._fallback is None:
                self._fallback = Session(self.path, CPU, self._asked, most=self._most)
            return self._fallback

    def _held(self, statistics: Statistics) -> "Frozen":
        opened = self._of(lambda depth: freeze.frozen(self._opened.graph(depth), statistics))
        return Frozen(self.path, opened, self.contract, self._limit)

    def _statistics(self, frame: Frame, **conditions: object) -> Statistics:
        if sizes.pixels(frame) > self._limit:
            sizes.check_local(frame, self.path, self._opened.graph("uint8"))
        recorder = self._of(lambda depth: freeze.recorder(self._opened.graph(depth)))

        def record(copy: Frame) -> Statistics:
            piece = tiling.in_one_piece(copy, self.contract)
            return freeze.as_statistics(recorder.outputs(piece, **conditions)[1])

        return freeze.statistics_of(frame, record, self.contract, self._limit)

    def _of(self, graph: Callable[[Depth], bytes]) -> Opened:
        return Opened(self.path, self.device, graph, self._runs)


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


def kept(result: Frame, batch: Frame, contract: Contract, path: Path) -> Frame:
    """`result`; raises WrongSizeError where it is not as large as the contract promises."""
    height, width = (side * contract.scale for side in batch.shape[1:3])
    if result.shape != (len(batch), height, width, 3):
        raise WrongSizeError(
            f"{path.name} gives {result.shape[2]}×{result.shape[1]} of {batch.shape[2]}×"
            f"{batch.shape[1]}, and its contract says {contract.scale} times: get it again"
        )
    return result


def _limit(tile: Tile) -> float:
    """Pixels of a frame that are run at once: as many as a tile has with its halo."""
    if tile is None:
        return math.inf
    return WHOLE if tile == "auto" else (tile + 2 * HALO) ** 2


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal. Raises ModelError where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error

"""A model file opened on a device, as a Predict."""

import functools
import hashlib
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np

from gantool.errors import ModelError
from gantool.pipeline import Frame, Predict
from gantool.runtime import batch_sizes, freeze, halves, pixel_io, scan, sizes, tiling
from gantool.runtime.batching import Batches
from gantool.runtime.conditions import Values, filled, neutral
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.freeze import HALO, Statistics
from gantool.runtime.held import Frozen, Memory, Steady
from gantool.runtime.opened import BlackError, Opened, OutOfMemoryError, Runs, UnsoundError
from gantool.runtime.pixel_io import Depth
from gantool.runtime.providers import CPU, Device

TILE = 768
"""Side of a tile on the CPU, pixels: half a gigabyte with a network of 48 channels."""
WHOLE = 2**21
"""Pixels up to which a frame that cannot be cut exactly is run whole: a film's 1920×1088, in two
to three gigabytes with 32 channels. Not by this machine's memory: results would differ."""
LEAST = 64
"""Side of a tile below which it is not halved, where memory is short."""
Tile: TypeAlias = int | Literal["auto"] | None


class Session:
    """Predict: H×W×3 uint8 or uint16 in, sH×sW×3 of the same dtype out. Thread-safe.

    `tile` is the largest side run at once, None for the whole frame, `auto` what suits the model;
    `most` are the pixels that a result may have.
    One that normalises over the frame cuts those that are too large with held statistics.
    Raises ModelError for a file that is not a gantool model, DeviceError where `device` does not
    take it.
    """

    devices = 1
    """That it runs on."""

    def __init__(
        self, path: Path, device: Device = CPU, tile: Tile = "auto", *, most: int | None = None
    ) -> None:
        self.path = path
        self.device = device
        self._asked, self._most = tile, most
        self._runs, self._lock = Runs(), threading.Lock()
        self._fallback: Session | None = None
        self._alike: bool | None = None
        scan.check_file(path)
        self.sha256 = sha256(path)
        self.tile = TILE if tile == "auto" else tile
        self._limit = _limit(tile)
        self._opened = self._of(functools.partial(pixel_io.wrapped, path, self.sha256))
        halved = functools.partial(pixel_io.wrapped, path, self.sha256, half=True)
        self._half = self._of(halved) if device.precision == "fp16" else None
        self._batches = Batches(self.run, batch_sizes.of(self.sha256, device), turns=2)
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

    def neutral(self) -> dict[str, Values]:
        """Zeros for the conditions that have no default."""
        said = self.contract.conditions
        every = neutral(self._opened.session("uint8"))
        return {name: each for name, each in every.items() if "default" not in said[name]}

    def cancel(self) -> None:
        """Stop what it is doing, from any thread; it does nothing more after that."""
        self._runs.cancel()

    def run(self, batch: Frame, **conditions: object) -> Frame:
        """N×h×w×3 → N×sh×sw×3 in one call of onnxruntime; sizes as the contract demands."""
        given = filled(self.contract, conditions)
        result = self._fitting(batch, **given).run(batch, **given)
        return sizes.kept(result, batch, self.contract, self.path)

    def _sound(self, frame: Frame, **conditions: object) -> Frame:
        """Raises UnsoundError for a result that is black all over where `frame` is a picture."""
        local = self.contract.statistics == "local"
        if not local and sizes.pixels(frame) > self._limit:
            return self.frozen(frame, **conditions)(frame, **conditions)
        seen = False

        def run(batch: Frame) -> Frame:
            nonlocal seen
            alone = conditions or self.contract.batch == 1 or not self.device.memory
            result = self.run(batch, **conditions) if alone else self._batches(batch)
            seen = seen or bool(result[:, ::8, ::8].any() or result.any())
            return result

        whole = self._tiled(frame, run) if local else self._cut(frame, run, None)
        if not seen and frame.min() < frame.max():
            raise BlackError(f"{self.path.name} gives a picture that is black all over")
        return whole

    def _tiled(self, frame: Frame, run: tiling.Run) -> Frame:
        """In tiles that become smaller, for good, where memory is short."""
        while True:
            tile = self.tile
            try:
                return self._cut(frame, run, tile)
            except OutOfMemoryError:
                half = min(tile or 0, *frame.shape[:2]) // 2
                if half < LEAST:
                    raise
                with self._lock:
                    if self.tile == tile:
                        self.tile = half
                        self.device = noted(self.device, f"tiles of {half}: memory is short")

    def _cut(self, frame: Frame, run: tiling.Run, tile: int | None) -> Frame:
        alike = bool(self.device.memory)  # its buffers and its choice of kernels are by shape
        return tiling.tiled(frame, run, self.contract, tile, most=self._most, alike=alike)

    def _fitting(self, batch: Frame, **conditions: object) -> Opened:
        """The graph for `batch`: in halves where the device asks for it and they are as good.

        Compared once, at first use. What normalises by held statistics is always float32.
        """
        if self._half is None or batch.dtype != np.uint8:
            return self._opened
        with self._lock:
            if self._alike is None:
                self._alike = self._compared(batch, **conditions)
            return self._half if self._alike else self._opened

    def _compared(self, batch: Frame, **conditions: object) -> bool:
        assert self._half
        unit = math.lcm(self.contract.multiple, self.contract.align)
        side = -(-max(halves.SIDE, self.contract.minimum) // unit) * unit
        part = cast(Frame, np.ascontiguousarray(batch[:1, :side, :side]))
        try:
            good = halves.alike(
                self._half.run(part, **conditions), self._opened.run(part, **conditions)
            )
        except (ModelError, UnsoundError):
            good = False
        if not good:
            self.device = replace(noted(self.device, "float16 is too coarse"), precision="fp32")
        return good

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


def noted(device: Device, note: str) -> Device:
    """The device, with one thing more to say of it."""
    return replace(device, note="; ".join(filter(None, (device.note, note))))


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

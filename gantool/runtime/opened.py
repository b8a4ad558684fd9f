"""A graph opened on a device: runs that can be stopped, that end, and whose results are numbers."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from gantool.errors import ItemError, ModelError
from gantool.pipeline import Frame
from gantool.runtime.binding import Buffers, into_own
from gantool.runtime.opening import open_session, reason
from gantool.runtime.pixel_io import Depth
from gantool.runtime.providers import Device

LARGE = 2**20
"""Pixels of a run after which memory is given back: tiles have fewer."""
SHORT = ("bad_alloc", "is smaller than requested", "memory", "alloc_failed")
"""What onnxruntime and the libraries beneath it say where memory is short."""
PATIENCE, PER_PIXEL = 600.0, 1e-3
"""Seconds that a run may take: some for itself, some for each pixel. Nothing useful needs them."""


class UnsoundError(ItemError):
    """What a model gave is no picture: not finite, or black where the input is not."""


class BlackError(UnsoundError):
    """Black all over, where the input is not."""


class OutOfMemoryError(ItemError):
    """A batch needs more memory than the device has."""


class Runs:
    """The runs of a model that are in flight. Thread-safe.

    They can be stopped, for good, and one that takes absurdly long is.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._deadlines: dict[onnxruntime.RunOptions, float] = {}
        self._lock = threading.Lock()
        self._watching = False

    def cancel(self) -> None:
        """Stop them; those that begin later too."""
        with self._lock:
            self.cancelled = True
            for options in self._deadlines:
                options.terminate = True

    @contextlib.contextmanager
    def options(self, pixels: int) -> Iterator[onnxruntime.RunOptions]:
        """Of a run on so many pixels, while it is in flight."""
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4  # what goes wrong raises
        if pixels > LARGE:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        with self._lock:
            options.terminate = self.cancelled
            self._deadlines[options] = time.monotonic() + PATIENCE + PER_PIXEL * pixels
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, daemon=True, name="deadlines").start()
        try:
            yield options
        finally:
            with self._lock:
                del self._deadlines[options]

    def _watch(self) -> None:
        """Until a minute after the last run."""
        idle = 0
        while idle < 60:
            time.sleep(1)
            with self._lock:
                idle = 0 if self._deadlines else idle + 1
                for options, deadline in self._deadlines.items():
                    if time.monotonic() > deadline:
                        options.terminate = True
                self._watching = idle < 60


class Opened:
    """A graph from pixels to pixels on a device, one session per depth of them. Thread-safe.

    Raises ModelError for a graph that onnxruntime refuses, DeviceError where the device does not
    take it.
    """

    def __init__(
        self, path: Path, device: Device, graph: Callable[[Depth], bytes], runs: Runs
    ) -> None:
        self.graph = graph
        self.device, self._path, self._runs = device, path, runs
        self._sessions: dict[Depth, onnxruntime.InferenceSession] = {}
        self._buffers: dict[int, Buffers] = {}
        self._lock = threading.Lock()

    def run(self, batch: Frame, **conditions: object) -> Frame:
        """N×h×w×3 → N×sh×sw×3 in one call of onnxruntime."""
        return self.outputs(batch, **conditions)[0]

    def outputs(self, batch: Frame, **conditions: object) -> tuple[Frame, list[Any]]:
        """The picture, and what else the graph gives.

        Raises ItemError where the graph refuses the batch, UnsoundError for results not finite.
        """
        session = self.session("uint16" if batch.dtype == np.uint16 else "uint8")
        pixels = batch.shape[0] * batch.shape[1] * batch.shape[2]
        began = time.monotonic()
        try:
            with self._runs.options(pixels) as options:
                results = self._results(session, {"pixels": batch, **conditions}, options)
        except Exception as error:  # onnxruntime raises its own types, some of them bare
            raise self._refusal(error, batch, time.monotonic() - began) from error
        picture, total, *others = results
        if not np.isfinite(total):
            raise UnsoundError(f"{self._path.name} gives values that are not finite")
        return picture, others

    def session(self, depth: Depth) -> onnxruntime.InferenceSession:
        """Opened when it is first needed."""
        with self._lock:
            if depth not in self._sessions:
                graph = self.graph(depth)
                try:
                    self._sessions[depth] = open_session(graph, self.device)
                except ModelError as error:
                    raise ModelError(f"{self._path}: {error}") from error
            return self._sessions[depth]

    def _results(
        self,
        session: onnxruntime.InferenceSession,
        given: dict[str, Any],
        options: onnxruntime.RunOptions,
    ) -> list[Any]:
        if self.device.memory:
            with self._lock:
                number = int(self.device.options.get("device_id", "0"))
                new = Buffers(session, self.device.memory, number)
                buffers = self._buffers.setdefault(id(session), new)
            return buffers.run(given, options)
        if given["pixels"].size > 3 * LARGE:
            return into_own(session, given, options)
        return list(session.run(None, given, options))

    def _refusal(self, error: Exception, batch: Frame, seconds: float) -> ItemError:
        name, size, text = self._path.name, f"{batch.shape[2]}×{batch.shape[1]}", str(error)
        if self._runs.cancelled:
            return ItemError("stopped")
        if "terminate" in text:
            return ItemError(f"{name} did not finish {size} in {seconds:.0f} s: it runs away")
        if any(each in text.lower() for each in SHORT):
            return OutOfMemoryError(
                f"{name} needs more memory for {size} than there is: use a smaller --tile, or "
                "reduce the picture"
            )
        return ItemError(f"{name} fails on {size}: {reason(error)}")

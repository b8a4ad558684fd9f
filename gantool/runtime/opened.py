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
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.pixel_io import Depth
from gantool.runtime.providers import Device, open_session, reason

LARGE = 2**20
"""Pixels of a run after which memory is given back: tiles have fewer."""
PATIENCE, PER_PIXEL = 600.0, 1e-3
"""Seconds that a run may take: some for itself, some for each pixel. Nothing useful needs them."""


class UnsoundError(ItemError):
    """What a model gave is no picture: not finite, or black where the input is not."""


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
        self._path, self._device, self._runs = path, device, runs
        self._sessions: dict[Depth, onnxruntime.InferenceSession] = {}
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
                given = {"pixels": batch, **conditions}
                if pixels > LARGE:
                    results = _bound(session, given, options)
                else:
                    results = session.run(None, given, options)
        except Exception as error:  # onnxruntime raises its own types, some of them bare
            raise ItemError(self._said(error, batch, time.monotonic() - began)) from error
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
                    self._sessions[depth] = open_session(graph, self._device)
                except ModelError as error:
                    raise ModelError(f"{self._path}: {error}") from error
            return self._sessions[depth]

    def _said(self, error: Exception, batch: Frame, seconds: float) -> str:
        size = f"{batch.shape[2]}×{batch.shape[1]}"
        text = str(error)
        if self._runs.cancelled:
            return "stopped"
        if "terminate" in text:
            return f"{self._path.name} did not finish {size} in {seconds:.0f} s: it runs away"
        if "bad_alloc" in text or "is smaller than requested" in text or "memory" in text.lower():
            return (
                f"{self._path.name} needs more memory for {size} than there is: use a smaller "
                "--tile, or reduce the picture"
            )
        return f"{self._path.name} fails on {size}: {reason(error)}"


def _bound(
    session: onnxruntime.InferenceSession, given: dict[str, Any], options: onnxruntime.RunOptions
) -> list[Any]:
    """`run` into memory of our own: results would keep onnxruntime from giving back its own."""
    contract = Contract.from_json(session.get_modelmeta().custom_metadata_map[KEY])
    count, height, width, _ = given["pixels"].shape
    shape = (count, height * contract.scale, width * contract.scale, 3)
    results: list[Any] = [np.empty(shape, given["pixels"].dtype), np.empty((), np.float32)]
    binding = session.io_binding()
    held = {name: np.ascontiguousarray(values) for name, values in given.items()}
    for name, values in held.items():  # whose memory it looks into while it runs
        binding.bind_cpu_input(name, values)
    outputs = [each.name for each in session.get_outputs()]
    for name, values in zip(outputs, results, strict=False):
        binding.bind_output(name, "cpu", 0, values.dtype, values.shape, values.ctypes.data)
    for name in outputs[len(results) :]:
        binding.bind_output(name)
    session.run_with_iobinding(binding, options)
    if len(outputs) > len(results):
        results += binding.copy_outputs_to_cpu()[len(results) :]
    return results

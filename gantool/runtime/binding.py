"""Runs of onnxruntime into and out of memory that is chosen, not left to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gantool.pipeline import Frame
from gantool.runtime.contract import KEY, Contract

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Key: TypeAlias = tuple[tuple[str, tuple[int, ...], str], ...]
"""Names, shapes and types of what a run is given."""
KEPT = 4
"""Sets of buffers that are kept at most: of tiles, and of those at the edges."""


def into_own(
    session: onnxruntime.InferenceSession, given: Arrays, options: onnxruntime.RunOptions
) -> list[Any]:
    """`run` into memory of our own: results would keep onnxruntime from giving back its own."""
    results = [np.empty(shape, kind) for shape, kind in _shapes(session, given["pixels"])]
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


class Buffers:
    """Memory on a device for what a session is given and gives, kept from run to run. Thread-safe.

    A run takes a set that fits its shapes, or makes one, and puts it back: nothing is allocated
    while pictures of one size go through, and only pixels cross the bus.
    """

    def __init__(self, session: onnxruntime.InferenceSession, memory: str, number: int) -> None:
        self._session, self._where = session, (memory, number)
        self._sets: list[tuple[Key, _Set]] = []
        self._lock = threading.Lock()

    def run(self, given: Arrays, options: onnxruntime.RunOptions) -> list[Any]:
        """What the session gives, in its own order, on the host."""
        given = {name: np.ascontiguousarray(values) for name, values in given.items()}
        key = tuple((name, each.shape, str(each.dtype)) for name, each in given.items())
        buffers = self._taken(key) or self._made(given)
        results = buffers.run(self._session, given, options)
        with self._lock:
            self._sets = [*self._sets[1 - KEPT :], (key, buffers)]
        return results

    def _taken(self, key: Key) -> _Set | None:
        with self._lock:
            for place, (each, buffers) in enumerate(self._sets):
                if each == key:
                    del self._sets[place]
                    return buffers
        return None

    def _made(self, given: Arrays) -> _Set:
        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        names = [each.name for each in self._session.get_outputs()]
        shapes = zip(names, _shapes(self._session, given["pixels"]), strict=False)
        return _Set(
            {name: make(each.shape, each.dtype, *self._where) for name, each in given.items()},
            {name: make(shape, kind, *self._where) for name, (shape, kind) in shapes},
            names,
            self._where,
        )


class _Set:
    """The buffers of one run, bound once."""

    def __init__(
        self,
        given: dict[str, onnxruntime.OrtValue],
        results: dict[str, onnxruntime.OrtValue],
        names: list[str],
        where: tuple[str, int],
    ) -> None:
        self._given, self._results, self._names, self._where = given, results, names, where
        self._binding: onnxruntime.IOBinding | None = None

    def run(
        self,
        session: onnxruntime.InferenceSession,
        given: Arrays,
        options: onnxruntime.RunOptions,
    ) -> list[Any]:
        for name, values in given.items():
            self._given[name].update_inplace(values)
        binding = self._binding = self._binding or self._bound(session)
        session.run_with_iobinding(binding, options)
        others = binding.get_outputs()[len(self._results) :]
        return [_own(each.numpy()) for each in (*self._results.values(), *others)]

    def _bound(self, session: onnxruntime.InferenceSession) -> onnxruntime.IOBinding:
        binding = session.io_binding()
        for name, each in self._given.items():
            binding.bind_ortvalue_input(name, each)
        for name in self._names:
            if name in self._results:
                binding.bind_ortvalue_output(name, self._results[name])
            else:
                binding.bind_output(name, *self._where)
        return binding


def _own(values: NDArray[Any]) -> NDArray[Any]:
    """What the next run does not write into; from a device's memory it is copied already."""
    return values if values.flags.owndata else values.copy()


def _shapes(
    session: onnxruntime.InferenceSession, pixels: Frame
) -> tuple[tuple[tuple[int, ...], Any], ...]:
    """Of the picture and its sum, by the contract; what else a graph gives has sizes of its own."""
    contract = Contract.from_json(session.get_modelmeta().custom_metadata_map[KEY])
    count, height, width, _ = pixels.shape
    shape = (count, height * contract.scale, width * contract.scale, 3)
    return (shape, pixels.dtype), ((), np.float32)

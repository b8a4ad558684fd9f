"""The sizes of batches that were found best, kept on disk for each model and device."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from pathlib import Path

import onnxruntime

from gantool import atomic, folders
from gantool.errors import OutputError
from gantool.runtime import missing
from gantool.runtime.providers import Device


class BatchSizes:
    """Tiles of a batch by their shape, as in `96x64 uint8`. Thread-safe.

    What cannot be read is not there, and what cannot be written is found anew the next time.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()

    def get(self, shape: str) -> int:
        """0 for a shape that is not known."""
        return self._read().get(shape, 0)

    def put(self, shape: str, size: int) -> None:
        with self._lock, contextlib.suppress(OSError, OutputError):
            atomic.make_folder(self._file.parent)
            atomic.write_text(self._file, json.dumps(self._read() | {shape: size}, indent=1))

    def _read(self) -> dict[str, int]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._file.read_text())
            if isinstance(found, dict):
                return {shape: n for shape, n in found.items() if type(n) is int and n > 0}
        return {}


def of(sha256: str, device: Device) -> BatchSizes:
    """Of the model with this hash on a device, by its GPU where it has one."""
    number = int(device.options.get("device_id", "0"))
    gpu = missing.gpus()[number : number + 1] if device.memory else ()
    parts = (sha256[:32], device.name, device.precision, *gpu, onnxruntime.__version__)
    name = re.sub(r"[^\w.]+", "-", " ".join(parts))
    return BatchSizes(folders.cache("batches") / f"{name}.json")

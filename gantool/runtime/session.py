"""A model file opened on a device, as a Predict."""

import hashlib
import threading
from pathlib import Path

import numpy as np
import onnxruntime

from gantool.errors import ItemError, ModelError
from gantool.pipeline import Frame
from gantool.runtime import pixel_io, tiling
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.pixel_io import Depth
from gantool.runtime.providers import CPU, Device, open_session

TILE = 768
"""Side of a tile on the CPU, pixels: half a gigabyte with a network of 48 channels."""


class Session:
    """Predict: H×W×3 uint8 or uint16 in, sH×sW×3 of the same dtype out. Thread-safe.

    `tile` is the largest side run at once, None for the whole frame. Raises ModelError for a
    file that is not a gantool model, DeviceError where `device` does not take it.
    """

    def __init__(self, path: Path, device: Device = CPU, tile: int | None = TILE) -> None:
        self.path = path
        self.device = device
        self.sha256 = sha256(path)
        self._opened: dict[Depth, onnxruntime.InferenceSession] = {}
        self._lock = threading.Lock()
        metadata = self._session("uint8").get_modelmeta().custom_metadata_map
        self.contract = Contract.from_json(metadata[KEY])
        self.tile = tile if self.contract.statistics == "local" else None

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame:
        if frame is None:
            raise ItemError(f"{self.path.name}: this model needs a picture")
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            raise ItemError(f"{self.path.name}: needs H×W×3, not {frame.shape}")
        return tiling.tiled(
            frame, lambda batch: self.run(batch, **conditions), self.contract, self.tile
        )

    def run(self, batch: Frame, **conditions: object) -> Frame:
        """N×h×w×3 → N×sh×sw×3 in one call of onnxruntime; sizes as the contract demands."""
        depth: Depth = "uint16" if batch.dtype == np.uint16 else "uint8"
        session = self._session(depth)
        try:
            result: Frame = session.run(None, {"pixels": batch, **conditions})[0]
        except Exception as error:  # onnxruntime raises its own types, some of them bare
            reason = str(error).strip().split("\n")[0]
            raise ItemError(f"{self.path.name} fails on {batch.shape[1:3]}: {reason}") from error
        return result

    def _session(self, depth: Depth) -> onnxruntime.InferenceSession:
        with self._lock:
            if depth not in self._opened:
                graph = pixel_io.wrapped(self.path, self.sha256, depth)
                try:
                    self._opened[depth] = open_session(graph, self.device)
                except ModelError as error:
                    raise ModelError(f"{self.path}: {error}") from error
            return self._opened[depth]


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal. Raises ModelError where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error

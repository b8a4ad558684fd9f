"""A network from pictures to vectors, by which sets of pictures are compared."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gantool.errors import ItemError, ModelError
from gantool.runtime import scan
from gantool.runtime.opening import open_session, reason
from gantool.runtime.providers import CPU, Device
from gantool.runtime.session import sha256

SIDE = 299
"""Of the pictures where the file leaves their size open: what Inception networks take."""
OLDEST = 7
"""Operator set: nothing is put around the graph, so that any will do."""
NEEDED = "needed are features: one input N×3×H×W float32 in [0, 1], an output N×d float32"


class Features:
    """H×W×3 uint8 of `size` (H, W) in, d float32 out, with any ONNX file of that form.

    Raises ModelError for a file of another form, DeviceError where `device` does not take it.
    """

    def __init__(self, path: Path, device: Device = CPU) -> None:
        self.path = path
        scan.check_file(path)
        self.sha256 = sha256(path)
        self._session = _opened(path, self.sha256, device)
        self.size = _size(path, self._session.get_inputs())
        shape = self._run(np.full((*self.size, 3), 127, np.uint8)).shape
        if not (len(shape) in (2, 4) and shape[0] == 1 and set(shape[2:]) <= {1}):
            raise ModelError(f"{path}: gives {_form(shape)}; {NEEDED}")

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raises ItemError where the network gives what is not a number."""
        vector = self._run(frame).ravel().astype(np.float32)
        if not np.isfinite(vector).all():
            raise ItemError(f"{self.path.name}: gives features that are not finite")
        return vector

    def _run(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = (frame.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
        name = self._session.get_inputs()[0].name
        try:
            return np.asarray(self._session.run(None, {name: batch})[0])
        except Exception as error:  # onnxruntime raises its own types, some of them bare
            raise ModelError(
                f"{self.path}: fails on {_form(batch.shape)}: {reason(error)}"
            ) from error


def _opened(path: Path, digest: str, device: Device) -> onnxruntime.InferenceSession:
    model = scan.load(path, digest, oldest=OLDEST)
    try:
        return open_session(model.SerializeToString(), device)
    except (ModelError, ValueError) as error:  # names that are no text
        raise ModelError(f"{path}: {error}") from error


def _size(path: Path, inputs: list[onnxruntime.NodeArg]) -> tuple[int, int]:
    """Height and width that the network takes. Raises ModelError for another form of input."""
    found = ", ".join(f"{each.type} {_form(each.shape)}" for each in inputs)
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not _pictures(inputs[0].shape):
        raise ModelError(f"{path}: takes {found or 'nothing'}; {NEEDED}")
    height, width = (side if isinstance(side, int) else SIDE for side in inputs[0].shape[2:])
    return height, width


def _pictures(shape: list[int | str | None]) -> bool:
    """Whether one picture N×3×H×W fits; names stand for any length."""
    if len(shape) != 4:
        return False
    count, channels = shape[:2]
    return (count == 1 or not isinstance(count, int)) and (
        channels == 3 or not isinstance(channels, int)
    )


def _form(shape: tuple[int, ...] | list[int | str | None]) -> str:
    return "×".join("?" if side is None else str(side) for side in shape) or "a single number"

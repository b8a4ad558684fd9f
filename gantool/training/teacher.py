"""A network whose outputs another one learns from, and what is done to them first.

Hinton et al., «Distilling the Knowledge in a Neural Network», 2015.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gantool.errors import ModelError, UsageError
from gantool.runtime.session import Session
from gantool.training import foreign
from gantool.training.degrade import Bytes
from gantool.training.networks.rrdb import Compact, Rrdb, network_of

Floats = NDArray[np.float32]
SIGMA = 4.0
"""Of the blur that tells low frequencies from high ones, pixels of the input."""


@dataclass(frozen=True)
class Teacher:
    """A network that enlarges `scale` times, known by its file."""

    scale: int
    sha256: str
    enlarge: Callable[[Bytes], Bytes]
    """N×H×W×3 → N×sH×sW×3, uint8."""


def read_teacher(path: Path, scale: int) -> Teacher:
    """Return the network in a model file `.onnx`, or in a checkpoint of RRDB or Compact.

    Raises ModelError for a file that is not there or holds neither, UsageError for another scale.
    """
    if not path.is_file():
        raise ModelError(f"teacher={path}: no such file: give a model's file or name")
    teacher = _of_weights(path) if path.suffix in foreign.KINDS else _of_model(path)
    if teacher.scale != scale:
        raise UsageError(
            f"teacher={path}: enlarges {teacher.scale} times, not {scale}: give one of that scale"
        )
    return teacher


def with_low_frequencies_of(low: Bytes, output: Bytes) -> Floats:
    """Return `output`, sH×sW×3, with the low frequencies of `low`, H×W×3, its input; unclipped.

    What the two differ by at the input's size, blurred by σ 4, is enlarged and added: so a
    teacher's colours and brightness are not learned, which some shift.
    """
    height, width = low.shape[:2]
    small = cv2.resize(output.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    gap = cv2.GaussianBlur(low - small, (0, 0), SIGMA, borderType=cv2.BORDER_REFLECT)
    return output + enlarged(np.asarray(gap, np.float32), output.shape[0], output.shape[1])


def enlarged(values: Floats, height: int, width: int) -> Floats:
    """H×W×3 of any floats → height×width×3, by cubic interpolation."""
    large = cv2.resize(values, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)


def _of_model(path: Path) -> Teacher:
    session = Session(path)
    return Teacher(
        session.contract.scale, session.sha256, lambda x: session.run(x).astype(np.uint8)
    )


def _of_weights(path: Path) -> Teacher:
    try:
        network = network_of(foreign.weights(path))
    except ModelError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ModelError(f"teacher={path}: {said}") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    return Teacher(network.scale, digest, lambda frames: _enlarge(network, frames, device))


@torch.no_grad()
def _enlarge(network: Rrdb | Compact, frames: Bytes, device: str) -> Bytes:
    """In bfloat16 where the machine multiplies in it: half the time or less, off by a level."""
    fast = device == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    x = torch.tensor(frames, device=device).permute(0, 3, 1, 2).float() / 255
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16, enabled=fast):
        y = network(x)
    levels = (y.float() * 255).round().clamp(0, 255).byte()
    return np.asarray(levels.permute(0, 2, 3, 1).contiguous().cpu().numpy())

"""How far an output pixel looks, measured on the model file in the runtime that will run it."""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gantool.errors import ModelError
from gantool.runtime import scan
from gantool.runtime.conditions import neutral
from gantool.runtime.contract import Contract
from gantool.runtime.opening import open_session
from gantool.runtime.providers import CPU

FRAMES = (64, 160, 352)
"""Sides of the frames tried, pixels, from small to large."""
PHASES = 8
"""At most so many positions in the grid of the strides are tried along each axis."""


@dataclass(frozen=True)
class Reach:
    """`halo` in input pixels; `whole` where a pixel touches the whole frame whatever its size."""

    halo: int
    whole: bool


def measure(path: Path, contract: Contract) -> Reach:
    """Poison one input pixel at phases of the stride and see how far it spreads.

    Once with NaN and once with a large number, because some activations swallow NaN. Gradients
    would miss paths whose weights are zero or whose units are dead. `contract` says scale and
    strides; its own halo is not looked at.
    """
    session = _opened(path)
    unit = math.lcm(contract.multiple, contract.align)
    phases = range(0, contract.align, max(1, contract.align // PHASES))
    for side in sorted({-(-side // unit) * unit for side in FRAMES}):
        limit = side // 2 - contract.align
        reach = 0
        for phase in product(phases, repeat=2):
            reach = max(reach, _spread(session, side, phase, contract.scale))
            if reach >= limit:
                break
        if reach < limit:
            return Reach(reach, whole=False)
    return Reach(0, whole=True)


def run_float(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stored float graph as it is: N×3×H×W → N×3×sH×sW. Conditions are 0."""
    session = _opened(path)
    return _run(session, batch)


def _opened(path: Path) -> onnxruntime.InferenceSession:
    return open_session(scan.load(path).SerializeToString(), CPU)


def _spread(
    session: onnxruntime.InferenceSession, side: int, phase: tuple[int, ...], scale: int
) -> int:
    """The largest distance, in input pixels, at which the poison is seen."""
    middle = side // 2
    at = (middle + phase[0], middle + phase[1])
    clean = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    poisons = (np.float32(np.nan), np.float32(1e4))
    return max(_distance(session, clean, at, poison, scale) for poison in poisons)


def _distance(
    session: onnxruntime.InferenceSession,
    clean: NDArray[np.float32],
    at: tuple[int, int],
    poison: np.float32,
    scale: int,
) -> int:
    poisoned = clean.copy()
    poisoned[:, :, at[0], at[1]] = poison
    before, after = _run(session, clean), _run(session, poisoned)
    if before.shape[2] != clean.shape[2] * scale:
        raise ModelError(f"gives {before.shape[2]} rows for {clean.shape[2]}, not {scale} times")
    seen = np.argwhere((before != after).any(axis=(0, 1)))
    return int(np.abs(seen // scale - np.array(at)).max(initial=0))


def _run(session: onnxruntime.InferenceSession, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    given = {session.get_inputs()[0].name: batch, **neutral(session)}
    result: NDArray[np.float32] = session.run(None, given)[0]
    return result

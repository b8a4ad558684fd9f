"""How far an output pixel looks, measured on the model file in the runtime that will run it."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gantool.errors import ModelError
from gantool.pipeline import Frame
from gantool.runtime import freeze, quantised, scan
from gantool.runtime.conditions import filled, neutral
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.opening import open_session
from gantool.runtime.providers import CPU
from gantool.runtime.tiling import filling

FRAMES = (64, 160, 352)
"""Sides of the frames tried, pixels, from small to large."""
Levels = NDArray[np.float32]
PHASES = 8
"""At most so many positions in the grid of the strides are tried along each axis."""
NEAR = 64
"""The largest halo, pixels, that pictures are asked for."""
FAINT = 0.5
"""Most that what lies beyond such a halo may change, in levels of 255: half of what tiles may."""


@dataclass(frozen=True)
class Reach:
    """`halo` in input pixels; `whole` where a pixel touches the whole frame whatever its size."""

    halo: int
    whole: bool
    beyond: float = 0.0
    """What lies beyond the halo changes so much of a picture, in levels of 255."""

    def within(self, contract: Contract) -> Contract:
        """`contract` with what was found; what lies beyond stands with its figures."""
        figures = {"beyond_halo": round(self.beyond, 3)} if self.beyond else {}
        return dataclasses.replace(
            contract,
            halo=self.halo,
            statistics="global" if self.whole else "local",
            metrics={**contract.metrics, **figures},
        )


def measure(path: Path, contract: Contract, pictures: Sequence[Frame] = ()) -> Reach:
    """Poison one input pixel at phases of the stride and see how far it spreads.

    Once with NaN and once with a large number, because some activations swallow NaN. Gradients
    would miss paths whose weights are zero or whose units are dead. `contract` says scale and
    strides; its own halo is not looked at. A network of a hundred layers looks hundreds of pixels
    far and hardly sees what is there: where `pictures` show that, its halo is what they need.
    Rounding to integers is left out: in it the poison would be lost.
    """
    model = quantised.unrounded(scan.load(path))
    session = open_session(model.SerializeToString(), CPU)
    unit = math.lcm(contract.multiple, contract.align)
    if any(True for _ in freeze.normalisations(model)):
        pictures = ()  # in one the statistics may be the same by chance
    if any(contract.window):
        return _in_window(session, contract, pictures)
    phases = range(0, contract.align, max(1, contract.align // PHASES))
    grid = [(down, right) for down in phases for right in phases]
    for side in sorted({-(-side // unit) * unit for side in FRAMES}):
        if side >= FRAMES[-1] and (near := _seen(session, contract, pictures)):
            return near
        limit = side // 2 - contract.align
        reach = 0
        for distance in _distances(session, (side, side), grid, contract.scale):
            reach = max(reach, distance)
            if reach >= limit:
                break
        if reach < limit:
            return Reach(reach, whole=False)
    return Reach(0, whole=True)


def run_float(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stored float graph as it is: N×3×H×W → N×3×sH×sW.

    Conditions are what its contract has as default, else 0.
    """
    session = _opened(path)
    return _run(session, batch)


def _seen(
    session: onnxruntime.InferenceSession, contract: Contract, pictures: Sequence[Frame]
) -> Reach | None:
    """The least halo up to NEAR at which all `pictures` are cut without a trace, if there is one.

    They are H×W×3 uint8, of 2·NEAR columns and as many as are to be cut off.
    """
    return _least([_by_distance(session, each, contract) for each in pictures])


def _least(errors: Sequence[NDArray[np.float32]]) -> Reach | None:
    """The first distance at which none of the errors, in levels of 255 by distance, shows."""
    worst = np.max(errors, axis=0) if errors else []
    halo = next((at for at, error in enumerate(worst) if error <= FAINT), None)
    return None if halo is None else Reach(halo, whole=False, beyond=float(worst[halo]))


def _in_window(
    session: onnxruntime.InferenceSession, contract: Contract, pictures: Sequence[Frame]
) -> Reach:
    """Of a network that takes one size alone: at most ⅜ of it, so that a quarter is left."""
    most = 3 * min(contract.window) // 8
    reach = max(_distances(session, contract.window, [(0, 0)], contract.scale))
    if reach <= most:
        return Reach(reach, whole=False)
    errors = [_by_margin(session, each, contract)[: most + 1] for each in pictures]
    return _least(errors) or Reach(0, whole=True)


def _by_margin(
    session: onnxruntime.InferenceSession, picture: Frame, contract: Contract
) -> NDArray[np.float32]:
    """How much two windows, a fifth of their width apart, differ, in levels of 255.

    By the distance from their own nearer edge, in pixels: the largest at that and beyond.
    """
    height, width = contract.window
    step = width // 5 // contract.align * contract.align or contract.align
    wide = as_batch(filling(picture, height, width + step), contract)
    made = [_run(session, wide[..., at : at + width]) for at in (0, step)]
    low, high = contract.value_range
    first, second = (np.clip(each, low, high) for each in made)
    shift = step * contract.scale
    changes = np.abs(first[..., shift:] - second[..., :-shift]).max(axis=(0, 1, 2))
    apart = changes.reshape(-1, contract.scale).max(axis=1) * 255 / (high - low)
    half = (len(apart) + 1) // 2
    folded: NDArray[np.float32] = np.maximum(apart[:half], apart[::-1][:half])
    return np.maximum.accumulate(folded[::-1])[::-1]


def _by_distance(
    session: onnxruntime.InferenceSession, picture: Frame, contract: Contract
) -> NDArray[np.float32]:
    """How much the left part of an H×W×3 picture changes the rest, in levels of 255.

    NEAR + 1 values: the largest change of all that is so many pixels away from it, or more.
    """
    unit, scale = math.lcm(contract.multiple, contract.align), contract.scale
    height, width, _ = picture.shape
    wanted = (
        max(height, contract.minimum),
        max(width - 2 * NEAR, 1),
        max(2 * NEAR, contract.minimum),
    )
    height, cut, rest = (-(-side // unit) * unit for side in wanted)
    whole = as_batch(filling(picture, height, cut + rest), contract)
    low, high = contract.value_range
    parts = _run(session, whole)[..., cut * scale :], _run(session, whole[..., cut:])
    first, second = (np.clip(each, low, high) for each in parts)
    changes = np.abs(first - second).max(axis=(0, 1, 2)) * 255 / (high - low)
    columns: NDArray[np.float32] = changes.reshape(-1, scale).max(axis=1)
    return np.maximum.accumulate(columns[::-1])[::-1][: NEAR + 1]


def as_batch(picture: Frame, contract: Contract) -> NDArray[np.float32]:
    """H×W×3 uint8 → 1×3×H×W as the float graph takes it."""
    low, high = contract.value_range
    floats = picture / np.float32(255) * np.float32(high - low) + np.float32(low)
    return np.ascontiguousarray(floats.transpose(2, 0, 1)[None])


def levels(batch: NDArray[np.float32], contract: Contract) -> Levels:
    """What the float graph gives, N×3×H×W → N×H×W×3 in [0, 255]."""
    low, high = contract.value_range
    scaled: Levels = np.clip((batch - low) / (high - low) * 255, 0, 255).transpose(0, 2, 3, 1)
    return scaled


def _opened(path: Path) -> onnxruntime.InferenceSession:
    return open_session(scan.load(path).SerializeToString(), CPU)


def _distances(
    session: onnxruntime.InferenceSession,
    size: tuple[int, int],
    phases: list[tuple[int, int]],
    scale: int,
) -> Iterator[int]:
    """The largest, in input pixels, at which each poison at each phase is seen."""
    clean = np.random.default_rng(0).random((1, 3, *size), np.float32)
    before = _run(session, clean)
    if before.shape[2] != size[0] * scale:
        raise ModelError(f"gives {before.shape[2]} rows for {size[0]}, not {scale} times")
    for phase in phases:
        at = np.array(size) // 2 + phase
        for poison in (np.nan, 1e4):
            poisoned = clean.copy()
            poisoned[:, :, at[0], at[1]] = poison
            seen = np.argwhere((before != _run(session, poisoned)).any(axis=(0, 1)))
            yield int(np.abs(seen // scale - at).max(initial=0))


def _run(session: onnxruntime.InferenceSession, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    given = {session.get_inputs()[0].name: batch, **neutral(session), **_defaults(session)}
    result: NDArray[np.float32] = session.run(None, given)[0]
    return result


def _defaults(session: onnxruntime.InferenceSession) -> dict[str, object]:
    """Of the conditions; none where the graph has no contract."""
    said = session.get_modelmeta().custom_metadata_map.get(KEY)
    return filled(Contract.from_json(said), {}) if said else {}

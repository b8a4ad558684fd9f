"""Samples of pictures as they are found: an input, and the target for a wanted share of its noise.

A sample is `low` 3×c×c, `high` 3×sc×sc and `denoise`, one number in [0, 1]: with 1 the target is
without noise, with 0 it has the noise of the input, enlarged.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator

from gantool.training.camera_noise import to_bytes
from gantool.training.data import to_tensor
from gantool.training.degrade import Bytes
from gantool.training.found_photos import harm
from gantool.training.scenes import Scenes
from gantool.training.system import Batch
from gantool.training.teacher import Floats, enlarged

MARGIN = 4
"""Pixels around an input that are cut off once it is made: its border is as within a picture."""
ALL, NONE = 0.5, 0.25
"""Shares of samples that are to lose all of the noise, and none of it; the others are between."""


@dataclass(frozen=True)
class FoundPairs:
    """Samples made when they are asked for; the target is the original."""

    scenes: Scenes
    scale: int
    crop: int
    size: int
    clean: float
    """Share of inputs that are reduced and nothing else."""

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        high, low, twin = draw(self.scenes, self.scale, self.crop, self.clean, random)
        return blend(low, high, with_noise(high, low, twin), wanted_share(random))


def draw(
    scenes: Scenes, scale: int, crop: int, clean: float, random: Generator
) -> tuple[Bytes, Bytes, Bytes]:
    """Draw an original, sc×sc×3, its input, c×c×3, and the input without its noise.

    The last two are one array where there is none.
    """
    wide = scenes.crop(random, (crop + 2 * MARGIN) * scale)
    found, twin = harm(wide, scale, random, clean=clean)
    low = _inner(found, MARGIN)
    return _inner(wide, MARGIN * scale), low, low if twin is found else _inner(twin, MARGIN)


def with_noise(high: Bytes | Floats, low: Bytes, twin: Bytes) -> Bytes:
    """Return `high`, sH×sW×3, with the noise that `low` has and its twin has not, enlarged."""
    noise = low.astype(np.float32) - twin
    return to_bytes(high + enlarged(noise, high.shape[0], high.shape[1]))


def wanted_share(random: Generator) -> float:
    """Draw how much of the noise is to go: 1 for half of them, 0 for a quarter, else between."""
    kind, between = random.random(), random.random()
    return 1.0 if kind < ALL else 0.0 if kind < ALL + NONE else float(between)


def blend(low: Bytes, target: Bytes, noisy: Bytes, share: float) -> Batch:
    """Return the sample whose target is `share` of `target` and the rest of `noisy`."""
    high = share * to_tensor(target) + (1 - share) * to_tensor(noisy)
    return {"low": to_tensor(low), "high": high, "denoise": torch.tensor([share])}


def _inner(frame: Bytes, margin: int) -> Bytes:
    return np.ascontiguousarray(frame[margin:-margin, margin:-margin])

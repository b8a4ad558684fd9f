"""Colour photographs as samples: a piece of one in colours, and without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from gantool.training import degrade
from gantool.training.data import Kept, read_eight_bit, to_tensor
from gantool.training.degrade import Bytes
from gantool.training.layouts import Layout
from gantool.training.picture_files import size
from gantool.training.system import Batch
from gantool_colorize.classes import Rarity, places, rarity

LARGEST = 512
"""Short side that pictures are kept at, pixels."""


@dataclass(frozen=True)
class ColourCrops:
    """Samples `input` and `target`, 3×c×c in [0, 1]: the luma of a square of a photograph, and it.

    The square has half to all of the short side, so that a whole frame is seen, too. A picture is
    drawn as often as it has pixels. The exposure varies, and old films have grain.
    """

    pictures: Sequence[Bytes]
    shares: Sequence[float]
    """The sum of the pixels up to each picture, in parts of all."""
    crop: int
    size: int
    weights: Rarity | None = None
    """Of classes of colours: samples have those of their pixels too, `weight` 1×c/4×c/4."""

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One crop; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        target = exposed(self._square(random), random)
        grey = grained(degrade.grey(target), random)
        sample = {"input": to_tensor(grey), "target": to_tensor(target)}
        return sample if self.weights is None else {**sample, "weight": self._weight(target)}

    def _weight(self, target: Bytes) -> Tensor:
        assert self.weights is not None
        side = self.crop // 4
        small = cast(Bytes, cv2.resize(target, (side, side), interpolation=cv2.INTER_AREA))
        return torch.from_numpy(self.weights[tuple(places(small).T)].reshape(1, side, side))

    def _square(self, random: Generator) -> Bytes:
        frame = self.pictures[int(np.searchsorted(self.shares, random.random(), "right"))]
        side = round(min(frame.shape[:2]) * random.uniform(0.5, 1))
        top, left = (int(random.integers(length - side + 1)) for length in frame.shape[:2])
        square = frame[top : top + side, left : left + side]
        square = square[:, ::-1] if random.integers(2) else square
        how = cv2.INTER_AREA if side > self.crop else cv2.INTER_CUBIC
        return cast(Bytes, cv2.resize(square, (self.crop, self.crop), interpolation=how))


def read_crops(
    layout: Layout, crop: int, batch: int, *, uniform: float | None = None
) -> ColourCrops:
    """The pictures of `layout`, whatever their part. Raises ItemError for one that is damaged.

    With `uniform`, samples have the rarity of their colours among these pictures.
    """
    paths = [path for files in layout.parts.values() for path in files]
    pictures = Kept([partial(_read, path) for path in paths], lambda frame: frame.nbytes)
    pixels = np.cumsum([_pixels(path) for path in paths])
    weights = None if uniform is None else rarity(pictures, uniform)
    return ColourCrops(pictures, list(pixels / pixels[-1]), crop, batch, weights)


def exposed(frame: Bytes, random: Generator) -> Bytes:
    """Brighter or darker, and of another contrast, by a curve."""
    levels = np.arange(256) / 255
    curve = random.uniform(0.85, 1.1) * levels ** np.exp(random.normal(0, 0.15))
    return cast(Bytes, cv2.LUT(frame, np.round(255 * curve.clip(0, 1)).astype(np.uint8)))


def grained(grey: Bytes, random: Generator) -> Bytes:
    """Every second one with noise, the same in all channels."""
    if random.integers(2):
        return grey
    noise = random.normal(0, random.uniform(0, 6), (*grey.shape[:2], 1))
    return np.round(grey + noise).clip(0, 255).astype(np.uint8)


def _read(path: Path) -> Bytes:
    frame = read_eight_bit(path)
    return degrade.to_side(frame, LARGEST) if min(frame.shape[:2]) > LARGEST else frame


def _pixels(path: Path) -> float:
    """As many as are kept."""
    width, height = size(path)
    return width * height * min(1.0, LARGEST / min(width, height)) ** 2

"""Folders of pictures as batches, each a pure function of (seed, step)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from gantool.errors import UsageError
from gantool.media.images import SUFFIXES, read_image
from gantool.training import degrade
from gantool.training.degrade import Bytes
from gantool.training.system import Batch


class Photos:
    """Decoded pictures of a folder, each at several sizes, kept in memory as uint8.

    `sizes` are fractions of the original side: reduced copies show the same things smaller,
    sharper and free of JPEG traces. Copies with a side under `smallest` pixels are left out.
    Raises UsageError where nothing is large enough, ItemError for a picture that cannot be read.
    """

    def __init__(self, root: Path, *, sizes: tuple[float, ...], smallest: int) -> None:
        if not root.is_dir():
            raise UsageError(f"{root}: no such folder: give a folder of pictures to train on")
        paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
        with ThreadPoolExecutor() as pool:
            copies = list(pool.map(lambda path: _copies(path, sizes, smallest), paths))
        self.copies = [each for each in copies if each]
        if not self.copies:
            raise UsageError(
                f"{root}: {len(paths)} pictures, none with both sides of at least "
                f"{smallest} pixels: add larger ones, or train with a smaller crop"
            )

    def crop(self, random: Generator, size: int) -> Bytes:
        """A random size×size piece of a random picture, mirrored and turned at random."""
        copies = self.copies[random.integers(len(self.copies))]
        frame = copies[random.integers(len(copies))]
        top = random.integers(frame.shape[0] - size + 1)
        left = random.integers(frame.shape[1] - size + 1)
        piece = np.rot90(frame[top : top + size, left : left + size], int(random.integers(4)))
        return np.ascontiguousarray(piece[:, ::-1] if random.integers(2) else piece)


@dataclass(frozen=True)
class ReducedPairs:
    """Batches `low` N×3×c×c, `high` N×3×sc×sc from one folder of pictures.

    A crop is reduced together with `margin` low pixels around it, which are cut off afterwards:
    its border is then that of a whole reduced picture.
    """

    photos: Photos
    scale: int
    crop: int
    size: int
    margin: int = 4

    def batch(self, seed: int, step: int) -> Batch:
        """`size` pairs; the same ones for the same seed and step."""
        pairs = [
            self._pair(np.random.default_rng([seed, step, place])) for place in range(self.size)
        ]
        low, high = zip(*pairs, strict=True)
        return {"low": to_tensor(low), "high": to_tensor(high)}

    def _pair(self, random: Generator) -> tuple[Bytes, Bytes]:
        wide = self.photos.crop(random, (self.crop + 2 * self.margin) * self.scale)
        low = degrade.reduce(wide, self.scale)
        return _inner(low, self.margin), _inner(wide, self.margin * self.scale)


def to_tensor(frames: tuple[Bytes, ...]) -> Tensor:
    """H×W×3 uint8 frames of one size → N×3×H×W float32 in [0, 1]."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def _inner(frame: Bytes, margin: int) -> Bytes:
    return frame[margin:-margin, margin:-margin]


def read_eight_bit(path: Path) -> Bytes:
    """The picture, H×W×3; deeper ones are rounded. Raises ItemError."""
    frame, _ = read_image(path)
    return (frame if frame.dtype == np.uint8 else np.round(frame / 257)).astype(np.uint8)


def _copies(path: Path, sizes: tuple[float, ...], smallest: int) -> list[Bytes]:
    full = read_eight_bit(path)
    height, width = full.shape[:2]
    shapes = [(round(height * size), round(width * size)) for size in sizes]
    return [degrade.resize(full, *shape) for shape in shapes if min(shape) >= smallest]

"""Folders of pictures as samples, each a pure function of (seed, step, item)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from gantool.errors import UsageError
from gantool.media.images import read_image
from gantool.training import degrade
from gantool.training.degrade import Bytes
from gantool.training.layouts import Layout
from gantool.training.picture_files import size
from gantool.training.system import Batch

Thing = TypeVar("Thing")
ROOM = 4 * 2**30
"""Bytes of decoded pictures that are kept in memory."""
CHUNK = 64


class Kept(Sequence[Thing]):
    """What `readers` give: read at once and kept as long as there is room, the rest when asked for.

    So a small set has all its errors at the start, and a large one needs no memory for all of it.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[], Thing]],
        size: Callable[[Thing], int],
        *,
        room: int = ROOM,
    ) -> None:
        self.readers, self.kept = readers, list[Thing]()
        with ThreadPoolExecutor() as pool:
            while room > 0 and len(self.kept) < len(readers):
                chunk = readers[len(self.kept) :][:CHUNK]
                read = list(pool.map(lambda reader: reader(), chunk))
                self.kept += read
                room -= sum(map(size, read))

    def __len__(self) -> int:
        return len(self.readers)

    def __getitem__(self, index: int) -> Thing:  # type: ignore[override]  # no slices
        return self.kept[index] if index < len(self.kept) else self.readers[index]()


class Photos:
    """Decoded pictures of a layout, whatever their part, each at several sizes, as uint8.

    `sizes` are fractions of the original side: reduced copies show the same things smaller,
    sharper and free of JPEG traces. Copies with a side under `smallest` pixels are left out.
    Raises UsageError where nothing is large enough, ItemError for a picture that cannot be read.
    """

    def __init__(self, layout: Layout, *, sizes: tuple[float, ...], smallest: int) -> None:
        paths = [path for files in layout.parts.values() for path in files]
        large = [path for path in paths if round(min(size(path)) * max(sizes)) >= smallest]
        if not large:
            raise UsageError(
                f"{layout.root}: {len(paths)} pictures, none with both sides of at least "
                f"{smallest} pixels: add larger ones, or train with a smaller crop"
            )
        readers = [partial(_copies, path, sizes, smallest) for path in large]
        self.copies = Kept(readers, lambda copies: sum(each.nbytes for each in copies))

    def crop(self, random: Generator, size: int) -> Bytes:
        """A random size×size piece of a random picture, mirrored and turned at random."""
        copies = self.copies[int(random.integers(len(self.copies)))]
        frame = copies[random.integers(len(copies))]
        top = random.integers(frame.shape[0] - size + 1)
        left = random.integers(frame.shape[1] - size + 1)
        piece = np.rot90(frame[top : top + size, left : left + size], int(random.integers(4)))
        return np.ascontiguousarray(piece[:, ::-1] if random.integers(2) else piece)


@dataclass(frozen=True)
class ReducedPairs:
    """Samples `low` 3×c×c, `high` 3×sc×sc from one folder of pictures.

    A crop is reduced together with `margin` low pixels around it, which are cut off afterwards:
    its border is then that of a whole reduced picture.
    """

    photos: Photos
    scale: int
    crop: int
    size: int
    margin: int = 4
    lower: Callable[[Bytes, Generator], Bytes] | None = None
    """How a crop is reduced, by chance; None for the plain bicubic reduction."""

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        wide = self.photos.crop(random, (self.crop + 2 * self.margin) * self.scale)
        low = self.lower(wide, random) if self.lower else degrade.reduce(wide, self.scale)
        inner = _inner(low, self.margin), _inner(wide, self.margin * self.scale)
        return {"low": to_tensor(inner[0]), "high": to_tensor(inner[1])}


def to_tensor(frame: Bytes) -> Tensor:
    """H×W×3 uint8 → 3×H×W float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1).float() / 255


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

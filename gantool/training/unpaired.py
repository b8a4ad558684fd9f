"""Two kinds of pictures that are not paired as samples: one of each."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from gantool.errors import UsageError
from gantool.training.data import Kept, read_eight_bit, to_tensor
from gantool.training.degrade import Bytes, to_side
from gantool.training.layouts import Layout, look
from gantool.training.system import Batch

KINDS = "put the pictures of one kind into trainA/, those of the other into trainB/"


@dataclass(frozen=True)
class Unpaired:
    """Samples `a` and `b`, 3×c×c in [−1, 1], drawn independently of each other.

    Each is cut out at random and mirrored at random, as in CycleGAN (Zhu et al. 2017).
    """

    a: Sequence[Bytes]
    b: Sequence[Bytes]
    crop: int
    size: int

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One of each kind; the same ones for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        return {name: self._draw(random, getattr(self, name)) for name in ("a", "b")}

    def _draw(self, random: np.random.Generator, pictures: Sequence[Bytes]) -> Tensor:
        picture = pictures[int(random.integers(len(pictures)))]
        top, left = (int(random.integers(side - self.crop + 1)) for side in picture.shape[:2])
        piece = picture[top : top + self.crop, left : left + self.crop]
        return to_tensor(piece[:, ::-1] if random.integers(2) else piece) * 2 - 1


def read_kinds(root: Path, split: str, side: int) -> tuple[Sequence[Bytes], Sequence[Bytes]]:
    """Every picture of the two kinds in `root`, its short side brought to `side` pixels.

    Raises UsageError for a layout that is not two kinds, ItemError for a picture that cannot be
    read.
    """
    layout = look(root, split)
    if layout.kind != "unpaired":
        raise UsageError(f"{layout}: not two kinds that are not paired: {_way_to_kinds(layout)}")
    a, b = (
        Kept([partial(_picture, path, side) for path in paths], lambda frame: frame.nbytes)
        for paths in layout.parts.values()
    )
    return a, b


def _picture(path: Path, side: int) -> Bytes:
    return to_side(read_eight_bit(path), side)


def _way_to_kinds(layout: Layout) -> str:
    """What to do with a folder that does not hold them."""
    if layout.kind == "pairs":
        moves = (
            shlex.join(("mv", str(layout.root / name), str(layout.root / f"train{name}")))
            for name in layout.parts
        )
        return f"train pix2pix on pairs; if these are none: {' && '.join(moves)}"
    if layout.kind == "side-by-side":
        return f"train pix2pix on pairs; for two kinds, {KINDS}"
    if layout.kind == "classes":
        return f"choose two of {', '.join(layout.parts)}: {KINDS}"
    return KINDS

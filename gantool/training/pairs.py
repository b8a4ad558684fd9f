"""Aligned pairs of pictures as samples: an input, the target that belongs to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gantool.errors import UsageError
from gantool.training import degrade
from gantool.training.data import Kept, read_eight_bit, to_tensor
from gantool.training.degrade import Bytes
from gantool.training.layouts import Layout
from gantool.training.partners import renames_to_pairs
from gantool.training.system import Batch

Pair = tuple[Bytes, Bytes]


@dataclass(frozen=True)
class Pairs:
    """Samples `input` and `target`, 3×c×c in [−1, 1].

    Each pair is enlarged to `jitter` times the crop, cut out at random and mirrored at random, as
    in pix2pix (Isola et al. 2017, appendix 6.2).
    """

    pairs: Sequence[Pair]
    crop: int
    size: int

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        one, other = self._draw(np.random.default_rng([seed, step, item]))
        return {"input": to_tensor(one) * 2 - 1, "target": to_tensor(other) * 2 - 1}

    def _draw(self, random: np.random.Generator) -> Pair:
        one, other = self.pairs[int(random.integers(len(self.pairs)))]
        top = int(random.integers(one.shape[0] - self.crop + 1))
        left = int(random.integers(one.shape[1] - self.crop + 1))
        place = (slice(top, top + self.crop), slice(left, left + self.crop))
        turn = slice(None, None, -1 if random.integers(2) else 1)
        return one[place][:, turn], other[place][:, turn]


def read_pairs(
    layout: Layout, side: int | None = None, *, made_from: str | None = None
) -> Kept[Pair]:
    """Every pair of `layout`, its short side brought to `side` pixels, if one is given.

    `made_from` names how inputs are made from the pictures of a plain folder (`degrade.FROM`).
    Raises UsageError for a layout without pairs, ItemError for a picture that cannot be read.
    """
    readers = [partial(_resized, read, side) for read in _readers(layout, made_from)]
    return Kept(readers, lambda pair: pair[0].nbytes + pair[1].nbytes)


def _readers(layout: Layout, made_from: str | None) -> list[Callable[[], Pair]]:
    if made_from and made_from not in degrade.FROM:
        raise UsageError(f"--from {made_from}: there are {', '.join(degrade.FROM)}")
    if made_from and layout.kind != "plain":
        raise UsageError(f"{layout}: --from {made_from} is for single pictures: leave it out")
    if layout.kind == "side-by-side":
        return [partial(_halves, path) for path in layout.parts["pairs"]]
    if layout.kind == "pairs":
        files = zip(layout.parts["A"], layout.parts["B"], strict=True)
        return [partial(_same_size, a, b) for a, b in files]
    if layout.kind == "plain" and made_from:
        return [partial(_made, path, made_from) for path in layout.parts["pictures"]]
    raise UsageError(f"{layout}: not pairs: {_way_to_pairs(layout)}")


def _way_to_pairs(layout: Layout) -> str:
    """What to do with a folder that holds none."""
    if moves := renames_to_pairs(layout):
        return f"if they are, their folders must be called A and B: {moves}"
    hint = f"; --from {'|'.join(degrade.FROM)} makes pairs" if layout.kind == "plain" else ""
    return f"put them side by side, or into A/ and B/{hint}"


def _halves(path: Path) -> Pair:
    both = read_eight_bit(path)
    middle = both.shape[1] // 2
    return both[:, :middle], both[:, middle : 2 * middle]


def _same_size(a: Path, b: Path) -> Pair:
    one, other = read_eight_bit(a), read_eight_bit(b)
    if one.shape != other.shape:
        sizes = " and ".join(f"{frame.shape[1]}×{frame.shape[0]}" for frame in (one, other))
        raise UsageError(f"{a}, {b}: a pair of {sizes}: both must have one size")
    return one, other


def _made(path: Path, made_from: str) -> Pair:
    picture = read_eight_bit(path)
    return degrade.FROM[made_from](picture), picture


def _resized(read: Callable[[], Pair], side: int | None) -> Pair:
    one, other = read()
    if side is None:
        return one, other
    return degrade.to_side(one, side), degrade.to_side(other, side)

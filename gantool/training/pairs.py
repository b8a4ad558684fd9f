"""Aligned pairs of pictures as batches: an input, the target that belongs to it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gantool.errors import UsageError
from gantool.training import degrade
from gantool.training.data import read_eight_bit, to_tensor
from gantool.training.degrade import Bytes
from gantool.training.layouts import Layout
from gantool.training.system import Batch

Pair = tuple[Bytes, Bytes]


@dataclass(frozen=True)
class Pairs:
    """Batches `input` and `target`, N×3×c×c in [−1, 1].

    Each pair is enlarged to `jitter` times the crop, cut out at random and mirrored at random, as
    in pix2pix (Isola et al. 2017, appendix 6.2).
    """

    pairs: list[Pair]
    crop: int
    size: int

    def batch(self, seed: int, step: int) -> Batch:
        """`size` pairs; the same ones for the same seed and step."""
        drawn = [self._draw(np.random.default_rng([seed, step, i])) for i in range(self.size)]
        inputs, targets = zip(*drawn, strict=True)
        return {"input": to_tensor(inputs) * 2 - 1, "target": to_tensor(targets) * 2 - 1}

    def _draw(self, random: np.random.Generator) -> Pair:
        one, other = self.pairs[random.integers(len(self.pairs))]
        top = int(random.integers(one.shape[0] - self.crop + 1))
        left = int(random.integers(one.shape[1] - self.crop + 1))
        place = (slice(top, top + self.crop), slice(left, left + self.crop))
        turn = slice(None, None, -1 if random.integers(2) else 1)
        return one[place][:, turn], other[place][:, turn]


def read_pairs(layout: Layout, side: int, *, made_from: str | None = None) -> list[Pair]:
    """Every pair of `layout`, its short side brought to `side` pixels.

    `made_from` names how inputs are made from the pictures of a plain folder (`degrade.FROM`).
    Raises UsageError for a layout without pairs, ItemError for a picture that cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda read: _resized(read(), side), _readers(layout, made_from)))


def _readers(layout: Layout, made_from: str | None) -> list[Callable[[], Pair]]:
    if layout.kind == "side-by-side":
        return [partial(_halves, path) for path in layout.parts["pairs"]]
    if layout.kind == "pairs":
        files = zip(layout.parts["A"], layout.parts["B"], strict=True)
        return [partial(_same_size, a, b) for a, b in files]
    if layout.kind == "plain" and made_from:
        return [partial(_made, path, made_from) for path in layout.parts["pictures"]]
    hint = f"; --from {'|'.join(degrade.FROM)} makes pairs" if layout.kind == "plain" else ""
    raise UsageError(f"{layout}: not pairs: put them side by side, or into A/ and B/{hint}")


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


def _resized(pair: Pair, side: int) -> Pair:
    height, width = pair[0].shape[:2]
    factor = side / min(height, width)
    shape = (max(side, round(height * factor)), max(side, round(width * factor)))
    return degrade.resize(pair[0], *shape), degrade.resize(pair[1], *shape)

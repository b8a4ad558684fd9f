"""Photographs beside paintings of like things, so that skies are compared with skies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from gantool.training.data import to_tensor
from gantool.training.degrade import Bytes
from gantool.training.networks.efficientnet import EfficientNetLite
from gantool.training.system import Batch

NEAREST = 16
"""Paintings that are taken for one of like things."""
SPREAD = (0.87, 1.18)
"""Side of a piece of a painting, of that trained on."""
LOOK = 224
"""Side at which whole pictures are compared, pixels."""
Square = tuple[float, float, int]


@dataclass(frozen=True)
class MatchedPairs:
    """Samples `a` of the photographs and `b` of the paintings, 3×c×c in [−1, 1].

    A photograph is cut to a square of c pixels up to its short side and reduced to c. A share
    `matched` of paintings are among the nearest, NEAREST for each photograph; each is cut at the
    same place in the picture. Both are mirrored at random.
    """

    photographs: Sequence[Bytes]
    paintings: Sequence[Bytes]
    nearest: NDArray[np.intp]
    crop: int
    size: int
    matched: float

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        number = int(random.integers(len(self.photographs)))
        photograph = self.photographs[number]
        others = self.nearest[number] if random.random() < self.matched else self.everything
        painting = self.paintings[int(random.choice(others))]
        down, right = random.random(2)
        side = int(random.integers(self.crop, min(photograph.shape[:2]) + 1))
        part = round(self.crop * random.uniform(*SPREAD))
        return {
            "a": _tensor(photograph, (down, right, side), self.crop, random),
            "b": _tensor(painting, (down, right, part), self.crop, random),
        }

    @property
    def everything(self) -> NDArray[np.intp]:
        return np.arange(len(self.paintings))


def match(
    photographs: Sequence[Bytes], paintings: Sequence[Bytes], network: EfficientNetLite
) -> NDArray[np.intp]:
    """Return the numbers of the nearest paintings for each photograph, P×NEAREST."""
    seen = [
        torch.cat([_vector(each, network) for each in kind]) for kind in (photographs, paintings)
    ]
    centre, deviation = seen[1].mean(0), seen[1].std(0) + 1e-3
    ours, theirs = (normalize((each - centre) / deviation, dim=1) for each in seen)
    count = min(NEAREST, len(paintings))
    return (ours @ theirs.T).topk(count, dim=1).indices.numpy()


@torch.no_grad()
def _vector(picture: Bytes, network: EfficientNetLite) -> Tensor:
    """1×C: the means of the last features."""
    whole = cv2.resize(picture, (LOOK, LOOK), interpolation=cv2.INTER_AREA).astype(np.uint8)
    (features,) = network(to_tensor(whole)[None], (f"block{len(network.blocks) - 1}",))
    return cast(Tensor, features.mean((2, 3)))


def _tensor(picture: Bytes, square: Square, crop: int, random: Generator) -> Tensor:
    """3×c×c: a square at a place given as shares of the room that there is."""
    down, right, side = square
    side = min(side, *picture.shape[:2])
    top, left = (
        round(place * (length - side))
        for place, length in zip((down, right), picture.shape[:2], strict=True)
    )
    piece = picture[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side > crop else cv2.INTER_CUBIC
    piece = cv2.resize(piece, (crop, crop), interpolation=how).astype(np.uint8)
    return to_tensor(piece[:, ::-1] if random.integers(2) else piece) * 2 - 1

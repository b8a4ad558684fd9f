"""Colours as classes, rare ones weighing more.

Zhang et al., «Colorful Image Colorization», 2016, on a grid of Cb and Cr: a pixel has a
distribution over the classes, and what is shown is its annealed mean.
"""

from collections.abc import Iterable
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, log_softmax

from gantool.training.degrade import Bytes
from gantool_colorize.encoders import Encoder
from gantool_colorize.network import ColourNet, enlarged, offsets

Rarity = NDArray[np.float32]
"""GRID×GRID: the weight of each class, 1 in the mean over pixels."""
GRID, STEP = 13, 0.08
"""Classes along each axis, the middle one grey, and the chroma between two."""
NEAR, WIDTH = 5, 0.04
"""Classes that a pixel is shared among, and the deviation of the weights by distance."""
UNIFORM = 0.5
"""λ of the paper: share of an even distribution in what the rarity is measured by."""
TEMPERATURE = 0.38
"""T of the paper: between the mean, which is pale, and the mode, which is blotchy."""


def _centres() -> Tensor:
    """The chroma of each class that some luma can have, Q×2."""
    along = (torch.arange(GRID) - GRID // 2) * STEP
    chroma = torch.cartesian_prod(along, along)
    added = offsets(chroma[:, :, None, None]).flatten(1)
    return chroma[added.amax(1) - added.amin(1) <= 1]


CENTRES = _centres()


class ClassNet(ColourNet):
    """A ColourNet whose last convolution gives the logits of the classes."""

    def __init__(
        self,
        channels: int = 32,
        *,
        encoder: Encoder | None = None,
        temperature: float = TEMPERATURE,
    ) -> None:
        super().__init__(channels, outputs=len(CENTRES), encoder=encoder)
        self.temperature = temperature
        self.register_buffer("centres", CENTRES, persistent=False)

    def chroma_of(self, found: Tensor) -> Tensor:
        """The mean of the distribution, made sharper by the temperature; enlarged."""
        shares = (found / self.temperature).softmax(1)
        mean = torch.einsum("nqhw,qc->nchw", shares, self.get_buffer("centres").to(shares))
        return enlarged(mean)


def class_error(logits: Tensor, chroma: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy with each pixel's nearest classes; N×Q×h×w, N×2×4h×4w, N×1×h×w."""
    pixels = avg_pool2d(chroma, 4).movedim(1, -1).reshape(-1, 2)
    distances, nearest = torch.cdist(pixels, CENTRES.to(pixels)).topk(NEAR, largest=False)
    shares = (-distances.square() / (2 * WIDTH**2)).softmax(1)
    told = log_softmax(logits.float(), 1).movedim(1, -1).reshape(len(pixels), -1)
    entropy = -(shares * told.gather(1, nearest)).sum(1)
    return (weights.flatten() * entropy).mean()


def rarity(frames: Iterable[Bytes], uniform: float = UNIFORM) -> Rarity:
    """By how often each class is met in pictures: ((1 − λ)·share + λ/Q)⁻¹; λ is `uniform`."""
    counts = np.zeros((GRID, GRID))
    for frame in frames:
        small = cast(Bytes, cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA))
        np.add.at(counts, tuple(places(small).T), 1)
    shares = counts / counts.sum()
    weights = 1 / ((1 - uniform) * shares + uniform / len(CENTRES))
    return cast(Rarity, (weights / (shares * weights).sum()).astype(np.float32))


def places(frame: Bytes) -> NDArray[np.intp]:
    """H×W×3 → the place of each pixel's class on the grid, HW×2."""
    colours = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., :0:-1].reshape(-1, 2)
    found = np.round((colours / 255.0 - 128 / 255) / STEP).astype(np.intp) + GRID // 2
    return found.clip(0, GRID - 1)

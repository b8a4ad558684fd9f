"""The networks of SimGAN: one that refines pictures, one that tells refined from real by patches.

Shrivastava et al., «Learning from Simulated and Unsupervised Images through Adversarial Training»,
2017, figures 2 and 3 and the appendix.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu

LUMA = (0.299, 0.587, 0.114)
"""BT.601."""
GRID = (2, 2)
"""Rows and columns of a field of chance."""


class Refiner(nn.Module):
    """`N×3×H×W → N×3×H×W` in about [0, 1], sides of more than `halo`: the picture and a residual.

    3×3 convolutions and residual blocks, nothing that depends on the whole picture. They see its
    mirror image beyond its edges. `grey`: of the picture's luma, and grey.
    With `looks`, so many fields of chance `z`, N×looks×2×2 of unit deviation, are spread over the
    picture, and the mean of what the first layer sees is told everywhere: it is global then.
    """

    def __init__(self, channels: int, blocks: int, *, grey: bool, looks: int = 0) -> None:
        super().__init__()
        self.grey, self.looks = grey, looks
        self.halo = 1 + 2 * blocks
        colours = 1 if grey else 3
        self.first = nn.Conv2d(colours + looks, channels, 3)
        self.told = nn.Linear(channels, channels) if looks else None
        self.body = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.last = nn.Conv2d(channels, colours, 1)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        if self.grey:
            x = luma(x)
        wide = pad(2 * self._with_looks(x, z) - 1, [self.halo] * 4, mode="reflect")
        seen = relu(self.first(wide))
        if self.told is not None:
            seen = relu(seen + self.told(seen.mean((2, 3)))[..., None, None])
        refined: Tensor = x + self.last(self.body(seen))
        return refined.expand(-1, 3, -1, -1)

    def _with_looks(self, x: Tensor, z: Tensor | None) -> Tensor:
        """x and the fields of z, none being zeros, as further channels."""
        if not self.looks:
            return x
        if z is None:
            z = x.new_zeros(1, self.looks, *GRID)
        fields = interpolate(z, size=x.shape[-2:], mode="bilinear", align_corners=True)
        return torch.cat([x, (fields / 2 + 0.5).expand(x.shape[0], -1, -1, -1)], dim=1)


class Block(nn.Module):
    """`N×k×H×W → N×k×(H−4)×(W−4)`: two 3×3 convolutions added to what they began with, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3), nn.ReLU(), nn.Conv2d(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return relu(x[..., 2:-2, 2:-2] + self.layers(x))


class Judge(nn.Module):
    """`N×3×H×W` in [0, 1] → `N×1×h×w` logits, one for each patch: the more, the more real.

    The paper's layers, with `channels` 32, each logit looking at 23×23 pixels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        k = channels
        self.layers = nn.Sequential(
            nn.Conv2d(3, 3 * k, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(3 * k, 2 * k, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(2 * k, k, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(k, k, 1),
            nn.ReLU(),
            nn.Conv2d(k, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.layers(2 * x - 1))


def luma(x: Tensor) -> Tensor:
    """N×3×H×W → N×1×H×W."""
    weights = torch.tensor(LUMA, dtype=x.dtype, device=x.device)
    return (x * weights[:, None, None]).sum(dim=1, keepdim=True)

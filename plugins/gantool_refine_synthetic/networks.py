"""The networks of SimGAN: one that refines pictures, one that tells refined from real by patches.

Shrivastava et al., «Learning from Simulated and Unsupervised Images through Adversarial Training»,
2017, figures 2 and 3 and the appendix.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

LUMA = (0.299, 0.587, 0.114)
"""BT.601."""


class Refiner(nn.Module):
    """`N×3×H×W → N×3×H×W` in about [0, 1], sides of more than `halo`: the picture and a residual.

    3×3 convolutions and residual blocks, nothing that depends on the whole picture. They see its
    mirror image beyond its edges, as in the runtime. `grey`: of the picture's luma, and grey.
    """

    def __init__(self, channels: int, blocks: int, *, grey: bool) -> None:
        super().__init__()
        self.grey = grey
        self.halo = 1 + 2 * blocks
        colours = 1 if grey else 3
        self.first = nn.Conv2d(colours, channels, 3)
        self.body = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.last = nn.Conv2d(channels, colours, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.grey:
            x = luma(x)
        wide = pad(x, [self.halo] * 4, mode="reflect")
        refined: Tensor = x + self.last(self.body(relu(self.first(2 * wide - 1))))
        return refined.expand(-1, 3, -1, -1)


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

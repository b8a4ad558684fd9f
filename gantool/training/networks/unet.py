"""The U-Net generator of pix2pix."""

import torch
from torch import Tensor, nn

from gantool.training.networks.blocks import Up, enlarging, instance_norm, start_small


class UnetGenerator(nn.Module):
    """N×in×H×W → N×out×H×W in [−1, 1], H and W multiples of 2^depth.

    `depth` 8 is the U-Net-256 of the paper, 7 and 6 those for 128 and 64 pixels. Isola et al.,
    «Image-to-Image Translation with Conditional Adversarial Networks», 2017, appendix 6.1; noise
    comes as dropout in the inner three enlarging layers.
    """

    def __init__(
        self,
        *,
        inputs: int = 3,
        outputs: int = 3,
        channels: int = 64,
        depth: int = 8,
        dropout: float = 0.5,
        up: Up = "resize",
    ) -> None:
        super().__init__()
        widths = [min(channels * 2**level, channels * 8) for level in range(depth)]
        inner: nn.Module | None = None
        for level in reversed(range(1, depth)):
            noisy = dropout if depth - 4 <= level < depth - 1 else 0.0
            inner = Level(widths[level - 1], widths[level], inner, dropout=noisy, up=up)
        assert inner is not None
        self.reduce = nn.Conv2d(inputs, channels, 4, stride=2, padding=1)
        self.inner = inner
        self.enlarge = nn.Sequential(
            nn.ReLU(inplace=True), enlarging(2 * channels, outputs, 4, up), nn.Tanh()
        )
        start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.enlarge(self.inner(self.reduce(x)))
        return result


class Level(nn.Module):
    """N×k×H×W → N×2k×H×W: the input beside what the smaller levels make of it.

    The innermost level, which may be a single pixel, is not normalised on its way down: the
    deviation of one value is nothing to divide by.
    """

    def __init__(
        self, outer: int, width: int, inner: nn.Module | None, *, dropout: float, up: Up
    ) -> None:
        super().__init__()
        middle = [nn.Identity()] if inner is None else [instance_norm(width), inner]
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Conv2d(outer, width, 4, stride=2, padding=1),
            *middle,
            nn.ReLU(),
            enlarging(width if inner is None else 2 * width, outer, 4, up),
            instance_norm(outer),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], dim=1)

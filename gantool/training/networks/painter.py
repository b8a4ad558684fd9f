"""A generator that paints: what it adds is drawn from noise as well as from the photograph."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

NOISE = 2
"""Channels of noise at each size."""
PERIOD = 128
"""After so many pixels the noise of a model file repeats: tiles start at multiples of it."""


class PainterGenerator(nn.Module):
    """N×3×H×W → N×3×H×W, about [−1, 1]; H and W multiples of 4.

    The photograph at half its size, two convolutions down to a quarter, `blocks` residual blocks,
    up again; the result is added to the halved photograph. There is no normalisation, hence no
    droplets (Karras et al., «Analyzing and Improving the Image Quality of StyleGAN», 2020), and
    tiles equal the whole. Noise goes in at all three sizes (Karras et al., «A Style-Based
    Generator …», 2019): while training it is drawn anew, otherwise it is a fixed tile, repeated.
    """

    def __init__(self, *, channels: int = 48, blocks: int = 4) -> None:
        super().__init__()
        k = channels
        self.first = nn.Conv2d(3 + NOISE, k, 3, padding=1)
        self.down = nn.Conv2d(k, 2 * k, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(ScaledResidual(2 * k) for _ in range(blocks))
        self.up = nn.Conv2d(2 * k, k, 3, padding=1)
        self.outer = nn.Conv2d(k, k // 2, 3, padding=1)
        self.last = nn.Conv2d(k // 2, 3, 3, padding=1)
        self.grain_quarter = Grain(2 * k, PERIOD // 4, seed=4)
        self.grain_half = Grain(k, PERIOD // 2, seed=2)
        self.grain_full = Grain(k // 2, PERIOD, seed=1)
        self.grain_input = Grain(0, PERIOD // 2, seed=0)
        nn.init.normal_(self.last.weight, 0.0, 0.02)
        nn.init.zeros_(cast(Tensor, self.last.bias))

    def forward(self, x: Tensor) -> Tensor:
        small = avg_pool2d(x, 2)
        half = relu(self.first(torch.cat([small, self.grain_input.noise(small)], dim=1)))
        y = relu(self.grain_quarter(self.down(half)))
        for block in self.blocks:
            y = block(y)
        y = relu(self.grain_half(self.up(enlarge(y)))) + half
        y = relu(self.grain_full(self.outer(enlarge(y))))
        picture: Tensor = enlarge(small) + self.last(y)
        return picture


class Grain(nn.Module):
    """x + a 1×1 convolution of noise; `period` is that of the fixed tile."""

    tile: Tensor

    def __init__(self, channels: int, period: int, *, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(NOISE, period, period, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("tile", drawn.half().float(), persistent=False)
        self.strength = nn.Conv2d(NOISE, channels, 1, bias=False) if channels else None
        if self.strength:
            nn.init.normal_(self.strength.weight, 0.0, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        assert self.strength
        return x + cast(Tensor, self.strength(self.noise(x)))

    def noise(self, like: Tensor) -> Tensor:
        """N×2×H×W of the size of `like`."""
        count, _, height, width = like.shape
        if self.training:
            return torch.randn(count, NOISE, height, width, device=like.device)
        period = self.tile.shape[1]
        rows, columns = (
            torch.arange(side, device=like.device) % period for side in (height, width)
        )
        return self.tile[:, rows][:, :, columns].expand(count, -1, -1, -1)


class ScaledResidual(nn.Module):
    """x + s·(two 3×3 convolutions with a ReLU between), s learned for each channel from 0.3 on."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.scale * self.second(relu(self.first(x)))
        return result


def enlarge(x: Tensor) -> Tensor:
    """Twice the size, bilinear."""
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)

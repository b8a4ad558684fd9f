"""The generator of ESRGAN, which the usual upscalers run: for speed alone, its weights untrained.

Wang et al., «ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks», 2018.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu


class Dense(nn.Module):
    """N×k×H×W → the same plus a fifth of what five densely connected convolutions add."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        inner = [nn.Conv2d(channels + n * growth, growth, 3, padding=1) for n in range(4)]
        self.layers = nn.ModuleList(
            [*inner, nn.Conv2d(channels + 4 * growth, channels, 3, padding=1)]
        )

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for layer in self.layers[:-1]:
            found.append(leaky_relu(layer(torch.cat(found, 1)), 0.2))
        added: Tensor = self.layers[-1](torch.cat(found, 1))
        return x + 0.2 * added


class Block(nn.Module):
    """Residual in residual: three dense blocks, a fifth of what they add."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(Dense(channels, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + 0.2 * self.layers(x)
        return result


class Rrdb(nn.Module):
    """N×3×H×W → N×3×4H×4W; with 23 blocks 16.7 million parameters."""

    def __init__(self, blocks: int = 23, channels: int = 64, growth: int = 32) -> None:
        super().__init__()
        k = channels
        self.first = nn.Conv2d(3, k, 3, padding=1)
        body = [Block(k, growth) for _ in range(blocks)]
        self.body = nn.Sequential(*body, nn.Conv2d(k, k, 3, padding=1))
        self.up = nn.ModuleList(nn.Conv2d(k, k, 3, padding=1) for _ in range(2))
        self.last = nn.Sequential(
            nn.Conv2d(k, k, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(k, 3, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        y = y + self.body(y)
        for layer in self.up:
            y = leaky_relu(layer(interpolate(y, scale_factor=2.0, mode="nearest")), 0.2)
        result: Tensor = self.last(y)
        return result

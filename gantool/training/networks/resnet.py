"""The residual generator of style transfer and CycleGAN."""

import itertools

from torch import Tensor, nn

from gantool.training.networks.blocks import (
    ToPicture,
    Up,
    enlarging,
    instance_norm,
    normalised,
    start_small,
)

TRACED = (3, 6, 9, 13)
"""Layers of `encoded`."""


class ResnetGenerator(nn.Module):
    """N×in×H×W → N×out×H×W in [−1, 1], H and W multiples of 4 and at least 16.

    c7s1-k, d2k, d4k, `blocks` residual blocks, u2k, uk, c7s1-out with tanh. Johnson et al.,
    «Perceptual Losses for Real-Time Style Transfer and Super-Resolution», 2016; Zhu et al.,
    «Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks», 2017.
    """

    def __init__(
        self,
        *,
        inputs: int = 3,
        outputs: int = 3,
        channels: int = 64,
        blocks: int = 9,
        up: Up = "resize",
    ) -> None:
        super().__init__()
        wide = 4 * channels
        self.layers = nn.Sequential(
            *normalised(inputs, channels, 7),
            *normalised(channels, 2 * channels, 3, stride=2),
            *normalised(2 * channels, wide, 3, stride=2),
            *(Residual(wide) for _ in range(blocks)),
            *_enlarging(wide, 2 * channels, up),
            *_enlarging(2 * channels, channels, up),
            ToPicture(channels, outputs, 7),
            nn.Tanh(),
        )
        start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x)
        return result

    def traced(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The picture, and what `encoded` gives."""
        found = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            found += [x] if number in TRACED else []
        return x, found

    def encoded(self, x: Tensor) -> list[Tensor]:
        """Features of a picture: both reducing convolutions', the first block's and the fifth's."""
        found = []
        for number, layer in enumerate(itertools.islice(self.layers, max(TRACED) + 1)):
            x = layer(x)
            found += [x] if number in TRACED else []
        return found


class Residual(nn.Module):
    """x + two 3×3 convolutions with instance normalisation, one ReLU between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *normalised(channels, channels, 3),
            *normalised(channels, channels, 3)[:-1],
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


def _enlarging(inputs: int, outputs: int, up: Up) -> list[nn.Module]:
    return [enlarging(inputs, outputs, 3, up), instance_norm(outputs), nn.ReLU(inplace=True)]

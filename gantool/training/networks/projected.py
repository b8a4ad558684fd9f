"""Discriminators that look at pictures through a fixed network trained on ImageNet."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training.networks.efficientnet import EfficientNetLite

TAPS = ("stem", "expand2", "expand4", "expand6")
"""Features at 1/2, 1/4, 1/8 and 1/16 of the side."""
MOMENTUM = 0.01
"""How fast the statistics of real features follow a batch; the first ones count evenly."""
SMALLEST = 1e-2
"""Added to deviations: a channel that is dead for real pictures is not blown up."""


class ProjectedDiscriminator(nn.Module):
    """N×C×H×W → N×heads×H/2×W/2 logits; C is 1 or a multiple of 3, H and W multiples of 32.

    One small, spectrally normalised head for each tap of a fixed feature network; logits of
    coarser heads are repeated, so that each head counts the same in a mean. Features are
    standardised by the mean and deviation that real pictures have. With several pictures in the
    channels, such as an input and its translation, heads see the features of all of them.

    Sauer et al., «Projected GANs Converge Faster», 2021, without its random mixing of features.
    """

    def __init__(
        self,
        features: EfficientNetLite,
        *,
        pictures: int = 1,
        channels: int = 64,
        value_range: tuple[float, float] = (0.0, 1.0),
        taps: Sequence[str] = TAPS,
    ) -> None:
        super().__init__()
        self._features = (features,)  # hidden from checkpoints: it never changes
        self.value_range, self.taps = value_range, tuple(taps)
        widths = [pictures * width for width in features.widths(taps)]
        self.heads = nn.ModuleList(_head(width, channels) for width in widths)
        self.standards = nn.ModuleList(Standard(width) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.look(x))

    def look(self, x: Tensor) -> list[Tensor]:
        """Return what the feature network sees in N×C×H×W, a tensor for each tap."""
        low, high = self.value_range
        x = (x - low) / (high - low)
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        (network,) = self._features
        seen = [network.to(x.device)(picture, self.taps) for picture in torch.split(x, 3, dim=1)]
        return [torch.cat(each, dim=1) for each in zip(*seen, strict=True)]

    def judge(self, features: Sequence[Tensor]) -> Tensor:
        """Return the logits for what `look` has given."""
        logits = [
            head(standard(layer))
            for head, standard, layer in zip(self.heads, self.standards, features, strict=True)
        ]
        size = cast("tuple[int, int]", tuple(logits[0].shape[2:]))
        return torch.cat([interpolate(each, size=size) for each in logits], dim=1)

    def learn_standard(self, features: Sequence[Tensor]) -> None:
        """Take the statistics of real pictures' features along; call it in the judge's turn."""
        for standard, layer in zip(self.standards, features, strict=True):
            cast(Standard, standard).follow(layer)


class Standard(nn.Module):
    """N×C×h×w less a running mean, over a running deviation, by channel."""

    mean: Tensor
    square: Tensor
    batches: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("square", torch.ones(channels))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        deviation = (self.square - self.mean**2).clamp(min=0).sqrt() + SMALLEST
        return (x - self.mean.view(-1, 1, 1)) / deviation.view(-1, 1, 1)

    @torch.no_grad()
    def follow(self, x: Tensor) -> None:
        """Take a batch of real features into the statistics."""
        self.batches += 1
        rate = max(MOMENTUM, 1 / float(self.batches))
        x = x.float()
        self.mean.lerp_(x.mean((0, 2, 3)), rate)
        self.square.lerp_(x.square().mean((0, 2, 3)), rate)


def _head(inputs: int, channels: int) -> nn.Sequential:
    """1×1, 3×3, 3×3, 1×1 convolutions to one logit a place."""
    kernels, widths = (1, 3, 3, 1), (inputs, channels, channels, channels, 1)
    layers: list[nn.Module] = []
    for kernel, (before, after) in zip(kernels, pairwise(widths), strict=True):
        convolution = nn.Conv2d(before, after, kernel, padding=kernel // 2)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])

"""Discriminators that look at pictures through a fixed network trained on ImageNet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.efficientnet import EfficientNetLite, read_efficientnet

DiscriminatorKind = Literal["patches", "projected"]
"""The paper's own, or one on the features of a fixed network."""
UNIT = 16
"""Pixels to a place of the coarsest features. Other sides are enlarged to a multiple of it."""
TAPS = ("stem", "expand2", "expand4", "expand6")
"""Features at 1/2, 1/4, 1/8 and 1/16 of the side."""
MOMENTUM = 0.01
"""How fast the statistics of real features follow a batch; the first ones count evenly."""
SMALLEST = 1e-2
"""Added to deviations: a channel that is dead for real pictures is not blown up."""


class ProjectedDiscriminator(nn.Module):
    """N×C×H×W → N×heads×h×w logits, h×w half of the sides; C is 1 or a multiple of 3.

    One small, spectrally normalised head for each tap of a fixed feature network, at 1/UNIT of the
    side or finer; logits of coarser heads are repeated, so that each head counts the same in a
    mean. Features are standardised by the mean and deviation that real pictures have: see
    `learning_real`. With several pictures in the channels, such as an input and its translation,
    heads see the features of all of them. With `classes`, logits are for the shares of them,
    N×classes, that are given.

    Sauer et al., «Projected GANs Converge Faster», 2021, without its random mixing of features;
    classes by projection, Miyato and Koyama, «cGANs with Projection Discriminator», 2018.
    """

    def __init__(
        self,
        features: EfficientNetLite,
        *,
        pictures: int = 1,
        classes: int = 0,
        channels: int = 64,
        value_range: tuple[float, float] = (0.0, 1.0),
        taps: Sequence[str] = TAPS,
    ) -> None:
        super().__init__()
        self._features = (features,)  # hidden from checkpoints: it never changes
        self.value_range, self.taps = value_range, tuple(taps)
        widths = [pictures * width for width in features.widths(taps)]
        self.heads = nn.ModuleList(_head(width, channels, 1 + classes) for width in widths)
        self.standards = nn.ModuleList(Standard(width) for width in widths)

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        return self._logits(self._standardise(self.look(x)), shares)

    def judged(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the standardised features, for feature matching."""
        found = self._standardise(self.look(x))
        return self._logits(found), found

    def look(self, x: Tensor) -> list[Tensor]:
        """Return what the feature network sees in N×C×H×W, a tensor for each tap."""
        low, high = self.value_range
        x = _enlarged((x - low) / (high - low))
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        (network,) = self._features
        seen = [network.to(x.device)(picture, self.taps) for picture in torch.split(x, 3, dim=1)]
        return [torch.cat(each, dim=1) for each in zip(*seen, strict=True)]

    def _standardise(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [each(layer) for each, layer in zip(self.standards, features, strict=True)]

    def _logits(self, features: Sequence[Tensor], shares: Tensor | None = None) -> Tensor:
        logits = [head(layer) for head, layer in zip(self.heads, features, strict=True)]
        if shares is not None:
            logits = [_projected(each, shares) for each in logits]
        size = cast("tuple[int, int]", tuple(logits[0].shape[2:]))
        return torch.cat([interpolate(each, size=size) for each in logits], dim=1)


class Standard(nn.Module):
    """N×C×h×w less a running mean, over a running deviation, by channel.

    Both follow those that are `real` of the pictures it is given.
    """

    real: slice | None
    mean: Tensor
    square: Tensor
    batches: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.real = None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("square", torch.ones(channels))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.real is not None:
            self.follow(x[self.real])
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


@contextmanager
def learning_real(discriminator: nn.Module, first: int | None = None) -> Iterator[None]:
    """Have what is projected in `discriminator` take the statistics of the pictures it is given.

    For the discriminator's turn, around the call with real pictures alone, or with the `first` of
    a batch real. Other discriminators are left as they are.
    """
    standards = [each for each in discriminator.modules() if isinstance(each, Standard)]
    try:
        for standard in standards:
            standard.real = slice(first)
        yield
    finally:
        for standard in standards:
            standard.real = None


def make_discriminator(
    kind: DiscriminatorKind,
    features: str,
    *,
    inputs: int = 3,
    channels: int = 64,
    layers: int = 3,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> PatchDiscriminator | ProjectedDiscriminator:
    """Return the discriminator of this kind for N×`inputs`×H×W in `value_range`.

    `features` are those of a projected one: lite0, lite1 or a file; ModelError where their weights
    are not there. `layers` are those of patches.
    """
    if kind == "patches":
        return PatchDiscriminator(inputs, channels=channels, layers=layers)
    return ProjectedDiscriminator(
        read_efficientnet(features),
        pictures=max(1, inputs // 3),
        channels=channels,
        value_range=value_range,
    )


def _enlarged(x: Tensor) -> Tensor:
    """N×C×H×W with sides that are multiples of UNIT."""
    height, width = (-(-side // UNIT) * UNIT for side in x.shape[2:])
    if (height, width) == tuple(x.shape[2:]):
        return x
    return interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


def _projected(maps: Tensor, shares: Tensor) -> Tensor:
    """N×(1 + classes)×h×w and N×classes → N×1×h×w."""
    return maps[:, :1] + (shares[:, :, None, None] * maps[:, 1:]).sum(1, keepdim=True)


def _head(inputs: int, channels: int, outputs: int) -> nn.Sequential:
    """1×1, 3×3, 3×3, 1×1 convolutions to the logits of a place."""
    kernels, widths = (1, 3, 3, 1), (inputs, channels, channels, channels, outputs)
    layers: list[nn.Module] = []
    for kernel, (before, after) in zip(kernels, pairwise(widths), strict=True):
        convolution = nn.Conv2d(before, after, kernel, padding=kernel // 2)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])

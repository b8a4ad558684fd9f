"""Discriminators. Their outputs are logits, one per patch or pixel."""

import itertools
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from gantool.training.networks.blocks import instance_norm, start_small

Normalise = Callable[[int], nn.Module]


class PatchDiscriminator(nn.Module):
    """N×C×H×W → N×1×h×w logits, each of a 70×70 patch with three `layers`.

    C64-C128-C256-C512, 4×4, the last two with stride 1. Isola et al., «Image-to-Image Translation
    with Conditional Adversarial Networks», 2017, appendix 6.1.2.
    """

    def __init__(
        self, inputs: int, *, channels: int = 64, layers: int = 3, norm: Normalise = instance_norm
    ) -> None:
        super().__init__()
        widths = [min(channels * 2**level, channels * 8) for level in range(layers + 1)]
        blocks = [nn.Sequential(nn.Conv2d(inputs, channels, 4, 2, 1), nn.LeakyReLU(0.2))]
        for level, (before, after) in enumerate(itertools.pairwise(widths), 1):
            stride = 1 if level == layers else 2
            convolution = nn.Conv2d(before, after, 4, stride, 1)
            blocks.append(nn.Sequential(convolution, norm(after), nn.LeakyReLU(0.2)))
        self.blocks = nn.ModuleList(blocks)
        self.judge = nn.Conv2d(widths[-1], 1, 4, 1, 1)
        start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.judge(self.features(x)[-1])
        return result

    def judged(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and what `features` gives."""
        found = self.features(x)
        return self.judge(found[-1]), found

    def features(self, x: Tensor) -> list[Tensor]:
        """The output of every block but the judge, for feature matching."""
        found = []
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return found


class ScalesDiscriminator(nn.Module):
    """N×C×H×W → logits of one PatchDiscriminator per scale: the picture, its half, its quarter.

    Wang et al., «High-Resolution Image Synthesis … with Conditional GANs», 2018, section 3.2.
    """

    def __init__(self, inputs: int, *, scales: int = 3, channels: int = 64) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(inputs, channels=channels) for _ in range(scales)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        logits = []
        for discriminator in self.scales:
            logits.append(discriminator(x))
            x = avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return logits


class UnetDiscriminator(nn.Module):
    """N×C×H×W → N×1×H×W logits, one per pixel; H and W multiples of 8. Spectrally normalised.

    Schönfeld et al., «A U-Net Based Discriminator for Generative Adversarial Networks», 2020, in
    the form of Wang et al., «Real-ESRGAN», 2021.
    """

    def __init__(self, inputs: int = 3, *, channels: int = 64) -> None:
        super().__init__()
        k = channels
        self.first = nn.Conv2d(inputs, k, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(k * 2**i, k * 2 ** (i + 1), 4, 2, 1, bias=False))
            for i in range(3)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(k * 2 ** (i + 1), k * 2**i, 3, padding=1, bias=False))
            for i in reversed(range(3))
        )
        self.last = nn.ModuleList(
            spectral_norm(nn.Conv2d(k, k, 3, padding=1, bias=False)) for _ in range(2)
        )
        self.judge = nn.Conv2d(k, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.judged(x)[0]

    def judged(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the output of every level down and up, for feature matching."""
        levels = [leaky_relu(self.first(x), 0.2)]
        for layer in self.down:
            levels.append(leaky_relu(layer(levels[-1]), 0.2))
        found = list(levels)
        y = levels.pop()
        for layer in self.up:
            y = interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
            y = leaky_relu(layer(y), 0.2) + levels.pop()
            found.append(y)
        for layer in self.last:
            y = leaky_relu(layer(y), 0.2)
        return self.judge(y), found


def fold_spectral_norm(network: nn.Module) -> nn.Module:
    """Every spectrally normalised weight becomes a plain one, W/σ(W); returns `network`.

    Miyato et al., «Spectral Normalization for Generative Adversarial Networks», 2018.
    """
    for module in network.modules():
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight", leave_parametrized=True)
    return network

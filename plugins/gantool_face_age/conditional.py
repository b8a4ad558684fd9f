"""Networks of a conditional GAN of faces: from a code and an age to a face, and back."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training.networks.blocks import enlarging
from gantool_face_age.ages import GROUPS, groups

SMALL = 4
"""Side of the first features of the generator and the last ones of the others."""


class PixelNorm(nn.Module):
    """N×C×H×W: each pixel's features to a mean square of 1.

    Karras et al., «Progressive Growing of GANs», 2018, section 4.2. A face does not depend on the
    others of its batch, as it does with DCGAN's normalisation.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)


class Generator(nn.Module):
    """G: codes N×l and shares of the age groups N×GROUPS → faces N×3×s×s in [0, 1]."""

    def __init__(self, side: int, channels: int, latent: int) -> None:
        super().__init__()
        sizes = list(reversed(widths(side, channels)))
        self.first = nn.Linear(latent + GROUPS, sizes[0] * SMALL**2)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [PixelNorm(), nn.LeakyReLU(0.2), enlarging(before, after, 3, "resize")]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(sizes[-1], 3, 3, padding=1)
        start(self)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        told = torch.cat([z, y.expand(len(z), -1)], 1)
        found = self.layers(self.first(told).unflatten(1, (-1, SMALL, SMALL)))
        return 0.5 + 0.5 * torch.tanh(self.last(leaky_relu(found, 0.2)))


class Encoder(nn.Module):
    """E: faces N×3×s×s in [0, 1] → `outputs` numbers each: a code, or features."""

    def __init__(self, side: int, channels: int, outputs: int) -> None:
        super().__init__()
        sizes = widths(side, channels)
        layers: list[nn.Module] = [nn.Conv2d(3, sizes[0], 3, padding=1)]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.LeakyReLU(0.2), nn.Conv2d(before, after, 4, 2, 1)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(sizes[-1] * SMALL**2, outputs)
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        told: Tensor = self.last(leaky_relu(self.layers(2 * x - 1), 0.2).flatten(1))
        return told


class Likeness(Encoder):
    """FR: the features by which faces are told to be of one person, N×outputs of length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return normalize(super().forward(x).float(), dim=1)


class Discriminator(nn.Module):
    """D: faces N×3×s×s and shares of the age groups N×GROUPS → N×1 logits.

    The groups come in behind the first layer, as in Perarnau et al., «Invertible Conditional GANs
    for Image Editing», 2016.
    """

    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        first, *sizes = widths(side, channels)[1:]
        self.first = nn.Conv2d(3, first, 4, 2, 1)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((first + GROUPS, *sizes)):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(sizes[-1] * SMALL**2, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        seen = leaky_relu(self.first(2 * x - 1), 0.2)
        told = y[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        logits: Tensor = self.last(self.layers(torch.cat([seen, told], 1)).flatten(1))
        return logits


class Ager(nn.Module):
    """x ↦ G(E(x) + z, age): N×3×H×W in [0, 1] → the same size, drawn at s×s.

    `age` is 1×1 or N×1 years, `z` a step 1×l or N×l from the code that is found; both 0 where
    nobody says, which is the youngest group.
    """

    def __init__(self, side: int, channels: int, latent: int) -> None:
        super().__init__()
        self.side = side
        self.encoder = Encoder(side, channels, latent)
        self.generator = Generator(side, channels, latent)

    def forward(self, x: Tensor, age: Tensor | None = None, z: Tensor | None = None) -> Tensor:
        age = x.new_zeros(1, 1) if age is None else age
        code = self.encoder(scaled(x, self.side, self.side))
        face = self.generator(code if z is None else code + z, groups(age[:, 0]))
        return scaled(face, x.shape[2], x.shape[3])


def widths(side: int, channels: int) -> list[int]:
    """Channels at s×s, at half of it, … at 4×4: doubled three times at most."""
    halvings = int(math.log2(side // SMALL))
    return [channels * 2 ** min(level, 3) for level in range(halvings + 1)]


def scaled(x: Tensor, height: int, width: int) -> Tensor:
    return interpolate(x, (height, width), mode="bilinear", align_corners=False)


def start(network: nn.Module) -> None:
    """Weights that keep the strength of what they are given (He et al. 2015), in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, 0.2)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # all of them have one

"""The networks of a conditional GAN over ages: one that changes faces, one that judges them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import instance_norm, relu
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training.networks.blocks import EPS, enlarging, start_small
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool_face_age.ages import GROUPS, groups

STRIDE = 4
"""Sides must be multiples of it."""
RARE = -2.0
"""Logit that the mask starts from: most of a face stays."""


class Ager(nn.Module):
    """N×3×H×W in [0, 1] and N×1 years → x + m·d of the same size, at about that age.

    The mask m, 0..1, says where a face changes, the residual d, −1..1, how. Residual blocks at a
    quarter of the side; the age scales and shifts what they normalise. Without an age: the least.
    """

    def __init__(self, channels: int = 24, blocks: int = 5) -> None:
        super().__init__()
        k = channels
        self.full = nn.Conv2d(3, k, 3, padding=1)
        self.to_half = nn.Conv2d(k, 2 * k, 3, 2, 1)
        self.to_quarter = nn.Conv2d(2 * k, 4 * k, 3, 2, 1)
        self.blocks = nn.ModuleList(Aging(4 * k) for _ in range(blocks))
        self.up_half = enlarging(4 * k, 2 * k, 3, "resize")
        self.norm = AgeNorm(2 * k)
        self.up_full = enlarging(2 * k, k, 3, "resize")
        self.fine = nn.Conv2d(k, k, 3, padding=1)
        self.last = nn.Conv2d(k, 4, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        start_small(self.last)

    def forward(self, x: Tensor, age: Tensor | None = None) -> Tensor:
        mask, residual = self.change(x, x.new_zeros(1, 1) if age is None else age)
        return x + mask * residual

    def change(self, x: Tensor, age: Tensor) -> tuple[Tensor, Tensor]:
        """m, N×1×H×W, and d, N×3×H×W; the age is N×1, or 1×1 for all."""
        shares = groups(age[:, 0])
        full = relu(self.full(2 * x - 1))
        half = relu(self.to_half(full))
        y = relu(self.to_quarter(half))
        for block in self.blocks:
            y = block(y, shares)
        y = relu(self.norm(self.up_half(y), shares) + half)
        y = relu(self.fine(relu(self.up_full(y) + full)))
        y = self.last(y)
        return (y[:, :1] + RARE).sigmoid(), y[:, 1:].tanh()


class AgeNorm(nn.Module):
    """Instance normalisation whose scale and shift are those of an age; N×C×H×W, N×GROUPS.

    Dumoulin et al., «A Learned Representation for Artistic Style», 2017, between its styles.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(GROUPS, channels))
        self.shift = nn.Parameter(torch.zeros(GROUPS, channels) + 0.1 * torch.randn(GROUPS, channels))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        scale, shift = ((shares @ each)[:, :, None, None] for each in (self.scale, self.shift))
        return instance_norm(x, eps=EPS) * scale + shift


class Aging(nn.Module):
    """x + two 3×3 convolutions, each normalised for an age, with one ReLU between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, padding=1)
        self.other = nn.Conv2d(channels, channels, 3, padding=1)
        self.norms = nn.ModuleList(AgeNorm(channels) for _ in range(2))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        inner = relu(self.norms[0](self.one(x), shares))
        result: Tensor = x + self.norms[1](self.other(inner), shares)
        return result


class AgeJudge(nn.Module):
    """N×3×H×W and N years → N×1×h×w logits: whether a patch is of a real face of that age.

    A spectrally normalised PatchDiscriminator, the age by projection: Miyato and Koyama, «cGANs
    with Projection Discriminator», 2018.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.patches = PatchDiscriminator(3, channels=channels, norm=lambda _: nn.Identity())
        self.ages = nn.Conv2d(8 * channels, GROUPS, 4, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, 0.2)
                spectral_norm(module)

    def forward(self, x: Tensor, age: Tensor) -> Tensor:
        logits, features = self.patches.judged(2 * x - 1)
        shares = groups(age)[:, :, None, None]
        judged: Tensor = logits + (shares * self.ages(features[-1])).sum(1, keepdim=True)
        return judged

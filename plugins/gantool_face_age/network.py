"""The networks of a conditional GAN over ages: one that changes faces, one that judges them."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu, softsign

from gantool.training.networks.blocks import enlarging, instance_norm, start_small
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool_face_age.ages import GROUPS, groups

STRIDE = 4
"""Sides must be multiples of it."""
LEAST = 0.1
"""Of the mask: at 0 the residual under it would learn no more."""


class Ager(nn.Module):
    """N×3×H×W in [0, 1] and N×1 years → x + m·d of the same size, at about that age.

    The mask m, LEAST..1, says where a face changes, the residual d, −1..1, how. Residual blocks at
    a quarter of the side, normalised, scaled and shifted for an age. Without one: the youngest.
    Both are found in a picture `reduced` so many times, and enlarged.
    """

    def __init__(self, channels: int = 24, blocks: int = 4) -> None:
        super().__init__()
        k = channels
        self.reduced = 1
        self.full = nn.Conv2d(3, k, 3, padding=1)
        self.to_half = nn.Conv2d(k, 2 * k, 3, 2, 1)
        self.to_quarter = nn.Conv2d(2 * k, 4 * k, 3, 2, 1)
        self.blocks = nn.ModuleList(Aging(4 * k) for _ in range(blocks))
        self.up_half = nn.Sequential(enlarging(4 * k, 2 * k, 3, "resize"), instance_norm(2 * k))
        self.up_full = enlarging(2 * k, k, 3, "resize")
        self.fine = nn.Conv2d(k, k, 3, padding=1)
        self.last = nn.Conv2d(k, 4, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        start_small(self.last)
        for module in self.modules():
            if isinstance(module, Aging):
                start_small(module.other)

    def forward(self, x: Tensor, age: Tensor | None = None) -> Tensor:
        mask, residual = self.change(x, x.new_zeros(1, 1) if age is None else age)
        return x + mask * residual

    def change(self, x: Tensor, age: Tensor) -> tuple[Tensor, Tensor]:
        """m, N×1×H×W, and d, N×3×H×W; the age is N×1, or 1×1 for all."""
        if self.reduced > 1:
            x = avg_pool2d(x, self.reduced)
        full = relu(self.full(2 * x - 1))
        half = relu(self.to_half(full))
        y = relu(self.to_quarter(half))
        shares = groups(age[:, 0]).expand(len(x), -1)
        for block in self.blocks:
            y = block(y, shares)
        y = relu(self.up_half(y) + half)
        y = relu(self.fine(relu(self.up_full(y) + full)))
        y = self.last(y)
        if self.reduced > 1:
            y = interpolate(y, scale_factor=float(self.reduced), mode="bicubic")
        return LEAST + (1 - LEAST) * y[:, :1].sigmoid(), softsign(y[:, 1:])


class Aging(nn.Module):
    """x + two 3×3 convolutions; what is between them is normalised, scaled and shifted for an age.

    Dumoulin et al., «A Learned Representation for Artistic Style», 2017, between its styles.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), instance_norm(channels)
        )
        self.other = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(GROUPS, 2 * channels, bias=False)
        nn.init.normal_(self.film.weight, 0, 0.3)  # ages differ from the start

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        scale, shift = self.film(shares)[:, :, None, None].chunk(2, 1)
        result: Tensor = x + self.other(relu(self.one(x) * (1 + scale) + shift))
        return result


class AgeJudge(nn.Module):
    """N×3×H×W and N×GROUPS shares → N×1×h×w logits: whether a patch is of a real face of that age.

    A PatchDiscriminator, the age by projection: Miyato and Koyama, «cGANs with Projection
    Discriminator», 2018.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.patches = PatchDiscriminator(3, channels=channels)
        self.ages = nn.Conv2d(8 * channels, GROUPS, 4, 1, 1)
        start_small(self.ages)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        logits, features = self.patches.judged(2 * x - 1)
        told = shares[:, :, None, None] * self.ages(features[-1])
        judged: Tensor = logits + told.sum(1, keepdim=True)
        return judged

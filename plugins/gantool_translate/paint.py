"""Recipe `paint`: a painter's strokes and palette for photographs, from some hundred paintings.

Sauer et al., «Projected GANs Converge Faster», 2021: discriminators on the features of a fixed
network, here EfficientNet-Lite.

What is in the picture is kept by self-similarity, Kolkin et al., «Style Transfer by Relaxed
Optimal Transport and Self-Similarity», 2019.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gantool.errors import UsageError
from gantool.training.adversarial import hinge_discriminator, wasserstein_generator
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.efficientnet import EfficientNetLite, read_efficientnet
from gantool.training.networks.painter import PERIOD, PainterGenerator
from gantool.training.networks.projected import ProjectedDiscriminator, learning_real
from gantool.training.penalties import diff_augment
from gantool.training.perceptual import self_similarity_distance
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase
from gantool.training.unpaired import read_kinds
from gantool_translate.generators import level_then_falling
from gantool_translate.matching import MatchedPairs, match

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 16, "blocks": 2, "judging": 16, "crop": 64, "side": 96, "steps": 200},
    "fast": {"steps": 20_000},
    "full": {"channels": 96, "blocks": 8, "batch": 16, "steps": 200_000},
}
COST = {"tiny": "1 min", "fast": "2 h", "full": "2 weeks"}
STRUCTURE = ("expand4", "expand6")
"""Features whose self-similarity is kept."""
COARSE, PALETTE = 8, 4
"""Pixels of a side that are pooled where only light, or only colour, counts."""


@dataclass(frozen=True)
class Weights:
    """Of the generator's terms; that of the projected GAN is 1."""

    structure: float
    level: float
    palette: float
    excess: float = 5.0


@dataclass
class Paint:
    """G paints; D judges its pictures by their features, P by their colours alone: hinge
    + structure·E|Δcos| + level·(L1 + 1 − correlation of the coarse luma).
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    features: EfficientNetLite
    weights: Weights
    crop: int
    side: int
    batch: int
    matched: float
    augment: bool
    memory: Mapping[str, Memory] = field(default_factory=dict)
    fakes: Once[Tensor] = field(default_factory=Once)
    """G(a), made for the generator's turn and used again by the discriminators."""

    def dataset(self, root: Path, split: str) -> MatchedPairs:
        photographs, paintings = read_kinds(root, split, self.side)
        nearest = match(photographs, paintings, self.features)
        return MatchedPairs(photographs, paintings, nearest, self.crop, self.batch, self.matched)

    def phases(self) -> Sequence[Phase]:
        judges = ("discriminator", "palette")
        return [
            Phase("generator", self.optimizers["generator"], level_then_falling, judges),
            Phase("discriminators", self.optimizers["discriminators"], level_then_falling),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        fake = self.fakes(batch, lambda: self.networks["generator"](batch["a"]).float())
        if phase.name == "discriminators":
            return self._judging(batch["b"], fake.detach())
        weight, source = self.weights, batch["a"]
        terms = {
            "gan": wasserstein_generator(self._judge(fake)),
            "structure": weight.structure * self._structure(fake, source),
            "level": weight.level * _level(fake, source),
            "excess": weight.excess * (fake.abs() - 1).clamp(min=0).mean(),
        }
        if weight.palette:
            terms["palette"] = weight.palette * wasserstein_generator(self._colours(fake))
        return terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["a"]).clamp(-1, 1)
        columns = {"input": batch["a"], "result": result, "target": batch["b"]}
        return {title: (pictures + 1) / 2 for title, pictures in columns.items()}

    def exports(self) -> Sequence[Export]:
        contract = Contract(
            task="translate",
            multiple=4,
            align=PERIOD,
            minimum=16,
            side=self.side,
            value_range=(-1.0, 1.0),
        )
        return [Export("generator", contract, prepare=lambda network: network)]

    def _judging(self, real: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
        with learning_real(self.networks["discriminator"]):
            theirs = self._judge(real)
        terms = {"gan": hinge_discriminator(theirs, self._judge(fake))}
        if self.weights.palette:
            terms["palette"] = hinge_discriminator(self._colours(real), self._colours(fake))
        return terms

    def _judge(self, pictures: Tensor) -> Tensor:
        seen = diff_augment(pictures) if self.augment else pictures
        logits: Tensor = self.networks["discriminator"](seen)
        return logits.float()

    def _colours(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.networks["palette"](avg_pool2d(pictures, PALETTE))
        return logits.float()

    def _structure(self, fake: Tensor, source: Tensor) -> Tensor:
        ours = self.features((fake + 1) / 2, STRUCTURE)
        with torch.no_grad():
            theirs = self.features((source + 1) / 2, STRUCTURE)
        each = [self_similarity_distance(*pair) for pair in zip(ours, theirs, strict=True)]
        return torch.stack(each).mean()


def paint(
    *,
    channels: int = 48,
    blocks: int = 4,
    judging: int = 64,
    features: str = "lite0",
    crop: int = 128,
    side: int = 256,
    batch: int = 4,
    structure: float = 4.0,
    level: float = 1.0,
    palette: float = 0.0,
    matched: float = 0.8,
    augment: bool = False,
    rate: float = 5e-4,
) -> Paint:
    """Learn to paint photographs as a painter did. Data: trainA/ and trainB/, unpaired.

    trainA/ has the photographs, trainB/ the paintings; two hundred of them will do.

    channels: of the generator at half the side. blocks: residual ones at a quarter. judging:
    channels of the discriminators' heads. features: fixed network of the discriminator, lite0 or
    lite1, or a file with its weights. crop: side of the squares trained on, pixels, a multiple of
    32. side: short side that pictures are brought to, pixels. batch: pictures of each kind a step.
    structure: weight of the self-similarity of features. level: weight of the coarse luma.
    palette: weight of a discriminator that sees colours alone, pooled by 4. matched: share of
    paintings that show things like the photograph's. augment: moves and covers what the
    discriminator sees. rate: of Adam, level for half the training, then falling to 0.
    """
    if crop % 32:
        raise UsageError(f"crop={crop}: must be a multiple of 32")
    if crop > side:
        raise UsageError(f"crop={crop}: at most the {side} pixels of side")
    network = read_efficientnet(features)
    networks: dict[str, nn.Module] = {
        "generator": PainterGenerator(channels=channels, blocks=blocks),
        "discriminator": ProjectedDiscriminator(network, channels=judging, value_range=(-1.0, 1.0)),
        "palette": PatchDiscriminator(3, channels=judging // 2, layers=1, norm=_plain),
    }
    optimizers = {
        "generator": _adam([networks["generator"]], rate),
        "discriminators": _adam([networks["discriminator"], networks["palette"]], rate),
    }
    weights = Weights(structure, level, palette)
    return Paint(networks, optimizers, network, weights, crop, side, batch, matched, augment)


def _adam(networks: Sequence[nn.Module], rate: float) -> torch.optim.Adam:
    weights = [weight for network in networks for weight in network.parameters()]
    return torch.optim.Adam(weights, lr=rate, betas=(0.5, 0.99), fused=True)


def _plain(channels: int) -> nn.Module:
    return nn.Identity()


def _level(fake: Tensor, source: Tensor) -> Tensor:
    """L1 of the coarse luma, and 1 less its correlation within each picture."""
    ours, theirs = (avg_pool2d(each.mean(1, keepdim=True), COARSE) for each in (fake, source))
    a, b = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (ours, theirs))
    correlation = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-4)
    distance: Tensor = (ours - theirs).abs().mean() + (1 - correlation).mean()
    return distance

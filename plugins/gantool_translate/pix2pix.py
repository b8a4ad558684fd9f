"""Recipe `pix2pix`: from aligned pairs, the target of an input it has not seen.

Isola et al., «Image-to-Image Translation with Conditional Adversarial Networks», 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gantool.training.adversarial import HINGE, MINIMAX, Losses
from gantool.training.layouts import find
from gantool.training.networks.blocks import Up
from gantool.training.networks.projected import (
    DiscriminatorKind,
    learning_real,
    make_discriminator,
)
from gantool.training.pairs import Pairs, read_pairs
from gantool.training.penalties import diff_augment
from gantool.training.system import Batch, Export, Memory, Once, Phase
from gantool_translate.generators import (
    adam,
    contract_of,
    generator_named,
    level_then_falling,
    side_of,
)

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {
        "generator": "unet-64",
        "channels": 16,
        "judging": 16,
        "crop": 64,
        "rate": 1e-3,
        "steps": 400,
    },
    "fast": {
        "generator": "unet-128",
        "channels": 32,
        "judging": 32,
        "crop": 128,
        "batch": 4,
        "rate": 1e-3,
        "steps": 4_000,
    },
    "full": {"steps": 80_000},
}  # full: 200 epochs of the 400 facades
COST = {"tiny": "1 min", "fast": "1 h", "full": "2 days"}
Generator = Literal["unet-64", "unet-128", "unet-256", "resnet-6", "resnet-9"]


@dataclass
class Pix2Pix:
    """Generator G and discriminator D: min_G max_D L_cGAN(G, D) + λ·L1(G)."""

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    generator: str
    l1: float
    crop: int
    batch: int
    made_from: str
    losses: Losses
    augment: bool
    fakes: Once[Tensor] = field(default_factory=Once)
    """G(input), made for the discriminator's turn and used again in the generator's."""
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> Pairs:
        made_from = self.made_from or None
        pairs = read_pairs(find(root, split), side_of(self.crop), made_from=made_from)
        return Pairs(pairs, self.crop, self.batch)

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("discriminator", self.optimizers["discriminator"], level_then_falling),
            Phase(
                "generator", self.optimizers["generator"], level_then_falling, ("discriminator",)
            ),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        fake = self.fakes(batch, lambda: self.networks["generator"](batch["input"]))
        if phase.name == "discriminator":
            ours = self._judged(batch, fake.detach())
            with learning_real(self.networks["discriminator"]):
                theirs = self._judged(batch, batch["target"])
            return {"gan": self.losses.discriminator(theirs, ours) / 2}  # halved, as in the paper
        distance = (fake.float() - batch["target"]).abs().mean()
        return {
            "gan": self.losses.generator(self._judged(batch, fake)),
            "l1": self.l1 * distance,
        }

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        columns = {
            "input": batch["input"],
            "result": networks["generator"](batch["input"]),
            "target": batch["target"],
        }
        return {title: (pictures + 1) / 2 for title, pictures in columns.items()}

    def exports(self) -> Sequence[Export]:
        contract = contract_of(self.generator, self.crop)
        return [Export("generator", contract, prepare=lambda network: network)]

    def _judged(self, batch: Batch, target: Tensor) -> Tensor:
        """D sees the input beside the target: the condition of the cGAN."""
        both = torch.cat([batch["input"], target], dim=1)
        if self.augment:
            both = diff_augment(both)
        logits: Tensor = self.networks["discriminator"](both)
        return logits.float()


def pix2pix(
    *,
    generator: Generator = "unet-256",
    channels: int = 64,
    up: Up = "resize",
    discriminator: DiscriminatorKind = "patches",
    judging: int = 64,
    features: str = "lite0",
    augment: bool = False,
    crop: int = 256,
    batch: int = 1,
    l1: float = 100.0,
    rate: float = 2e-4,
    from_: Literal["", "edges", "grey", "lowres"] = "",
) -> Pix2Pix:
    """Learn a translation from aligned pairs (conditional GAN + L1). Data: pairs.

    generator: U-Net for sides of 64, 128 or 256 pixels, or ResNet with 6 or 9 blocks. channels: of
    its first layer. up: resize, then convolve, or transposed convolutions as in the paper, which
    may leave a checkerboard. discriminator: judges patches, as in the paper, or by projected
    features, with the hinge. judging: channels of its first layer, or of its heads. features: fixed
    network of a projected one, lite0 or lite1, or a file with its weights. augment: moves and
    covers what the discriminator sees, for few pairs. crop: side of the squares trained on, pixels.
    batch: pairs a step. l1: weight λ of the distance. rate: of Adam, level for half the training,
    then falling to 0. from: makes the inputs from a plain folder of targets.
    """
    networks = {
        "generator": generator_named(generator, channels=channels, crop=crop, up=up),
        "discriminator": make_discriminator(discriminator, features, inputs=6, channels=judging),
    }
    optimizers = {name: adam([network], rate) for name, network in networks.items()}
    losses = HINGE if discriminator == "projected" else MINIMAX
    return Pix2Pix(networks, optimizers, generator, l1, crop, batch, from_, losses, augment)

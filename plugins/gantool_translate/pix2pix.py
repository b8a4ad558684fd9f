"""Recipe `pix2pix`: from aligned pairs, the target of an input it has not seen.

Isola et al., «Image-to-Image Translation with Conditional Adversarial Networks», 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gantool.training.adversarial import minimax_discriminator, nonsaturating_generator
from gantool.training.layouts import find
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.resnet import ResnetGenerator
from gantool.training.networks.unet import UnetGenerator
from gantool.training.pairs import Pairs, read_pairs
from gantool.training.system import Batch, Contract, Export, Phase

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"generator": "unet-64", "channels": 16, "crop": 64, "steps": 400},
    "fast": {"generator": "unet-128", "channels": 32, "crop": 128, "steps": 8_000},
    "full": {"generator": "unet-256", "channels": 64, "crop": 256, "steps": 80_000},
}
DEPTHS = {"unet-64": 6, "unet-128": 7, "unet-256": 8}
BLOCKS = {"resnet-6": 6, "resnet-9": 9}
Generator = Literal["unet-64", "unet-128", "unet-256", "resnet-6", "resnet-9"]


@dataclass
class Pix2Pix:
    """Generator G and patch discriminator D: min_G max_D L_cGAN(G, D) + λ·L1(G)."""

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    multiple: int
    l1: float
    crop: int
    batch: int
    made_from: str
    fake: Tensor = field(init=False, repr=False)
    """G(input), made for the discriminator's turn and used again in the generator's."""

    def dataset(self, root: Path) -> Pairs:
        side = round(self.crop * 286 / 256)  # the paper's jitter
        pairs = read_pairs(find(root), side, made_from=self.made_from or None)
        return Pairs(pairs, self.crop, self.batch)

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("discriminator", self.optimizers["discriminator"], level_then_falling),
            Phase(
                "generator", self.optimizers["generator"], level_then_falling, ("discriminator",)
            ),
        ]

    def loss(self, phase: Phase, batch: Batch) -> Mapping[str, Tensor]:
        if phase.name == "discriminator":
            self.fake = self.networks["generator"](batch["input"])
            real = self._judged(batch, batch["target"])
            fake = self._judged(batch, self.fake.detach())
            return {"gan": minimax_discriminator(real, fake) / 2}  # halved, as in the paper
        distance = (self.fake.float() - batch["target"]).abs().mean()
        gan = nonsaturating_generator(self._judged(batch, self.fake))
        return {"gan": gan, "l1": self.l1 * distance}

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        columns = {
            "input": batch["input"],
            "result": networks["generator"](batch["input"]),
            "target": batch["target"],
        }
        return {title: (pictures + 1) / 2 for title, pictures in columns.items()}

    def exports(self) -> Sequence[Export]:
        contract = Contract(
            task="translate",
            multiple=self.multiple,
            align=self.multiple,
            minimum=max(16, self.multiple),
            value_range=(-1.0, 1.0),
        )
        return [Export("generator", contract, prepare=lambda network: network)]

    def _judged(self, batch: Batch, target: Tensor) -> Tensor:
        """D sees the input beside the target: the condition of the cGAN."""
        both = torch.cat([batch["input"], target], dim=1)
        logits: Tensor = self.networks["discriminator"](both)
        return logits.float()


def pix2pix(
    *,
    generator: Generator = "unet-256",
    channels: int = 64,
    crop: int = 256,
    batch: int = 1,
    l1: float = 100.0,
    rate: float = 2e-4,
    made_from: str = "",
) -> Pix2Pix:
    """Learn a translation from aligned pairs (conditional GAN + L1). Data: pairs.

    generator: unet-64, unet-128, unet-256, resnet-6 or resnet-9. channels: of the first layer of
    both networks. crop: side of the squares trained on, pixels. batch: pairs a step. l1: weight λ
    of the distance. rate: of Adam, level for half the training, then falling to 0. made_from:
    edges, grey or lowres makes the inputs from a plain folder of targets.
    """
    network: nn.Module
    if generator in DEPTHS:
        network = UnetGenerator(channels=channels, depth=DEPTHS[generator])
    else:
        network = ResnetGenerator(channels=channels, blocks=BLOCKS[generator])
    networks = {"generator": network, "discriminator": PatchDiscriminator(6, channels=channels)}
    optimizers = {
        name: torch.optim.Adam(each.parameters(), lr=rate, betas=(0.5, 0.999))
        for name, each in networks.items()
    }
    multiple = 2 ** DEPTHS.get(generator, 2)
    return Pix2Pix(networks, optimizers, multiple, l1, crop, batch, made_from)


def level_then_falling(fraction: float) -> float:
    """1 for the first half of the training, then linearly to 0."""
    return min(1.0, 2 * (1 - fraction))

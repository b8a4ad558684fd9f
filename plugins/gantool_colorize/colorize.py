"""Recipe `colorize`: the colours of grey photographs, learned from any photographs.

Isola et al., «Image-to-Image Translation with Conditional Adversarial Networks», 2017, on the
NoGAN schedule: regression for most of the time, then the discriminator learns alone, then it is
listened to for a short while.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gantool.errors import UsageError
from gantool.training.adversarial import HINGE, MINIMAX, Losses
from gantool.training.layouts import find
from gantool.training.networks.projected import (
    DiscriminatorKind,
    learning_real,
    make_discriminator,
)
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase
from gantool_colorize.classes import ClassNet, class_error
from gantool_colorize.crops import ColourCrops, read_crops
from gantool_colorize.encoders import read_encoder
from gantool_colorize.network import STRIDE, ColourNet, chroma_of, coloured, luma, offsets, restore

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 8, "judging": 8, "crop": 64, "batch": 4, "steps": 400},
    "fast": {"steps": 8_000},
    "full": {"channels": 64, "judging": 64, "crop": 256, "batch": 32, "steps": 200_000},
}
COST = {"tiny": "1 min", "fast": "2 h", "full": "1 month"}
Mode = Literal["regression", "classes"]
HEAD_START = 0.9
"""Share of the time before the GAN begins after which the discriminator learns alone."""
FLOOR = 1e-4
"""Squared error from which on a picture is no longer improved: 40 dB."""


@dataclass
class Colorize:
    """G gives chroma; D tells its pictures from photographs, once it is its time."""

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    crop: int
    batch: int
    mode: Mode
    uniform: float
    gan: float
    start: float
    losses: Losses
    memory: Mapping[str, Memory] = field(default_factory=dict)
    found: Once[Tensor] = field(default_factory=Once)
    """What G finds, made for its own turn and used again in the discriminator's."""

    def dataset(self, root: Path, split: str) -> ColourCrops:
        uniform = self.uniform if self.mode == "classes" else None
        return read_crops(find(root, split), self.crop, self.batch, uniform=uniform)

    def phases(self) -> Sequence[Phase]:
        if not self.gan:
            return [Phase("generator", self.optimizers["generator"], cosine)]
        rate = partial(falling, start=self.start)
        judge = partial(late, start=HEAD_START * self.start)
        return [
            Phase("generator", self.optimizers["generator"], rate, ("discriminator",)),
            Phase("discriminator", self.optimizers["discriminator"], judge),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        network = cast(ColourNet, self.networks["generator"])
        found = self.found(batch, lambda: network.found(batch["input"]).float())
        chroma = network.chroma_of(found)
        picture = coloured(luma(batch["target"]), chroma)
        if phase.name == "discriminator":
            with learning_real(self.networks["discriminator"]):
                real = self._judged(batch["target"])
            return {"gan": self.losses.discriminator(real, self._judged(picture.detach()))}
        if self.mode == "classes":
            terms = {"classes": class_error(found, chroma_of(batch["target"]), batch["weight"])}
        else:
            terms = {"error": picture_error(chroma, batch["target"])}
        if self.gan and fraction >= self.start:
            terms["gan"] = self.gan * self.losses.generator(self._judged(picture))
        return terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["input"])
        return {"input": batch["input"], "result": result, "target": batch["target"]}

    def exports(self) -> Sequence[Export]:
        contract = Contract(task="colorize", multiple=STRIDE, align=STRIDE, side=256)
        return [Export("generator", contract, lambda network: network, restore)]

    def _judged(self, picture: Tensor) -> Tensor:
        """At half the size: what is finer than that is luma, which both have."""
        logits: Tensor = self.networks["discriminator"](avg_pool2d(picture, 2))
        return logits.float()


def colorize(
    *,
    channels: int = 32,
    judging: int = 32,
    crop: int = 192,
    batch: int = 16,
    mode: Mode = "regression",
    uniform: float = 0.5,
    temperature: float = 0.38,
    gan: float = 0.02,
    discriminator: DiscriminatorKind = "patches",
    features: str = "lite0",
    encoder: str = "",
    start: float = 0.8,
    rate: float = 1e-3,
    decay: float = 0.01,
) -> Colorize:
    """Colours for grey photographs, by regression and then a GAN. Data: a folder of photos.

    channels: of the network at a quarter of the side. judging: channels of the discriminator's
    first layer, or of its heads. crop: side of the squares trained on, pixels, a multiple of 32.
    batch: squares a step. mode: finds the colour itself, or shares of classes of colours, of which
    rare ones weigh more. uniform: share of an even distribution in what rarity is measured by; 1
    weighs all classes alike. temperature: of the mean over classes, from 1, which is paler, to
    near 0, which is blotchy. gan: weight of the GAN; 0 leaves it out. discriminator: judges
    patches, as in the paper, or by projected features, with the hinge. features: fixed network of
    a projected one, lite0 or lite1, or a file with its weights. encoder: network trained on
    ImageNet that takes the place of the way down and learns at a tenth of the rate: lite0 or lite1
    as installed, or a file with the weights of either or of torchvision's ResNet-18, which has
    channels of its own. start: fraction of the training before the GAN begins. rate: of Adam,
    falling by a cosine. decay: of the weights.
    """
    check(crop)
    check_classes(uniform, temperature)
    seeing = read_encoder(encoder) if encoder else None
    if mode == "classes":
        generator: ColourNet = ClassNet(channels, encoder=seeing, temperature=temperature)
    else:
        generator = ColourNet(channels, encoder=seeing)
    judge = make_discriminator(discriminator, features, channels=judging, value_range=(0.0, 1.0))
    networks = {"generator": generator, "discriminator": judge}
    optimizers = {
        "generator": torch.optim.AdamW(groups(generator, rate), rate, weight_decay=decay),
        "discriminator": torch.optim.Adam(judge.parameters(), 2e-4, betas=(0.5, 0.999)),
    }
    losses = HINGE if discriminator == "projected" else MINIMAX
    return Colorize(networks, optimizers, crop, batch, mode, uniform, gan, start, losses)


def groups(network: ColourNet, rate: float) -> list[dict[str, Any]]:
    """Of an optimizer: all weights, those of an encoder that has learnt already at rate/10."""
    learnt = list(network.encoder.parameters()) if network.encoder else []
    known = set(map(id, learnt))
    others = [weight for weight in network.parameters() if id(weight) not in known]
    return [{"params": others}, *([{"params": learnt, "lr": rate / 10}] if learnt else [])]


def check(crop: int) -> None:
    """Raises UsageError for a side that the network cannot take."""
    if crop % STRIDE:
        raise UsageError(f"crop={crop}: must be a multiple of {STRIDE}")


def check_classes(uniform: float, temperature: float) -> None:
    """Raises UsageError for options that no mean over classes can have."""
    if not 0 < uniform <= 1:
        raise UsageError(f"uniform={uniform:g}: must be above 0 and at most 1")
    if temperature <= 0:
        raise UsageError(f"temperature={temperature:g}: must be above 0")


def picture_error(chroma: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures of ½·log of the mean squared error in RGB: what their PSNR goes by.

    A pale picture counts as much as a colourful one.
    """
    squares = offsets(chroma - chroma_of(target)).square().mean((1, 2, 3))
    return 0.5 * (squares + FLOOR).log().mean()


def cosine(fraction: float) -> float:
    """From 1 down to 0.01 along half a cosine."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))


def falling(fraction: float, *, start: float) -> float:
    """From 1 by a cosine to a hundredth at `start`; from there a tenth, falling again."""
    if fraction < start:
        return cosine(fraction / start)
    return 0.1 * cosine((fraction - start) / (1 - start))


def late(fraction: float, *, start: float) -> float:
    """0 before `start`, then 1."""
    return 0.0 if fraction < start else 1.0

"""Recipe `idcgan`: rain or snow taken off photographs by a conditional GAN.

Zhang, Sindagi and Patel, «Image De-raining Using a Conditional Generative Adversarial Network»,
2017.

The generator is a small residual one, which runs on frames of any size, and it learns by pixels
alone before the GAN joins.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.adversarial import HINGE, MINIMAX, Losses
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.plain import fuse, unfuse
from gantool.training.networks.projected import (
    DiscriminatorKind,
    ProjectedDiscriminator,
    learning_real,
    make_discriminator,
)
from gantool.training.networks.vgg import VggFeatures, read_vgg
from gantool.training.penalties import feature_matching
from gantool.training.system import Batch, Contract, Dataset, Export, Memory, Once, Phase
from gantool.training.weather import Weather
from gantool_derain.network import STRIDE, Derainer
from gantool_derain.pairs import dataset

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 16, "layers": 2, "critic": 8, "batch": 4, "crop": 64, "steps": 1_000},
    "fast": {"steps": 9_000},
    "full": {"channels": 64, "layers": 12, "critic": 48, "batch": 16, "steps": 200_000},
}
COST = {"tiny": "1 min", "fast": "1 h", "full": "2 weeks"}
Judge = PatchDiscriminator | ProjectedDiscriminator
HEAD_START = 0.95
"""Share of the time before the GAN begins after which the discriminator learns."""


@dataclass(frozen=True)
class Weights:
    """λ of the generator's terms; that of the Euclidean loss is 1."""

    adversarial: float
    perceptual: float


@dataclass(frozen=True)
class Inputs:
    """What is trained on; see `pairs.dataset`."""

    weather: Weather
    batch: int
    crop: int
    clean: float


@dataclass
class Idcgan:
    """G takes the weather off; D sees what G saw and tells its pictures from those without.

    The Euclidean loss throughout; from the fraction `start` of the training on also the
    adversarial and the perceptual loss: VGG-19's features where its weights are given, else D's.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    weights: Weights
    inputs: Inputs
    start: float
    soft: float
    losses: Losses
    vgg: VggFeatures | None = None
    memory: Mapping[str, Memory] = field(default_factory=dict)
    guess: Once[Tensor] = field(default_factory=Once)

    def dataset(self, root: Path, split: str) -> Dataset:
        it = self.inputs
        return dataset(root, split, weather=it.weather, crop=it.crop, size=it.batch, clean=it.clean)

    def phases(self) -> Sequence[Phase]:
        judge = partial(late, start=HEAD_START * self.start)
        return [
            Phase("generator", self.optimizers["generator"], falling, ("discriminator",)),
            Phase("discriminator", self.optimizers["discriminator"], judge),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        guess = self.guess(batch, lambda: self.networks["generator"](batch["input"]).float())
        if phase.name == "discriminator":
            with learning_real(self.networks["discriminator"]):
                real, _ = self._judged(batch, batch["target"])
            fake, _ = self._judged(batch, guess.detach())
            return {"adversarial": self.losses.discriminator(real, fake)}
        terms = {"euclidean": euclidean(guess, batch["target"], self.soft)}
        return {**terms, **self._fooling(batch, guess)} if fraction >= self.start else terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["input"])
        return {"input": batch["input"], "result": result, "target": batch["target"]}

    def exports(self) -> Sequence[Export]:
        contract = Contract(task="derain", multiple=STRIDE, align=STRIDE)
        return [Export("generator", contract, prepare=fuse, restore=unfuse)]

    def _fooling(self, batch: Batch, guess: Tensor) -> Mapping[str, Tensor]:
        """The generator's terms once there is a discriminator."""
        weight, target = self.weights, batch["target"]
        fake, ours = self._judged(batch, guess)
        terms = {"adversarial": weight.adversarial * self.losses.generator(fake)}
        if not weight.perceptual:
            return terms
        with torch.no_grad():
            theirs = [self.vgg(target)] if self.vgg else self._judged(batch, target)[1]
        seen = [self.vgg(guess)] if self.vgg else ours
        return {**terms, "perceptual": weight.perceptual * feature_matching(theirs, seen)}

    def _judged(self, batch: Batch, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """D's logits and features of a picture beside the condition: what is given with it."""
        discriminator = cast(Judge, self.networks["discriminator"])
        logits, features = discriminator.judged(torch.cat([batch["input"], picture], dim=1))
        return logits.float(), features


def idcgan(
    *,
    weather: Literal["rain", "snow"] = "rain",
    channels: int = 40,
    layers: int = 8,
    discriminator: DiscriminatorKind = "patches",
    projection: str = "lite0",
    critic: int = 16,
    batch: int = 6,
    crop: int = 128,
    clean: float = 0.1,
    adversarial: float = 0.001,
    perceptual: float = 0.05,
    soft: float = 1e-3,
    features: str = "",
    start: float = 0.9,
    rate: float = 1e-3,
    critic_rate: float = 2e-4,
) -> Idcgan:
    """Take rain or snow off photographs, with a conditional GAN. Data: a folder of photos.

    Rain or snow is drawn over the photos by chance. Pairs, the input in rain or snow, are taken as
    they are.

    weather: what is drawn over photos. channels: of the network at half the size. layers: of its
    body. discriminator: judges patches, as in the paper, or by projected features, with the hinge.
    projection: fixed network of a projected one, lite0 or lite1, or a file with its weights.
    critic: channels of the discriminator, or of its heads. batch: pairs a step. crop: side of a
    crop, pixels, a multiple of 4. clean: share of the crops without weather, to be left as they
    are. adversarial, perceptual: weights of these losses beside the Euclidean one. soft: distance,
    in pictures from 0 to 1, up to which that one counts by its square, as the paper's always does.
    features: file with the weights of torchvision's VGG-19 for the perceptual loss, .pth or
    .safetensors; none, the discriminator's features. start: fraction of the training before the GAN
    begins. rate: of Adam, falling by a cosine to a hundredth. critic_rate: of the discriminator's.
    """
    if crop % STRIDE:
        raise UsageError(f"crop={crop}: must be a multiple of {STRIDE}")
    vgg = read_vgg(Path(features), "conv2_2") if features else None
    networks = {
        "generator": Derainer(channels, layers),
        "discriminator": make_discriminator(
            discriminator,
            projection,
            inputs=6,
            channels=critic,
            layers=2,
            value_range=(0.0, 1.0),
        ),
    }
    rates = {"generator": rate, "discriminator": critic_rate}
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=rates[name], betas=(0.9, 0.99))
        for name, network in networks.items()
    }
    weights = Weights(adversarial, perceptual)
    inputs = Inputs(weather, batch, crop, clean)
    losses = HINGE if discriminator == "projected" else MINIMAX
    return Idcgan(networks, optimizers, weights, inputs, start, soft, losses, vgg)


def euclidean(one: Tensor, other: Tensor, soft: float) -> Tensor:
    """Mean distance of two pictures' pixels in their colours; N×3×H×W → a scalar.

    √(‖·‖² + soft²) − soft: by its square the paper's few bright streaks would outweigh all else.
    """
    squares = ((one - other) ** 2).sum(dim=1)
    return ((squares + soft**2).sqrt() - soft).mean()


def falling(fraction: float) -> float:
    """From 1 down to 0.01 along half a cosine."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))


def late(fraction: float, *, start: float) -> float:
    """0 before `start`, then 1."""
    return float(fraction >= start)

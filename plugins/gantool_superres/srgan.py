"""Recipe `srgan`: super-resolution for photographs as they are found, sharp and without traces.

Ledig et al., «Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network», 2017.

The degraded inputs and the U-Net that judges are those of Wang et al., «Real-ESRGAN», 2021.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch
from numpy.random import Generator
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training import quantisation
from gantool.training.adversarial import relativistic_discriminator, relativistic_generator
from gantool.training.data import Photos, ReducedPairs
from gantool.training.degrade import Bytes
from gantool.training.layouts import find
from gantool.training.networks.discriminators import PatchDiscriminator, UnetDiscriminator
from gantool.training.networks.plain import Activation, PlainUpscaler
from gantool.training.networks.projected import (
    ProjectedDiscriminator,
    learning_real,
    make_discriminator,
)
from gantool.training.networks.vgg import VggFeatures, read_vgg
from gantool.training.penalties import feature_matching
from gantool.training.photo_degradation import degraded
from gantool.training.quantisation import Quantise
from gantool.training.spectral import spectral_distance, stride_distance
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 16, "layers": 2, "critic": 8, "batch": 4, "crop": 24, "steps": 2_000},
    "fast": {"steps": 15_000},
    "full": {
        "channels": 64,
        "layers": 16,
        "discriminator": "unet",
        "critic": 64,
        "batch": 32,
        "crop": 64,
        "steps": 300_000,
    },
}
COST = {"tiny": "1 min", "fast": "1 h", "full": "1 year"}

Discriminator = Literal["patches", "unet", "projected"]
Depth = Literal["conv2_2", "conv5_4"]
Judge = PatchDiscriminator | UnetDiscriminator | ProjectedDiscriminator
HEAD_START = 0.9
"""Share of the time before the GAN begins after which the discriminator learns: one that knows
nothing yet would print its own pattern on the pictures."""


@dataclass(frozen=True)
class Weights:
    """Of the generator's terms; that of the pixels' L1 is 1."""

    frequency: float
    stride: float
    matching: float
    gan: float
    content: float


@dataclass(frozen=True)
class Degraded:
    """What the inputs are: crops of photographs, and how many of them are harmed little."""

    scale: int
    batch: int
    crop: int
    clean: float
    light: float

    def __call__(self, frame: Bytes, random: Generator) -> Bytes:
        return degraded(frame, self.scale, random, clean=self.clean, light=self.light)


@dataclass
class Srgan:
    """G enlarges harmed photographs; D tells what it gives from the sharp ones.

    L1 and the spectra's L1 throughout; from the fraction `start` of the training on also the
    relativistic average GAN, the features of D, and those of VGG-19 where its weights are given.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    weights: Weights
    inputs: Degraded
    start: float
    drop: float
    """What the generator's rate has fallen to by `start`."""
    content: VggFeatures | None = None
    memory: Mapping[str, Memory] = field(default_factory=dict)
    guess: Once[Tensor] = field(default_factory=Once)

    def dataset(self, root: Path, split: str) -> ReducedPairs:
        scale, crop = self.inputs.scale, self.inputs.crop
        smallest = (crop + 2 * ReducedPairs.margin) * scale
        photos = Photos(find(root, split), sizes=(1.0, 0.75, 0.5), smallest=smallest)
        return ReducedPairs(photos, scale, crop, self.inputs.batch, lower=self.inputs)

    def phases(self) -> Sequence[Phase]:
        generator = partial(falling, start=self.start, drop=self.drop)
        judge = partial(late, start=HEAD_START * self.start)
        return [
            Phase("generator", self.optimizers["generator"], generator, ("discriminator",)),
            Phase("discriminator", self.optimizers["discriminator"], judge),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        high = batch["high"]
        quantisation.observe(self.networks["generator"], fraction)
        guess = self.guess(batch, lambda: self.networks["generator"](batch["low"]).float())
        if phase.name == "discriminator":
            return self._judging(high, guess.detach())
        weight = self.weights
        terms = {"l1": (guess - high).abs().mean()}
        if weight.frequency:
            terms["frequency"] = weight.frequency * spectral_distance(guess, high)
        return {**terms, **self._fooling(high, guess)} if fraction >= self.start else terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        low, high = batch["low"], batch["high"]
        return {"input": low, "result": networks["generator"](low), "target": high}

    def exports(self) -> Sequence[Export]:
        contract = Contract(task="superres", scale=self.inputs.scale)
        return quantisation.exports("generator", self.networks["generator"], contract)

    def _fooling(self, high: Tensor, guess: Tensor) -> Mapping[str, Tensor]:
        """The generator's terms once there is a discriminator."""
        weight = self.weights
        discriminator = cast(Judge, self.networks["discriminator"])
        with torch.no_grad():
            real, sharp = discriminator.judged(high)
        fake, ours = discriminator.judged(guess)
        terms = {"gan": weight.gan * relativistic_generator(real.float(), fake.float())}
        if weight.stride:
            terms["stride"] = weight.stride * stride_distance(guess, high, self.inputs.scale)
        if weight.matching:
            terms["matching"] = weight.matching * feature_matching(sharp, ours)
        if self.content is not None:
            vgg = self.content.to(high.device)
            terms["content"] = weight.content * feature_matching([vgg(high)], [vgg(guess)])
        return terms

    def _judging(self, high: Tensor, guess: Tensor) -> Mapping[str, Tensor]:
        """Both kinds at once: one step of the power iteration, and both by the same σ."""
        with learning_real(self.networks["discriminator"], len(high)):
            logits: Tensor = self.networks["discriminator"](torch.cat([high, guess])).float()
        real, fake = logits.chunk(2)
        return {"gan": relativistic_discriminator(real, fake)}


def srgan(
    *,
    scale: int = 4,
    channels: int = 48,
    layers: int = 8,
    activation: Activation = "leaky",
    discriminator: Discriminator = "patches",
    projection: str = "lite0",
    critic: int = 32,
    batch: int = 8,
    crop: int = 32,
    clean: float = 0.25,
    light: float = 0.3,
    frequency: float = 0.5,
    stride: float = 3.0,
    matching: float = 1.0,
    gan: float = 0.03,
    content: float = 1.0,
    features: str = "",
    depth: Depth = "conv5_4",
    start: float = 0.3,
    rate: float = 1e-3,
    gan_rate: float = 2e-4,
    critic_rate: float = 2e-4,
    quantise: Quantise = "",
) -> Srgan:
    """Super-resolution for photographs as they are found, with a GAN. Data: a folder of photos.

    Inputs are made from the photos: blurred, noisy, saved as JPEG. The networks of
    superres-fidelity fit, to start from.

    scale: enlargement of each side. channels, layers: width and depth of the plain stack.
    activation: relu is faster in int8. discriminator: judges patches of 34 pixels, every pixel
    by a U-Net, or projected features. projection: fixed network of a projected one, lite0 or
    lite1, or a file with its weights. critic: channels of the discriminator, or of its heads.
    batch: pairs a step. crop: side of a low-resolution crop, pixels; times the scale a multiple of
    8. clean: share of inputs that are reduced and nothing else. light: share of inputs that are
    reduced and saved as JPEG. frequency: weight of the spectra's L1. stride: weight of patterns
    that repeat with the scale. matching: weight of the discriminator's features. gan: weight of
    the relativistic GAN. content: weight of VGG's features. features: file with the weights of
    torchvision's VGG-19, .pth or .safetensors; none, no such term. depth: layer of VGG-19 that is
    compared. start: fraction of the training before the GAN begins. rate: of Adam until then,
    falling by a cosine. gan_rate: of the generator's Adam from then on, level, then falling by a
    cosine. critic_rate: the same of the discriminator's. quantise: int8 to train for integers of
    8 bits, from a model given by --init; none, in floats.
    """
    if scale * crop % 8:
        raise UsageError(f"crop={crop}: {scale} times the crop must be a multiple of 8")
    vgg = read_vgg(Path(features), depth) if features else None
    networks = {
        "generator": quantisation.quantised(
            PlainUpscaler(scale, channels, layers, activation=activation), quantise
        ),
        "discriminator": UnetDiscriminator(channels=critic)
        if discriminator == "unet"
        else make_discriminator(
            discriminator, projection, channels=critic, layers=2, value_range=(0.0, 1.0)
        ),
    }
    rates = {"generator": max(rate, gan_rate), "discriminator": critic_rate}
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=rates[name], betas=(0.9, 0.99))
        for name, network in networks.items()
    }
    weights = Weights(frequency, stride, matching, gan, content)
    drop = gan_rate / rates["generator"]
    inputs = Degraded(scale, batch, crop, clean, light)
    return Srgan(networks, optimizers, weights, inputs, start, drop, vgg)


def falling(fraction: float, *, start: float, drop: float) -> float:
    """From 1 by a cosine to `drop` at `start`, then `drop` times what `late` gives."""
    if fraction < start:
        return drop + (1 - drop) * cosine(fraction / start)
    return drop * late(fraction, start=start)


def late(fraction: float, *, start: float) -> float:
    """0 before `start`; then 1 for half of what is left, and by a cosine to 0.05."""
    if fraction < start:
        return 0.0
    part = (fraction - start) / (1 - start)
    return 0.05 + 0.95 * cosine(max(0.0, 2 * part - 1))


def cosine(fraction: float) -> float:
    """From 1 down to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * fraction))

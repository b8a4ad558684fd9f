"""Recipe `superres-distilled`: a small network that learns what a large one makes of photographs.

Hinton et al., «Distilling the Knowledge in a Neural Network», 2015: the target is the output of a
teacher, so that the discriminator never sees dirt as real.

A teacher is Wang et al., «Real-ESRGAN», 2021. Features are compared as in Johnson et al.,
«Perceptual Losses …», 2016, by EfficientNet-Lite; the GAN is SRGAN's, Ledig et al.,
«Photo-Realistic Single Image Super-Resolution …», 2017, on the luma.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training import quantisation
from gantool.training.adversarial import relativistic_discriminator, relativistic_generator
from gantool.training.balance import Balance
from gantool.training.found_pairs import FoundPairs
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.efficientnet import EfficientNetLite, read_efficientnet
from gantool.training.networks.plain import Activation, PlainUpscaler
from gantool.training.options import ModelFile
from gantool.training.penalties import feature_matching
from gantool.training.perceptual import feature_distance, same_window
from gantool.training.quantisation import Quantise
from gantool.training.spectral import spectral_distance, stride_distance
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase
from gantool.training.taught_crops import SIDE, Kind, TaughtCrops, default_folder
from gantool_superres.sources import Source

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {
        "channels": 16, "layers": 2, "critic": 8, "batch": 4, "crop": 16, "crops": 24, "steps": 500,
    },
    "fast": {"crops": 2_000, "steps": 20_000},
    "full": {"steps": 170_000},
}  # fmt: skip
COST = {"tiny": "1 min", "fast": "1 h", "full": "8 h"}

Stage = Literal["pixels", "features", "gan"]
RATES: Mapping[Stage, float] = {"pixels": 1e-3, "features": 3e-4, "gan": 2e-4}
TAPS = ("block0", "block2", "block4", "block7")
"""Features at 1/2, 1/4, 1/8 and 1/16 of the side."""
LUMA = (0.299, 0.587, 0.114)
LEVEL, LAST = 0.4, 0.02
"""Share of the time for which rates are level, and what they fall to; `pixels` falls all along."""
ALL_OF_IT = {"denoise": {"shape": [1], "default": 1.0}}


@dataclass(frozen=True)
class Weights:
    """Of the terms that have a fixed one; that of the pixels' L1 is 1."""

    frequency: float
    stride: float
    matching: float


@dataclass
class Distilled:
    """G enlarges harmed photographs as the teacher does; D tells the two apart by their luma.

    pixels: L1 and the spectra's L1. features: L1 and features. gan: these, the relativistic
    average GAN, the stride's pattern and the features of D.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    source: Source
    stage: Stage
    weights: Weights
    balance: Balance
    contract: Contract
    looks: str
    """The feature network, by name or file."""
    alone: float
    memory: Mapping[str, Memory] = field(default_factory=dict)
    guess: Once[Tensor] = field(default_factory=Once)

    def dataset(self, root: Path, split: str) -> FoundPairs | TaughtCrops:
        if self.stage != "pixels":
            _ = self.features  # missing weights are named before anything starts
        return self.source.dataset(root, split)

    def phases(self) -> Sequence[Phase]:
        if self.stage != "gan":
            rate = cosine if self.stage == "pixels" else level_then_cosine
            return [Phase("generator", self.optimizers["generator"], rate)]
        late = partial(after, start=self.alone)
        return [
            Phase("generator", self.optimizers["generator"], late, ("discriminator",)),
            Phase("discriminator", self.optimizers["discriminator"], level_then_cosine),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        quantisation.observe(self.networks["generator"], fraction)
        high = batch["high"]
        guess = self.guess(batch, lambda: self._enlarged(batch))
        if phase.name == "discriminator":
            return self._judging(to_luma(high), to_luma(guess.detach()))
        terms = {"l1": (guess - high).abs().mean()}
        if self.stage == "pixels":
            terms["frequency"] = self.weights.frequency * spectral_distance(guess, high)
        else:
            terms["features"] = feature_distance(self._look, *same_window(guess, high))
        if self.stage == "gan":
            terms |= self._fooling(high, guess)
        return self.balance.weigh(terms, guess)

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["low"], batch["denoise"])
        return {"input": batch["low"], "result": result, "target": batch["high"]}

    def exports(self) -> Sequence[Export]:
        return quantisation.exports("generator", self.networks["generator"], self.contract)

    @cached_property
    def features(self) -> EfficientNetLite:
        """Read when it is first needed: an export does without it."""
        return read_efficientnet(self.looks)

    def _enlarged(self, batch: Batch) -> Tensor:
        guess: Tensor = self.networks["generator"](batch["low"], batch["denoise"])
        return guess.float()

    def _look(self, pictures: Tensor) -> list[Tensor]:
        features: list[Tensor] = self.features.to(pictures.device)(pictures, TAPS)
        return features

    def _fooling(self, high: Tensor, guess: Tensor) -> dict[str, Tensor]:
        """The generator's terms against the discriminator."""
        weight = self.weights
        discriminator = cast(PatchDiscriminator, self.networks["discriminator"])
        with torch.no_grad():
            real, sharp = discriminator.judged(to_luma(high))
        fake, ours = discriminator.judged(to_luma(guess))
        pattern = stride_distance(guess, high, self.source.kind.scale)
        return {
            "gan": relativistic_generator(real.float(), fake.float()),
            "stride": weight.stride * pattern,
            "matching": weight.matching * feature_matching(sharp, ours),
        }

    def _judging(self, high: Tensor, guess: Tensor) -> Mapping[str, Tensor]:
        logits: Tensor = self.networks["discriminator"](torch.cat([high, guess])).float()
        real, fake = logits.chunk(2)
        return {"gan": relativistic_discriminator(real, fake)}


def superres_distilled(
    *,
    stage: Stage = "pixels",
    teacher: ModelFile | None = None,
    scale: int = 4,
    channels: int = 64,
    layers: int = 14,
    activation: Activation = "relu",
    denoise: bool = True,
    critic: int = 32,
    batch: int = 8,
    crop: int = 32,
    clean: float = 0.35,
    rendered: float = 0.1,
    dark: float = 0.1,
    crops: int = 12_000,
    kept: str = "",
    frequency: float = 0.5,
    features: str = "lite0",
    perceptual: float = 1.5,
    gan: float = 0.03,
    balance: float = 1.0,
    measure: int = 400,
    stride: float = 3.0,
    matching: float = 0.2,
    alone: float = 0.1,
    rate: float | None = None,
    critic_rate: float = 1e-4,
    quantise: Quantise = "",
) -> Distilled:
    """Super-resolution learned from a larger network, in three runs. Data: a folder of photos.

    Each run starts from the one before it: stage pixels, then features, then gan. Inputs are
    made from the photos: blurred, dark, noisy, saved as JPEG; some are text and line art.

    stage: which terms there are: pixels and spectra, pixels and features, or these and a GAN.
    teacher: model whose outputs are the targets, a name, an .onnx file, or a .pth of RRDB or
    Compact; none, the originals. scale: enlargement of each side. channels, layers: width and
    depth of the plain stack. activation: relu is faster in int8. denoise: the model takes how
    much noise is to go. critic: channels of the discriminator. batch: pairs a step. crop: side of
    a low-resolution crop, pixels; times the scale a multiple of 16, at most 64. clean: share of
    inputs that are reduced and nothing else. rendered: share of text, line art and screens. dark:
    share of underexposed photos. crops: number of crops, 64 pixels of side, that the teacher
    enlarges, once. kept: folder for them; none, the cache. frequency: weight of the spectra's L1.
    features: fixed network whose features are compared, lite0 or lite1, or a file with its
    weights. perceptual: gradient of the features on the pixels, in times that of L1. gan: largest
    weight of the GAN. balance: largest gradient of the GAN on the pixels, in times that of L1.
    measure: steps between two measurements of these. stride: weight of patterns that repeat with
    the scale. matching: weight of the discriminator's features. alone: fraction of a gan run in
    which only the discriminator learns. rate: of Adam; none, 1e-3, 3e-4 or 2e-4 by the stage.
    critic_rate: of the discriminator's Adam. quantise: int8 to train for integers of 8 bits, from a
    model given by --init; none, in floats.
    """
    if scale * crop % 16 or crop > SIDE:
        raise UsageError(
            f"crop={crop}: {scale} times the crop must be a multiple of 16, and it at most {SIDE}"
        )
    plain = PlainUpscaler(scale, channels, layers, activation=activation, denoise=denoise)
    networks = {
        "generator": quantisation.quantised(plain, quantise),
        "discriminator": PatchDiscriminator(1, channels=critic, layers=2),
    }
    rates = {"generator": rate or RATES[stage], "discriminator": critic_rate}
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=rates[name], betas=(0.9, 0.99), fused=True)
        for name, network in networks.items()
    }
    folder = Path(kept) if kept else default_folder()
    kind = Kind(scale, clean, rendered, dark)
    source = Source(kind, batch, crop, Path(teacher) if teacher else None, crops, folder)
    ratios = {"features": perceptual, "gan": balance}
    scales = Balance(ratios, limits={"gan": gan}, every=measure)
    weights, memory = Weights(frequency, stride, matching), {"balance": scales}
    contract = Contract("superres", scale=scale, conditions=ALL_OF_IT if denoise else {})
    return Distilled(
        networks, optimizers, source, stage, weights, scales, contract, features, alone, memory
    )


def to_luma(x: Tensor) -> Tensor:
    """N×3×H×W → N×1×H×W, BT.601."""
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def cosine(fraction: float) -> float:
    """From 1 down to 0.01 along half a cosine."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))


def level_then_cosine(fraction: float) -> float:
    """1 for LEVEL of the time, then by a cosine to LAST."""
    part = max(0.0, (fraction - LEVEL) / (1 - LEVEL))
    return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * part))


def after(fraction: float, *, start: float) -> float:
    """0 before `start`, then `level_then_cosine` over what is left."""
    return 0.0 if fraction < start else level_then_cosine((fraction - start) / (1 - start))

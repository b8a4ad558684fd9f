"""Recipe `superres-fidelity`: the network that comes closest to the original, without a GAN.

Ledig et al., «Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network», 2017: the start of SRGAN, a generator trained on pixel differences alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gantool.training import quantisation
from gantool.training.data import Photos, ReducedPairs
from gantool.training.layouts import find
from gantool.training.networks.plain import Activation, PlainUpscaler
from gantool.training.quantisation import Quantise
from gantool.training.system import Batch, Contract, Export, Memory, Phase

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 16, "layers": 2, "batch": 4, "crop": 24, "steps": 500},
    "fast": {"batch": 16, "crop": 48, "steps": 30_000},
    "full": {"channels": 64, "layers": 16, "batch": 32, "crop": 64, "steps": 300_000},
}
COST = {"tiny": "1 min", "fast": "6 h", "full": "1 week"}


@dataclass(frozen=True)
class SuperresFidelity:
    """One network, one phase, L1."""

    networks: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    scale: int
    batch: int
    crop: int
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> ReducedPairs:
        smallest = (self.crop + 2 * ReducedPairs.margin) * self.scale
        photos = Photos(find(root, split), sizes=(1.0, 0.75, 0.5), smallest=smallest)
        return ReducedPairs(photos, scale=self.scale, crop=self.crop, size=self.batch)

    def phases(self) -> Sequence[Phase]:
        return [Phase("generator", self.optimizer, cosine)]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        quantisation.observe(self.networks["generator"], fraction)
        guess = self.networks["generator"](batch["low"])
        return {"l1": (guess.float() - batch["high"]).abs().mean()}

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        low, high = batch["low"], batch["high"]
        return {"input": low, "result": networks["generator"](low), "target": high}

    def exports(self) -> Sequence[Export]:
        contract = Contract(task="superres", scale=self.scale)
        return quantisation.exports("generator", self.networks["generator"], contract)


def superres_fidelity(
    *,
    scale: int = 4,
    channels: int = 48,
    layers: int = 8,
    activation: Activation = "leaky",
    batch: int = 16,
    crop: int = 48,
    rate: float = 1e-3,
    quantise: Quantise = "",
) -> SuperresFidelity:
    """Super-resolution by pixel difference, the fidelity start of SRGAN. Data: a folder of photos.

    scale: enlargement of each side. channels, layers: width and depth of the plain stack.
    activation: relu is faster in int8. batch: pairs a step. crop: side of a low-resolution crop,
    pixels. rate: of Adam, falling by a cosine to a hundredth. quantise: int8 to train for integers
    of 8 bits, from a model given by --init; none, in floats.
    """
    plain = PlainUpscaler(scale, channels, layers, activation=activation)
    network = quantisation.quantised(plain, quantise)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99))
    return SuperresFidelity({"generator": network}, optimizer, scale, batch, crop)


def cosine(fraction: float) -> float:
    """From 1 down to 0.01 along half a cosine."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))

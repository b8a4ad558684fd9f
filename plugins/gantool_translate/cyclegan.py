"""Recipe `cyclegan`: from two kinds of pictures, not paired, each kind turned into the other.

Zhu et al., «Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks»,
2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gantool.training.adversarial import HINGE, LEAST_SQUARES, Losses
from gantool.training.networks.blocks import Up
from gantool.training.networks.projected import (
    DiscriminatorKind,
    learning_real,
    make_discriminator,
)
from gantool.training.penalties import History
from gantool.training.system import Batch, Export, Once, Phase
from gantool.training.unpaired import Unpaired, read_kinds
from gantool_translate.generators import (
    adam,
    contract_of,
    generator_named,
    level_then_falling,
    side_of,
)

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"generator": "resnet-6", "channels": 12, "crop": 64, "steps": 400},
    "fast": {"generator": "resnet-6", "channels": 32, "crop": 128, "steps": 20_000},
    "full": {"generator": "resnet-9", "channels": 64, "crop": 256, "steps": 235_000},
}  # full: 200 epochs of the 1,177 zebras
COST = {"tiny": "2 min", "fast": "5 h", "full": "5 weeks"}
Generator = Literal["light-6", "light-9", "resnet-6", "resnet-9", "unet-64", "unet-128", "unet-256"]


@dataclass(frozen=True)
class Way:
    """One direction of the two: its networks, and the kinds of picture it leads from and to."""

    name: str
    """What stands behind the names of its terms and columns."""
    source: str
    target: str
    generator: str
    discriminator: str
    """Of the kind that it leads to."""
    back: str
    """The generator of the other direction."""


WAYS = (
    Way("", "a", "b", "generator", "discriminator", back="generator-back"),
    Way(" back", "b", "a", "generator-back", "discriminator-back", back="generator"),
)
Fakes = Mapping[Way, Tensor]


@dataclass
class CycleGan:
    """Generators G: A → B and F: B → A with a discriminator for each: least squares or the hinge
    + λ(‖F(G(a)) − a‖₁ + ‖G(F(b)) − b‖₁) + ½λ(‖G(b) − b‖₁ + ‖F(a) − a‖₁).
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    memory: Mapping[str, History]
    """The generated pictures that each discriminator remembers."""
    generator: str
    cycle: float
    identity: float
    crop: int
    batch: int
    losses: Losses
    fakes: Once[Fakes] = field(default_factory=Once)
    """G(a) and F(b), made for the generators' turn and used again by the discriminators."""

    def dataset(self, root: Path, split: str) -> Unpaired:
        kinds = read_kinds(root, split, side_of(self.crop))
        return Unpaired(*kinds, crop=self.crop, size=self.batch)

    def phases(self) -> Sequence[Phase]:
        judges = tuple(way.discriminator for way in WAYS)
        return [
            Phase("generators", self.optimizers["generators"], level_then_falling, judges),
            Phase("discriminators", self.optimizers["discriminators"], level_then_falling),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        fakes = self.fakes(
            batch, lambda: {way: self.networks[way.generator](batch[way.source]) for way in WAYS}
        )
        terms = self._judging if phase.name == "discriminators" else self._fooling
        return {name: term for way in WAYS for name, term in terms(way, batch, fakes).items()}

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        columns = {}
        for way in WAYS:
            columns[f"input{way.name}"] = batch[way.source]
            columns[f"result{way.name}"] = networks[way.generator](batch[way.source])
            columns[f"target{way.name}"] = batch[way.target]
        return {title: (pictures + 1) / 2 for title, pictures in columns.items()}

    def exports(self) -> Sequence[Export]:
        contract = contract_of(self.generator, self.crop)
        return [Export(way.generator, contract, prepare=lambda network: network) for way in WAYS]

    def _fooling(self, way: Way, batch: Batch, fakes: Fakes) -> Mapping[str, Tensor]:
        """The terms of a generator; those on its way back are of both."""
        returned = self.networks[way.back](fakes[way])
        terms = {
            "gan": self.losses.generator(self._judged(way, fakes[way])),
            "cycle": self.cycle * _distance(returned, batch[way.source]),
        }
        if self.identity:
            same = self.networks[way.generator](batch[way.target])
            weight = self.identity * self.cycle
            terms["identity"] = weight * _distance(same, batch[way.target])
        return {f"{name}{way.name}": term for name, term in terms.items()}

    def _judging(self, way: Way, batch: Batch, fakes: Fakes) -> Mapping[str, Tensor]:
        """The term of a discriminator, halved as in the paper."""
        fake = self.memory[way.discriminator].mix(fakes[way])
        with learning_real(self.networks[way.discriminator]):
            real = self._judged(way, batch[way.target])
        return {f"gan{way.name}": self.losses.discriminator(real, self._judged(way, fake))}

    def _judged(self, way: Way, pictures: Tensor) -> Tensor:
        logits: Tensor = self.networks[way.discriminator](pictures)
        return logits.float()


def cyclegan(
    *,
    generator: Generator = "resnet-9",
    channels: int = 64,
    up: Up = "resize",
    discriminator: DiscriminatorKind = "patches",
    features: str = "lite0",
    crop: int = 256,
    batch: int = 1,
    cycle: float = 10.0,
    identity: float = 0.5,
    pool: int = 50,
    rate: float = 2e-4,
) -> CycleGan:
    """Learn to turn two kinds of pictures into each other. Data: trainA/ and trainB/, unpaired.

    generator: ResNet with 6 or 9 blocks, a light one with as many, or U-Net for sides of 64, 128 or
    256 pixels. channels: of the first layer of all networks. up: how ResNet and U-Net enlarge:
    resize, then convolve, or transposed convolutions as in the paper, which may leave a
    checkerboard. discriminator: judges patches, as in the paper, or by projected features, with the
    hinge. features: fixed network of a projected one, lite0 or lite1, or a file with its weights.
    crop: side of the squares trained on, pixels. batch: pictures of each kind a step. cycle: weight
    λ of coming back to the input. identity: weight, as a share of λ, of leaving alone what is of
    the right kind already; 0 for none. pool: generated pictures of each kind remembered for the
    discriminators. rate: of Adam, level for half the training, then falling to 0.
    """
    networks: dict[str, nn.Module] = {}
    for way in WAYS:
        networks[way.generator] = generator_named(generator, channels=channels, crop=crop, up=up)
        networks[way.discriminator] = make_discriminator(discriminator, features, channels=channels)
    optimizers = {
        "generators": adam((networks[way.generator] for way in WAYS), rate),
        "discriminators": adam((networks[way.discriminator] for way in WAYS), rate),
    }
    memory = {way.discriminator: History(pool, seed) for seed, way in enumerate(WAYS)}
    losses = HINGE if discriminator == "projected" else LEAST_SQUARES
    return CycleGan(networks, optimizers, memory, generator, cycle, identity, crop, batch, losses)


def _distance(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours.float() - theirs).abs().mean()

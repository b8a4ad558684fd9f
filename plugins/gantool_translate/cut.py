"""Recipe `cut`: from two kinds of pictures, not paired, the first turned into the second.

Park et al., «Contrastive Learning for Unpaired Image-to-Image Translation», 2020: CUT, and
FastCUT, which is the default here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.adversarial import HINGE, LEAST_SQUARES, Losses
from gantool.training.contrastive import patch_nce
from gantool.training.networks.light import LightGenerator
from gantool.training.networks.projected import (
    DiscriminatorKind,
    learning_real,
    make_discriminator,
)
from gantool.training.networks.projections import Projections
from gantool.training.networks.resnet import ResnetGenerator
from gantool.training.penalties import diff_augment, instance_noise
from gantool.training.system import Batch, Export, Memory, Once, Phase
from gantool.training.unpaired import Unpaired, read_kinds
from gantool_translate.generators import (
    LIGHT,
    RESNETS,
    adam,
    contract_of,
    generator_named,
    level_then_falling,
)

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 12, "judge": 12, "side": 64, "crop": 64, "steps": 400},
    "fast": {"channels": 32, "judge": 32, "crop": 192, "steps": 20_000},
    "full": {"generator": "resnet-9", "channels": 64, "judge": 64, "steps": 200_000},
}
COST = {"tiny": "1 min", "fast": "2 h", "full": "3 weeks"}
Generator = Literal["light-6", "light-9", "resnet-6", "resnet-9"]
GENERATORS = {*LIGHT, *RESNETS}
PLACES = 256
"""Patches that are compared, in each layer."""


@dataclass(frozen=True)
class Trace:
    """A generated picture beside the features of the one it was made from."""

    fake: Tensor
    features: list[Tensor]
    turned: bool
    """The generated one is mirrored."""


@dataclass
class Cut:
    """A generator G with a discriminator: least squares or the hinge + λ_X·PatchNCE(G(a), a)
    + λ_Y·PatchNCE(G(b), b), the features taken from G's own first half.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    generator: str
    nce: float
    identity: float
    noise: float
    crop: int
    side: int
    batch: int
    losses: Losses
    augment: bool
    memory: Mapping[str, Memory] = field(default_factory=dict)
    traces: Once[Trace] = field(default_factory=Once)
    """G(a), made for the generator's turn and used again by the discriminator."""

    def dataset(self, root: Path, split: str) -> Unpaired:
        kinds = read_kinds(root, split, self.side)
        return Unpaired(*kinds, crop=self.crop, size=self.batch)

    def phases(self) -> Sequence[Phase]:
        fooling, judging = (self.optimizers[name] for name in ("generator", "discriminator"))
        return [
            Phase("generator", fooling, level_then_falling, ("discriminator",)),
            Phase("discriminator", judging, level_then_falling),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        trace = self.traces(batch, lambda: self._trace(batch["a"]))
        if phase.name == "discriminator":
            with learning_real(self.networks["discriminator"]):
                real = self._judged(batch["b"], fraction)
            fake = self._judged(trace.fake.detach(), fraction)
            return {"gan": self.losses.discriminator(real, fake)}
        terms = {
            "gan": self.losses.generator(self._judged(trace.fake, fraction)),
            "nce": self.nce * self._contrast(trace),
        }
        if self.identity:
            terms["identity"] = self.identity * self._contrast(self._straight(batch["b"]))
        return terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["a"])
        columns = {"input": batch["a"], "result": result, "target": batch["b"]}
        return {title: (pictures + 1) / 2 for title, pictures in columns.items()}

    def exports(self) -> Sequence[Export]:
        contract = contract_of(self.generator, round(self.side * 256 / 286))
        return [Export("generator", contract, prepare=lambda network: network)]

    @property
    def _generator(self) -> LightGenerator | ResnetGenerator:
        return cast(LightGenerator | ResnetGenerator, self.networks["generator"])

    def _trace(self, source: Tensor) -> Trace:
        """G(a) with the features of a; of FastCUT, half of them from the mirrored picture."""
        if self.identity or torch.rand(()) < 0.5:
            return self._straight(source)
        with torch.no_grad():
            features = self._features(source)
        return Trace(self._generator(source.flip(3)), features, turned=True)

    def _straight(self, source: Tensor) -> Trace:
        fake, features = self._generator.traced(source)
        return Trace(fake, [source, *features], turned=False)

    def _features(self, pictures: Tensor) -> list[Tensor]:
        return [pictures, *self._generator.encoded(pictures)]

    def _contrast(self, trace: Trace) -> Tensor:
        """PatchNCE of a generated picture and its source, the mean over the layers."""
        found = self._features(trace.fake)
        if trace.turned:
            found = [layer.flip(3) for layer in found]
        places = [_drawn(layer) for layer in found]
        project = self.networks["projections"]
        pairs = zip(project(found, places), project(trace.features, places), strict=True)
        return torch.stack([patch_nce(query, key) for query, key in pairs]).mean()

    def _judged(self, pictures: Tensor, fraction: float) -> Tensor:
        if self.noise:
            pictures = instance_noise(pictures, fraction, sigma=self.noise)
        if self.augment:
            pictures = diff_augment(pictures)
        logits: Tensor = self.networks["discriminator"](pictures)
        return logits.float()


def cut(
    *,
    generator: Generator = "light-6",
    channels: int = 64,
    discriminator: DiscriminatorKind = "patches",
    judge: int = 64,
    features: str = "lite0",
    augment: bool = False,
    side: int = 286,
    crop: int = 256,
    batch: int = 1,
    nce: float = 10.0,
    identity: float = 0.0,
    noise: float = 0.0,
    rate: float = 2e-4,
) -> Cut:
    """Learn to turn one kind of pictures into another. Data: trainA/ and trainB/, unpaired.

    generator: ResNet with 6 or 9 blocks, or a light one, whose convolutions are separable.
    channels: of the generator's first layer. discriminator: judges patches, as in the paper, or by
    projected features, with the hinge. judge: channels of its first layer, or of its heads.
    features: fixed network of a projected one, lite0 or lite1, or a file with its weights. augment:
    moves and covers what the discriminator sees, for few pictures. side: short side that pictures
    are brought to, pixels. crop: side of the squares that are cut from them. batch: pictures of
    each kind a step. nce: weight λ_X of keeping what each patch shows. identity: weight λ_Y of the
    same for pictures of the second kind; 0 is FastCUT, and 1 with nce 1 is CUT. noise: deviation of
    noise on what the discriminator sees, falling to 0 over the training. rate: of Adam, level for
    half the training, then falling to 0.
    """
    if generator not in GENERATORS:
        raise UsageError(f"--set generator={generator}: cut has {', '.join(GENERATORS)}")
    if crop > side:
        raise UsageError(f"--set crop={crop}: at most the {side} pixels of --side")
    networks: dict[str, nn.Module] = {
        "generator": generator_named(generator, channels=channels, crop=crop),
        "projections": Projections([3, 2 * channels, *[4 * channels] * 3]),
        "discriminator": make_discriminator(discriminator, features, channels=judge),
    }
    optimizers = {
        "generator": adam((networks["generator"], networks["projections"]), rate),
        "discriminator": adam([networks["discriminator"]], rate),
    }
    losses = HINGE if discriminator == "projected" else LEAST_SQUARES
    given = (generator, nce, identity, noise, crop, side, batch)
    return Cut(networks, optimizers, *given, losses, augment)


def _drawn(layer: Tensor) -> Tensor:
    """Places in N×C×H×W, without repetition."""
    return torch.randperm(layer.shape[2] * layer.shape[3])[:PLACES].to(layer.device)

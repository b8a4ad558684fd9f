"""Recipe `ipcgan-age`: the same face at another age.

Wang et al., «Face Aging with Identity-Preserved Conditional Generative Adversarial Networks», 2018.

Years become shares of age groups inside the network. What holds the identity is the network's form,
a residual under a mask as in Pumarola et al., «GANimation», 2018, and that little is to change; the
age is read by an estimator that learns first, on faces that are disturbed, and against it, so that
no pattern that only it can see will do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from gantool.training.adversarial import wasserstein_generator
from gantool.training.networks.efficientnet import read_efficientnet
from gantool.training.networks.projected import (
    DiscriminatorKind,
    ProjectedDiscriminator,
    learning_real,
)
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase
from gantool_face_age.ages import GROUPS, groups
from gantool_face_age.changes import chroma_gap, far_off, light_gap, tone_gap, variation
from gantool_face_age.disturb import covered
from gantool_face_age.estimator import AgeNet
from gantool_face_age.faces import Faces, Wanted, read_faces
from gantool_face_age.network import STRIDE, AgeJudge, Ager
from gantool_face_age.years import age_loss, export_of, falling, read_estimator

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 8, "blocks": 2, "judging": 8, "reading": 8, "batch": 4, "steps": 400},
    "fast": {"steps": 3_500},
    "full": {
        "channels": 48, "blocks": 8, "judging": 64, "reading": 64, "batch": 32, "steps": 200_000,
    },
}  # fmt: skip
COST = {"tiny": "1 min", "fast": "1 h", "full": "1 month"}
FACE = 128
"""Side of the faces that the task gives a model, pixels."""
FAR = 10.0
"""Years that a face must be off an age to be a wrong example of it."""
SHEET = (20, 31, 42, 53, 65)
"""Years of the columns of a preview."""
Change = tuple[Tensor, Tensor, Tensor]
"""The picture x + m·d, m and d."""


@dataclass(frozen=True)
class Weights:
    """Of the generator's terms; that of the adversarial one is 1."""

    age: float
    own: float
    keep: float
    tone: float
    mask: float
    chroma: float
    light: float


@dataclass
class Ipcgan:
    """G(x, t) against D(·, t), which sees real faces of wrong ages, too; and against an estimator,
    which learns until `start`.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    weights: Weights
    wanted: Wanted
    start: float
    robust: float
    memory: Mapping[str, Memory] = field(default_factory=dict)
    changed: Once[Change] = field(default_factory=Once)

    def dataset(self, root: Path, split: str) -> Faces:
        return read_faces(root, split, self.wanted)

    def phases(self) -> Sequence[Phase]:
        late, early = (partial(turn, start=self.start) for turn in (after, before))
        judges = ("discriminator", "estimator")
        return [
            Phase("estimator", self.optimizers["estimator"], early),
            Phase("generator", self.optimizers["generator"], late, judges),
            Phase("discriminator", self.optimizers["discriminator"], late),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        if phase.name == "estimator":
            estimator = self.networks["estimator"].train()
            faces, age = batch["input"], batch["age"]
            return {"age": age_loss(estimator, faces, age, robust=self.robust)}
        change = self.changed(batch, lambda: self._changed(batch))
        return (
            self._judging(batch, change[0].detach())
            if phase.name == "discriminator"
            else (self._ageing(batch, change))
        )

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        x, generator = batch["input"], networks["generator"]
        aged = {f"{age} years": generator(x, x.new_full((1, 1), age)) for age in SHEET}
        return {"input": x, **aged, "mask": _mask(generator, x).expand_as(x)}

    def exports(self) -> Sequence[Export]:
        times = max(1, FACE // self.wanted.side)
        unit, side = times * STRIDE, times * self.wanted.side
        years = {"age": {"shape": [1], "default": 0.0}}
        contract = Contract("face-age", multiple=unit, align=unit, side=side, conditions=years)
        base = Export("generator", contract, partial(reducing, times=times))
        return [base, export_of("estimator", self.wanted.side)]

    def _changed(self, batch: Batch) -> Change:
        generator = self.networks["generator"]
        assert isinstance(generator, Ager)
        mask, residual = generator.change(batch["input"], batch["target"][:, None])
        return batch["input"] + mask * residual, mask.float(), residual

    def _ageing(self, batch: Batch, change: Change) -> Mapping[str, Tensor]:
        """The generator's terms."""
        face, mask, _ = change
        x, weight = batch["input"], self.weights
        estimator = self.networks["estimator"].eval()  # it goes by what it knows of real faces
        own = ((batch["target"] - batch["age"]).abs() < 1).float()
        gap = far_off(face - x)
        return {
            "adversarial": wasserstein_generator(self._judged(face, batch["target"])),
            "age": weight.age * age_loss(estimator, face, batch["target"]),
            "own": weight.own * (own * gap).mean(),
            "keep": weight.keep * ((1 - own) * gap).mean(),
            "tone": weight.tone * tone_gap(face, x),
            "mask": weight.mask * (mask.mean() + variation(mask)),
            "chroma": weight.chroma * chroma_gap(face, x),
            "light": weight.light * light_gap(face, x),
        }

    def _judging(self, batch: Batch, face: Tensor) -> Mapping[str, Tensor]:
        """Hinges: real faces over 1, changed ones and real ones of a wrong age under −1."""
        x, age, target = batch["input"], batch["age"], batch["target"]
        far = ((target - age).abs() >= FAR).float().view(-1, 1, 1, 1)
        with learning_real(self.networks["discriminator"]):
            real = self._judged(x, age)
        return {
            "real": relu(1 - real).mean(),
            "fake": 0.5 * relu(1 + self._judged(face, target)).mean(),
            "wrong": 0.5 * (far * relu(1 + self._judged(x, target))).mean(),
        }

    def _judged(self, face: Tensor, age: Tensor) -> Tensor:
        """D sees a part of each face, and that not whole: it has seen few."""
        seen = covered(cropped(face))
        logits: Tensor = self.networks["discriminator"](seen, groups(age))
        return logits.float()


def ipcgan_age(
    *,
    channels: int = 24,
    blocks: int = 4,
    discriminator: DiscriminatorKind = "patches",
    features: str = "lite0",
    judging: int = 32,
    reading: int = 32,
    batch: int = 4,
    side: int = 128,
    youngest: int = 18,
    oldest: int = 80,
    hold: int = 10,
    estimator: str = "",
    start: float = 0.3,
    robust: float = 1.3,
    age: float = 0.35,
    own: float = 8.0,
    keep: float = 4.0,
    tone: float = 15.0,
    mask: float = 0.008,
    chroma: float = 0.0,
    light: float = 0.0,
    rate: float = 3e-4,
) -> Ipcgan:
    """Change the age of faces. Data: aligned faces, folders or file names with their years.

    channels: of the generator at full size. blocks: of its body. discriminator: judges patches, or
    by projected features. features: fixed network of a projected one, lite0 or lite1, or a file
    with its weights. judging: channels of the discriminator's first layer, or of its heads.
    reading: of the estimator's first layer. batch: faces a step. side: of the faces, pixels, a
    multiple of 16. youngest, oldest: years; faces beyond are left out. hold: of so many faces one,
    by the hash of its name, is left out, to be measured on; 1 for none. estimator: model file of
    the recipe age-estimator; none, one is trained first. start: fraction of the training that is
    for the estimator alone, where none is given. robust: how far faces are changed against it,
    levels of 255. age: weight of the years that it reads too many or few, in tens. own: of what
    changes where the age is the face's own. keep: the same at other ages. tone: of changes of broad
    colours. mask: of the mask's size and edges. chroma: of changes of the colours of single pixels.
    light: of changes of broad brightness. rate: of Adam, falling by a cosine.
    """
    networks = {
        "generator": Ager(channels, blocks),
        "discriminator": ProjectedDiscriminator(
            read_efficientnet(features), classes=GROUPS, channels=judging
        )
        if discriminator == "projected"
        else AgeJudge(judging),
        "estimator": read_estimator(Path(estimator)) if estimator else AgeNet(reading),
    }
    optimizers = {
        name: torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))
        for name, network in networks.items()
    }
    optimizers["estimator"] = torch.optim.AdamW(
        networks["estimator"].parameters(), 1e-3, weight_decay=0.05
    )
    weights = Weights(age, own, keep, tone, mask, chroma, light)
    wanted = Wanted(youngest, oldest, hold, side, batch)
    return Ipcgan(networks, optimizers, weights, wanted, 0.0 if estimator else start, robust)


def reducing(network: nn.Module, *, times: int) -> nn.Module:
    """A generator that has learnt on small faces, for those of the task: it reduces them."""
    assert isinstance(network, Ager)
    network.reduced = times
    return network


def before(fraction: float, *, start: float) -> float:
    """`falling` over the time until `start`, then 0."""
    return falling(fraction / start) if fraction < start else 0.0


def after(fraction: float, *, start: float) -> float:
    """0 until `start`, then `falling`."""
    return falling((fraction - start) / (1 - start)) if fraction >= start else 0.0


def cropped(x: Tensor) -> Tensor:
    """N×3×H×W: ⅞ of the sides, at a place drawn from torch's own generator."""
    height, width = (side * 7 // 8 for side in x.shape[2:])
    top, left = (int(torch.randint(side // 8 + 1, ())) for side in x.shape[2:])
    return x[:, :, top : top + height, left : left + width]


def _mask(generator: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(generator, Ager)
    return generator.change(x, x.new_full((1, 1), SHEET[-1]))[0]

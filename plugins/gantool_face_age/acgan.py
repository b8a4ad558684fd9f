"""Recipe `acgan-age`: faces of any age out of codes, and the code of a face.

Antipov et al., «Face Aging With Conditional Generative Adversarial Networks», 2017.

First a GAN learns G(z, y) on codes and age groups, then an encoder E the way back, on pairs of
z and G(z, y). A face x of age y₀ is aged by z₀ = E(x), by z* = argmin ‖FR(x) − FR(G(z, y₀))‖ from
there, and by G(z*, y). The paper's FR is a network of others; this one learns on the side to know
faces again that were disturbed (van den Oord et al. 2018). Of the paper's six age groups that of
minors is left out, and the oldest are two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.adversarial import HINGE, MINIMAX, Losses
from gantool.training.contrastive import patch_nce
from gantool.training.networks.efficientnet import read_efficientnet
from gantool.training.networks.projected import ProjectedDiscriminator, learning_real
from gantool.training.penalties import r1_penalty
from gantool.training.system import Batch, Contract, Export, Memory, Phase
from gantool_face_age.ages import GROUPS, groups
from gantool_face_age.conditional import Ager, Discriminator, Likeness
from gantool_face_age.disturb import disturbed
from gantool_face_age.faces import Faces, Wanted, read_faces
from gantool_face_age.latent import latent_distance, preserved

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 8, "latent": 32, "side": 32, "batch": 8, "steps": 400},
    "fast": {"steps": 8_000},
    "full": {"channels": 48, "side": 128, "batch": 32, "steps": 200_000},
}
COST = {"tiny": "1 min", "fast": "2 h", "full": "3 months"}
SIDES = (32, 64, 128)
FEATURES = 64
"""Numbers by which a person is known."""
TEMPERATURE = 0.2
DESCENT = 8
"""Steps of the optimisation of codes for a preview."""
SHEET = (25, 45, 70)
"""Years of its columns."""


@dataclass(frozen=True)
class Acgan:
    """min_G max_D E[log D(x, y)] + E[log(1 − D(G(z, y), y))] until `start`, then E."""

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    wanted: Wanted
    latent: int
    start: float
    r1: float
    losses: Losses
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> Faces:
        return read_faces(root, split, self.wanted)

    def phases(self) -> Sequence[Phase]:
        early, late = (partial(turn, start=self.start) for turn in (until, since))
        return [
            Phase("discriminator", self.optimizers["discriminator"], early),
            Phase("generator", self.optimizers["generator"], early, ("discriminator",)),
            Phase("likeness", self.optimizers["likeness"], early),
            Phase("encoder", self.optimizers["encoder"], late),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        x, y = batch["input"], groups(batch["age"])
        ager, judge = ager_of(self.networks), self.networks["discriminator"]
        if phase.name == "likeness":
            return {"nce": recognition(self.networks["likeness"], x)}
        z = torch.randn(len(x), self.latent, device=x.device)
        if phase.name == "generator":
            return {"gan": self.losses.generator(judge(ager.generator(z, y), y).float())}
        with torch.no_grad():
            fake = ager.generator(z, y)
        if phase.name == "encoder":
            return {"latent": latent_distance(ager.encoder(fake), z)}
        with learning_real(judge):
            real = judge(x, y).float()
        terms = {"gan": self.losses.discriminator(real, judge(fake, y).float())}
        if self.r1:
            each = partial(mean_logit, judge, y=y)
            terms["r1"] = r1_penalty(each, x, weight=self.r1)
        return terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        x, y, ager = batch["input"], groups(batch["age"]), ager_of(networks)
        noise = torch.Generator().manual_seed(0)
        z = torch.randn(len(x), self.latent, generator=noise).to(x.device)
        found = ager.encoder(x)
        kept = own_code(ager, networks["likeness"], x, batch["age"], steps=DESCENT)
        aged = {
            f"{age} years": ager.generator(kept, groups(x.new_full((1,), age))) for age in SHEET
        }
        return {
            "target of noise": x,
            "result of noise": ager.generator(z, y),
            "encoded": ager.generator(found, y),
            "optimised": ager.generator(kept, y),
            **aged,
        }

    def exports(self) -> Sequence[Export]:
        conditions = {
            "age": {"shape": [1], "default": 0.0},
            "z": {"shape": [self.latent], "default": 0.0},
        }
        side = self.wanted.side
        contract = Contract("face-age", multiple=side, align=side, side=side, conditions=conditions)
        return [Export("ager", contract, lambda network: network)]


def acgan_age(
    *,
    channels: int = 16,
    discriminator: Literal["whole", "projected"] = "whole",
    features: str = "lite0",
    latent: int = 100,
    batch: int = 16,
    side: int = 64,
    youngest: int = 18,
    oldest: int = 80,
    hold: int = 10,
    start: float = 0.8,
    r1: float = 2.0,
    rate: float = 2e-4,
) -> Acgan:
    """Draw faces of any age. Data: aligned faces, folders or file names with their years.

    channels: at full size. discriminator: judges the whole face, or by projected features, with the
    hinge. features: fixed network of a projected one, lite0 or lite1, or a file with its weights.
    latent: numbers of a code z. batch: faces a step. side: of the faces, pixels, 32, 64 or 128.
    youngest, oldest: years; faces beyond are left out. hold: of so many faces one, by the hash of
    its name, is left out, to be measured on; 1 for none. start: fraction of the training from which
    the encoder learns, and nothing else. r1: weight of the penalty on the discriminator's slope; 0
    for none, as in the paper. rate: of Adam.
    """
    if side not in SIDES:
        raise UsageError(f"side={side}: there are {', '.join(map(str, SIDES))}")
    ager = Ager(side, channels, latent)
    alone = {
        "discriminator": ProjectedDiscriminator(
            read_efficientnet(features), classes=GROUPS, channels=4 * channels
        )
        if discriminator == "projected"
        else Discriminator(side, channels),
        "likeness": Likeness(side, channels, FEATURES),
    }
    learners = {"generator": ager.generator, "encoder": ager.encoder, **alone}
    optimizers = {
        name: torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.999))
        for name, network in learners.items()
    }
    wanted = Wanted(youngest, oldest, hold, side, batch)
    losses = HINGE if discriminator == "projected" else MINIMAX
    return Acgan({"ager": ager, **alone}, optimizers, wanted, latent, start, r1, losses)


def ager_of(networks: Mapping[str, nn.Module]) -> Ager:
    ager = networks["ager"]
    assert isinstance(ager, Ager)
    return ager


def mean_logit(judge: nn.Module, x: Tensor, *, y: Tensor) -> Tensor:
    """One for each face, N, however many the discriminator gives."""
    logits: Tensor = judge(x, y)
    return logits.flatten(1).mean(1)


def own_code(ager: Ager, likeness: nn.Module, x: Tensor, age: Tensor, *, steps: int) -> Tensor:
    """z* of each face, N×l: faces N×3×s×s, their ages N. No face's depends on the others."""
    codes = []
    for face, y in zip(x[:, None], groups(age)[:, None], strict=True):
        draw = partial(ager.generator, y=y)
        codes.append(preserved(draw, likeness, face, ager.encoder(face), steps=steps))
    return torch.cat(codes)


def recognition(likeness: nn.Module, x: Tensor) -> Tensor:
    """Each face, disturbed once, is to be told from the others by itself, disturbed twice."""
    one, other = (likeness(disturbed(x))[None] for _ in range(2))
    return patch_nce(one, other, temperature=TEMPERATURE)


def until(fraction: float, *, start: float) -> float:
    """1 before `start`, 0 from then on."""
    return float(fraction < start)


def since(fraction: float, *, start: float) -> float:
    """0 before `start`, 1 from then on."""
    return float(fraction >= start)

"""Recipe `simgan`: renders made to look like photographs, so that their labels stay true.

Shrivastava et al., «Learning from Simulated and Unsupervised Images through Adversarial Training»,
2017.

The paper sums |ψ(R(x)) − ψ(x)| over the pixels, so that its λ means something else for every size
of picture; here it is their mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.adversarial import HINGE, MINIMAX, Losses
from gantool.training.networks.efficientnet import read_efficientnet
from gantool.training.networks.projected import (
    DiscriminatorKind,
    ProjectedDiscriminator,
    learning_real,
)
from gantool.training.penalties import History, instance_noise
from gantool.training.system import Batch, Contract, Export, Once, Phase
from gantool_refine_synthetic.kinds import Kinds, read
from gantool_refine_synthetic.networks import GRID, Judge, Refiner
from gantool_refine_synthetic.psi import Psi, diversity, self_regularisation

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 12, "blocks": 2, "critic": 8, "batch": 8, "steps": 800},
    "fast": {"channels": 32, "critic": 16, "batch": 16, "steps": 4_000},
    "full": {"batch": 64, "steps": 40_000},
}
COST = {"tiny": "1 min", "fast": "40 min", "full": "4 days"}
MOST = 0.3
"""Diversity from which on more is worth nothing."""


class HalfHistory(History):
    """Refined pictures of earlier steps, exactly half of every batch, as in section 2.3."""

    def mix(self, batch: Tensor) -> Tensor:
        """N×… → N×…, detached: the first half as it is, then N/2 older ones, as far as they are.

        Half of `batch`, drawn at random, then takes the places of older ones, or free ones.
        """
        batch = batch.detach()
        half = len(batch) // 2
        older = self._drawn(half)
        mixed = torch.cat([batch[: len(batch) - len(older)], *older]) if older else batch
        if batch.isfinite().all():  # of a step that will be skipped otherwise
            self._take(batch[torch.randperm(len(batch), generator=self.random)[:half]])
        return mixed

    def _drawn(self, count: int) -> list[Tensor]:
        """So many different ones of those kept, each 1×…; none before there are so many."""
        if len(self.pictures) < count:
            return []
        places = torch.randperm(len(self.pictures), generator=self.random)[:count]
        return [self.pictures[int(place)][None] for place in places]

    def _take(self, newer: Tensor) -> None:
        free = self.size - len(self.pictures)
        self.pictures += [each.clone() for each in newer[:free]]
        places = torch.randperm(len(self.pictures), generator=self.random)
        for place, each in zip(places, newer[free:], strict=False):
            self.pictures[int(place)] = each.clone()


@dataclass(frozen=True)
class Turns:
    """How often and when the networks learn."""

    refiner: int
    """K_g, turns in each step."""
    judge: int
    """K_d."""
    apart: float
    """Fraction of the training in which the refiner is alone, with self-regularisation only."""
    judging: float
    """Fraction after that in which the discriminator is."""

    def refining(self, fraction: float) -> float:
        """The refiner's rate: none while the discriminator catches up; falls in the second half."""
        waits = self.apart <= fraction < self.apart + self.judging
        return 0.0 if waits else min(1.0, 2 * (1 - fraction))

    def judged(self, fraction: float) -> float:
        return 0.0 if fraction < self.apart else min(1.0, 2 * (1 - fraction))


@dataclass(frozen=True)
class Inputs:
    """What is trained on; see `kinds.read`."""

    batch: int
    crop: int
    grey: bool


@dataclass
class SimGan:
    """R refines; D tells its pictures from real ones, half of the former of earlier steps.

    −log D(R(x)) + λ·mean |ψ(R(x)) − ψ(x)| for R, of which in the beginning only the second. With
    looks, R is given z, drawn by chance, and rewarded where its pictures differ as z does.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    memory: Mapping[str, History]
    turns: Turns
    inputs: Inputs
    weight: float
    psi: Psi
    noise: float
    variety: float
    losses: Losses
    refined: Once[tuple[Tensor, Tensor]] = field(default_factory=Once)
    """R(x, z) and z, made for the refiner's turn and used again by the discriminator."""

    def dataset(self, root: Path, split: str) -> Kinds:
        it = self.inputs
        smallest = cast(Refiner, self.networks["refiner"]).halo + 1
        return read(root, split, crop=it.crop, smallest=smallest, size_=it.batch, as_grey=it.grey)

    def phases(self) -> Sequence[Phase]:
        """K_g turns of the refiner, each with a batch of its own, then K_d of the discriminator.

        Its first shares the batch of the refiner's last.
        """
        last = self.turns.refiner - 1
        ours, theirs = (self.optimizers[name] for name in ("refiner", "discriminator"))
        refining = partial(Phase, "refiner", ours, self.turns.refining, ("discriminator",))
        judging = partial(Phase, "discriminator", theirs, self.turns.judged, ("refiner",))
        return [
            *(refining(draw=draw) for draw in range(self.turns.refiner)),
            *(judging(draw=last + draw) for draw in range(self.turns.judge)),
        ]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        refined, look = self.refined(batch, lambda: self._refined(batch["synthetic"]))
        if phase.name == "discriminator":
            fake = self.memory["discriminator"].mix(refined)
            with learning_real(self.networks["discriminator"]):
                real = self._judged(batch["real"], fraction)
            return {"adversarial": self.losses.discriminator(real, self._judged(fake, fraction))}
        moved = self_regularisation(refined, batch["synthetic"], self.psi)
        terms = {"self": self.weight * moved}
        if fraction >= self.turns.apart:
            terms["adversarial"] = self.losses.generator(self._judged(refined, fraction))
            if self.variety:
                other, far = self._refined(batch["synthetic"])
                gain = diversity(refined, other, look, far)
                terms["variety"] = self.variety * (MOST - gain).clamp(min=0)
        return terms

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        x, refiner = batch["synthetic"], cast(Refiner, networks["refiner"])
        chance = torch.Generator().manual_seed(0)  # the same looks every time
        z = torch.randn(len(x), refiner.looks, *GRID, generator=chance).to(x.device)
        return {"input": x, "result": refiner(x, z), "target": batch["real"]}

    def exports(self) -> Sequence[Export]:
        minimum = cast(Refiner, self.networks["refiner"]).halo + 1
        looks = cast(Refiner, self.networks["refiner"]).looks
        conditions = {"z": {"shape": [looks, *GRID], "default": 0.0}} if looks else {}
        contract = Contract("refine-synthetic", minimum=minimum, conditions=conditions)
        return [Export("refiner", contract, prepare=lambda network: network)]

    def _refined(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """R(x, z) and z by chance, N×looks×2×2."""
        refiner = cast(Refiner, self.networks["refiner"])
        z = torch.randn(len(x), refiner.looks, *GRID, device=x.device)
        return refiner(x, z).float(), z

    def _judged(self, pictures: Tensor, fraction: float) -> Tensor:
        """Logits of every patch, N×…×h×w: the local adversarial loss runs over all of them."""
        if self.noise:
            pictures = instance_noise(pictures, fraction, sigma=self.noise)
        logits: Tensor = self.networks["discriminator"](pictures)
        return logits.float()


def simgan(
    *,
    channels: int = 64,
    blocks: int = 4,
    discriminator: DiscriminatorKind = "patches",
    features: str = "lite0",
    critic: int = 32,
    batch: int = 32,
    crop: int = 256,
    grey: bool = False,
    weight: float = 1.0,
    psi: Psi = "pixels",
    k_g: int = 2,
    k_d: int = 1,
    apart: float = 0.05,
    judging: float = 0.02,
    pool: int = 512,
    noise: float = 0.0,
    looks: int = 0,
    variety: float = 1.0,
    rate: float = 1e-3,
    critic_rate: float = 1e-3,
) -> SimGan:
    """Make renders look like photographs. Data: synthetic/ and real/, not paired.

    channels: of the refiner. blocks: residual ones of it. discriminator: judges patches, as in the
    paper, or by projected features, with the hinge. features: fixed network of a projected one,
    lite0 or lite1, or a file with its weights. critic: channels of the discriminator, 32 in the
    paper, or of its heads. batch: pictures of each kind a step, an even number. crop: most pixels
    of a side that are trained on. grey: train on and give grey pictures, whatever the data are.
    weight: λ of self-regularisation, the mean over pixels from 0 to 1. psi: what of a picture is to
    stay: its pixels, the mean of their colours, the mean of 5×5 pixels, which leaves noise free,
    the gradients, or the contrast around each, which leaves exposure and slow light free. k_g, k_d:
    turns of the refiner and of the discriminator in each step. apart: fraction of the training in
    which the refiner learns by self-regularisation alone. judging: fraction after it in which the
    discriminator learns alone. pool: refined pictures remembered for the discriminator. noise:
    deviation of noise on what it sees, falling to 0 over the training. looks: fields of chance by
    which a render comes out in many ways; 0 for one way. variety: how much it is worth that these
    differ. rate: of Adam, level for half the training, then falling to 0. critic_rate: of the
    discriminator's.
    """
    if batch % 2:
        raise UsageError(f"--batch {batch}: must be even: half of it are earlier pictures")
    networks: dict[str, nn.Module] = {
        "refiner": Refiner(channels, blocks, grey=grey, looks=looks),
        "discriminator": ProjectedDiscriminator(read_efficientnet(features), channels=critic)
        if discriminator == "projected"
        else Judge(critic),
    }
    rates = {"refiner": rate, "discriminator": critic_rate}
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=rates[name], betas=(0.5, 0.999))
        for name, network in networks.items()
    }
    memory = {"discriminator": HalfHistory(pool)}
    turns, inputs = Turns(k_g, k_d, apart, judging), Inputs(batch, crop, grey)
    given = (turns, inputs, weight, psi, noise, variety if looks else 0.0)
    losses = HINGE if discriminator == "projected" else MINIMAX
    return SimGan(networks, optimizers, memory, *given, losses)

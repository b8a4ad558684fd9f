"""A GAN over points instead of pictures: small enough to hold a paper's law to its numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gantool.training import adversarial, penalties
from gantool.training.ema import Ema
from gantool.training.loop import How, Progress, train
from gantool.training.system import Batch, Export, Memory, Phase

Draw = Callable[[torch.Generator], Batch]
Judge = Callable[[nn.Module, Tensor, Tensor], Mapping[str, Tensor]]
"""The terms of a discriminator's loss from the network, N×D real and N×D fake points."""


@dataclass(frozen=True)
class Clouds:
    """A whole cloud of points `x` and noise `z` is one sample: collating 256 numbers is slow."""

    draw: Draw
    size: int = 1

    def sample(self, seed: int, step: int, item: int) -> Batch:
        return self.draw(torch.Generator().manual_seed((seed << 40) + (step << 8) + item))


@dataclass
class PointGan:
    """The system: `judge` for the phases named discriminator…, `fool` for the generator's."""

    networks: Mapping[str, nn.Module]
    turns: Sequence[Phase]
    judge: Judge
    fool: Callable[[Tensor], Tensor]
    data: Clouds
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> Clouds:
        return self.data

    def phases(self) -> Sequence[Phase]:
        return self.turns

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        real, noise = batch["x"].flatten(0, 1), batch["z"].flatten(0, 1)
        critic, generator = self.networks["discriminator"], self.networks["generator"]
        if phase.name == "generator":
            return {"gan": self.fool(critic(generator(noise)))}
        with torch.no_grad():
            fake = generator(noise)
        return self.judge(critic, real, fake)

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        """The points as they are, for the monitors; nothing is drawn of them."""
        real, noise = batch["x"].flatten(0, 1), batch["z"].flatten(0, 1)
        return {"result": networks["generator"](noise), "target": real}

    def exports(self) -> Sequence[Export]:
        return []


def minimax(critic: nn.Module, real: Tensor, fake: Tensor) -> Batch:
    return {"gan": adversarial.minimax_discriminator(critic(real), critic(fake))}


def least_squares(critic: nn.Module, real: Tensor, fake: Tensor) -> Batch:
    return {"gan": adversarial.least_squares_discriminator(critic(real), critic(fake))}


def with_r1(gamma: float) -> Judge:
    def judge(critic: nn.Module, real: Tensor, fake: Tensor) -> Batch:
        r1 = penalties.r1_penalty(critic, real, weight=gamma)
        return {**minimax(critic, real, fake), "r1": r1}

    return judge


def wasserstein(weight: float) -> Judge:
    """With the gradient penalty."""

    def judge(critic: nn.Module, real: Tensor, fake: Tensor) -> Batch:
        gap = adversarial.wasserstein_critic(critic(real), critic(fake))
        slope = penalties.gradient_penalty(critic, real, fake, weight=weight)
        return {"gan": gap, "slope": slope}

    return judge


def mlp(*widths: int, body: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these widths with `body` between them."""
    layers = [nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False)]
    return nn.Sequential(*[part for layer in layers for part in (layer, body())][:-1])


def adam(
    network: nn.Module, rate: float, betas: tuple[float, float] = (0.0, 0.9)
) -> torch.optim.Adam:
    """Forgets soon, as GANs like it; fused, since small networks wait for Python."""
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True)


def level(fraction: float) -> float:
    return 1.0


def falling(fraction: float) -> float:
    return 1 - fraction


def turns(
    networks: Mapping[str, nn.Module],
    rates: tuple[float, float],
    schedule: Callable[[float], float] = level,
    *,
    critic_steps: int = 1,
    betas: tuple[float, float] = (0.0, 0.9),
) -> list[Phase]:
    """`rates` of generator and discriminator; every step of the critic gets points of its own."""
    generator = adam(networks["generator"], rates[0], betas)
    critic = adam(networks["discriminator"], rates[1], betas)
    phases = [
        Phase(f"discriminator {draw}", critic, schedule, ("generator",), draw=draw)
        for draw in range(critic_steps)
    ]
    return [*phases, Phase("generator", generator, schedule, ("discriminator",))]


def steps(gan: PointGan, ema: Ema, last: int, *, seed: int = 0) -> Iterator[Progress]:
    """The project's own loop over all of a training."""
    return train(gan, gan.data, ema, How(seed=seed), first=0, steps=last)


def trained(gan: PointGan, last: int, *, seed: int = 0) -> Ema:
    """The averaged networks at the end."""
    ema = Ema(gan.networks)
    for progress in steps(gan, ema, last, seed=seed):
        assert not progress.skipped
    return ema

"""Systems of toy size, for laws of the training core, and what is asked of their checkpoints."""

import hashlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training import checkpoint, session
from gantool.training.options import Limits
from gantool.training.penalties import History
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool.training.system import Batch, Contract, Export, Memory, Once, Phase

torch.set_num_threads(1)  # in networks this small threads only wait for each other
STEPS = 40


@dataclass(frozen=True)
class Noise:
    """A dataset of numbers alone."""

    size: int = 2

    def sample(self, seed: int, step: int, item: int) -> Batch:
        random = np.random.default_rng([seed, step, item])
        drawn = torch.from_numpy(random.random((2, 3, 8, 8), np.float32))
        return {"input": drawn[0], "target": drawn[1] / 2}


@dataclass
class ToyGan:
    """A GAN of `networks` generator and discriminator, least squares, with a pool of fakes."""

    networks: Mapping[str, nn.Module]
    turns: Sequence[Phase]
    noisy: bool
    size: int
    pool: History = field(default_factory=lambda: History(6))
    fakes: Once[Tensor] = field(default_factory=Once)

    @property
    def memory(self) -> Mapping[str, Memory]:
        return {"pool": self.pool}

    def dataset(self, root: Path, split: str) -> Noise:
        return Noise(self.size)

    def phases(self) -> Sequence[Phase]:
        return self.turns

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        fake = self.fakes(batch, lambda: self.fake(batch["input"]))
        judge = self.networks["discriminator"]
        if phase.name == "generator":
            return {"fool": (judge(fake) - 1).square().mean()}
        older = self.pool.mix(fake)
        shown = older if self.noisy else fake.detach()
        real = (judge(batch["target"]) - 1).square().mean()
        return {"real": real, "fake": judge(shown).square().mean()}

    def fake(self, given: Tensor) -> Tensor:
        noise = torch.rand_like(given) if self.noisy else 0
        result: Tensor = self.networks["generator"](given + noise)
        return result

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        result = networks["generator"](batch["input"])
        return {"input": batch["input"], "result": result, "target": batch["target"]}

    def exports(self) -> Sequence[Export]:
        return [Export("generator", Contract("toy"), prepare=lambda network: network)]


def hard_gan(*, rate: float = 1e-2, size: int = 2) -> ToyGan:
    """All that makes resuming hard: noise, dropout, running statistics, spectral norm, a pool."""
    generator = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.3), _last(4)
    )
    judge = nn.Sequential(spectral_norm(nn.Conv2d(3, 5, 3)), nn.LeakyReLU(), nn.Conv2d(5, 1, 3))
    return _gan(generator, judge, rate=rate, noisy=True, size=size)


def quiet_gan(*, rate: float = 1e-2, size: int = 4) -> ToyGan:
    """Nothing in it is drawn at random, and every sample has a loss of its own.

    Its pool remembers, but nothing comes out of it.
    """
    generator = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), _last(4))
    judge = nn.Sequential(nn.Conv2d(3, 5, 3), nn.LeakyReLU(), nn.Conv2d(5, 1, 3))
    return _gan(generator, judge, rate=rate, noisy=False, size=size)


def opened(folder: Path, *, recipe=hard_gan, precision: str = "fp32", **more: object) -> Run:
    """A run of a toy, as its folder has it."""
    values = {"steps": STEPS, "seed": 5} | more
    settings = Settings("toy", {"rate": 1e-2}, "noise", precision=precision, **values)
    return Run(recipe, folder, settings, folder.parent)


def trained(folder: Path, *sessions: int, **more: object) -> Run:
    """A run after sessions of so many steps each."""
    for steps in sessions:
        going = opened(folder, **more)
        deque(session.train(going, Limits(max_steps=steps)), maxlen=0)
    return going


def logged(folder: Path) -> list[dict[str, object]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def newest(run: Run) -> Path:
    return checkpoint.newest_first(run.checkpoints)[0]


def content(path: Path) -> dict[str, str]:
    """The hash of each file: equal where all weights, averages and moments are, bit for bit."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


def flip(file: Path, at: int = -1) -> None:
    """Damage one bit."""
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def weights_of(networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """A copy of all weights and buffers by `network.name`."""
    return {
        f"{owner}.{name}": tensor.detach().clone()
        for owner, network in networks.items()
        for name, tensor in network.state_dict().items()
    }


def differing(some: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> list[str]:
    """The names whose tensors are not equal, bit for bit."""
    assert some.keys() == others.keys()
    return [name for name, tensor in some.items() if not torch.equal(tensor, others[name])]


def _last(channels: int) -> nn.Module:
    return nn.Conv2d(channels, 3, 3, padding=1)


def _gan(generator: nn.Module, judge: nn.Module, *, rate: float, noisy: bool, size: int) -> ToyGan:
    networks = {"discriminator": judge, "generator": generator}
    turns = [
        Phase(name, torch.optim.Adam(net.parameters(), lr=rate), lambda done: 1 - done / 2, others)
        for (name, net), others in zip(networks.items(), [(), ("discriminator",)], strict=True)
    ]
    return ToyGan(networks, turns, noisy, size)

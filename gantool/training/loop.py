"""The training loop, in time order."""

import contextlib
import functools
import math
import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantool.training.batches import ahead, collate
from gantool.training.ema import Ema
from gantool.training.system import Batch, Dataset, Phase, System
from gantool.training.workers import Workers

MOST_AHEAD = 16
"""Batches that wait in memory for a GPU."""


@dataclass(frozen=True)
class How:
    """What decides the arithmetic of a training beside its recipe and its data."""

    seed: int = 0
    precision: str = "fp32"
    accumulate: int = 1
    """Micro-batches that a batch is worked through in, to save memory."""
    workers: Workers = Workers()
    memory_format: torch.memory_format = torch.channels_last
    """Of pictures."""

    @property
    def device(self) -> str:
        return self.workers.device


@dataclass(frozen=True)
class Progress:
    """What one step did: its number (from 1), loss terms by `phase/term`, seconds, data wait."""

    step: int
    losses: dict[str, float]
    seconds: float
    waited: float
    skipped: tuple[str, ...] = ()
    """Phases that had a loss or a gradient that is not finite, and so made no step."""


def train(
    system: System, data: Dataset, ema: Ema, how: How, *, first: int, steps: int
) -> Generator[Progress, None, None]:
    """Run steps `first` … `steps`, yielding after each; the caller saves, draws and may stop.

    Schedules depend on `steps` alone, never on where the caller stops; what is drawn at random
    within a step depends on (seed, step) alone. Changes `system` and `ema` in place.
    """
    how.workers.check(data.size, how.accumulate)
    phases = system.phases()
    base = [[_first_rate(group) for group in phase.optimizer.param_groups] for phase in phases]
    make = functools.partial(_batches, data, how, 1 + max(phase.draw for phase in phases))
    with contextlib.closing(ahead(make, first, steps, _depth(how))) as coming:
        for step in range(first, steps):
            begin = time.perf_counter()
            drawn = next(coming)
            waited = time.perf_counter() - begin
            drawn = [[_placed(batch, how) for batch in parts] for parts in drawn]
            losses: dict[str, float] = {}
            skipped: list[str] = []
            _reseed(how, step)
            for phase in _turns(phases, base, step / steps):
                terms = _descend(system, phase, drawn[phase.draw], how, step / steps)
                losses |= {f"{phase.name}/{name}": value for name, value in terms.items()}
                skipped += [] if terms else [phase.name]
            ema.update(system.networks, step)
            seconds = time.perf_counter() - begin
            yield Progress(step + 1, losses, seconds, waited, tuple(skipped))


def _descend(
    system: System, phase: Phase, batches: Sequence[Batch], how: How, fraction: float
) -> dict[str, float]:
    """One step of the phase's optimizer down its loss; the terms, or {} where it is not finite."""
    phase.optimizer.zero_grad(set_to_none=True)
    buffers = [each for network in system.networks.values() for each in network.buffers()]
    before = [each.clone() for each in buffers]
    sums: dict[str, Tensor] = {}
    for batch in batches:
        with _arithmetic(how), _frozen(system, phase):
            terms = system.loss(phase, batch, fraction)
        total = torch.stack(list(terms.values())).sum() / len(batches)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        for name, term in terms.items():
            sums[name] = sums.get(name, torch.zeros_like(term)) + term.detach() / len(batches)
    weights = [weight for group in phase.optimizer.param_groups for weight in group["params"]]
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    how.workers.average([*gradients, *sums.values()])
    norm = torch.nn.utils.get_total_norm(gradients)
    numbers = torch.stack([norm, *sums.values()]).tolist()  # one wait for the device
    if not all(map(math.isfinite, numbers)):
        for buffer, value in zip(buffers, before, strict=True):  # statistics have seen it too
            buffer.data.copy_(value)  # unseen by the graphs of other phases
        return {}
    phase.optimizer.step()
    if phase.after is not None:
        phase.after()
    return dict(zip(sums, numbers[1:], strict=True))


def _batches(data: Dataset, how: How, draws: int, step: int) -> list[list[Batch]]:
    """This process's micro-batches of a step, for each draw."""
    starts = range(0, draws * data.size, data.size)
    shares = [
        how.workers.share(range(start, start + data.size), how.accumulate) for start in starts
    ]
    return [[collate(data, how.seed, step, items) for items in parts] for parts in shares]


def _depth(how: How) -> int:
    """Batches made at once: a GPU leaves all cores to them, a CPU trains on the same ones."""
    return 2 if how.device == "cpu" else max(2, min(os.cpu_count() or 2, MOST_AHEAD))


def _placed(batch: Batch, how: How) -> Batch:
    formats = {4: how.memory_format}
    return {
        name: tensor.to(how.device, memory_format=formats.get(tensor.ndim, torch.contiguous_format))
        for name, tensor in batch.items()
    }


def _arithmetic(how: How) -> torch.autocast:
    kind = how.device.split(":")[0]
    return torch.autocast(kind, torch.bfloat16, enabled=how.precision == "bf16")


@contextlib.contextmanager
def _frozen(system: System, phase: Phase) -> Iterator[None]:
    """No gradients for the weights of the networks that this phase does not move."""
    weights = [each for name in phase.frozen for each in system.networks[name].parameters()]
    moving = [each for each in weights if each.requires_grad]
    for each in moving:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in moving:
            each.requires_grad_(True)


def _first_rate(group: dict[str, Any]) -> float:
    """The rate that the recipe set, also where a session before this one has changed it."""
    rate: float = group.setdefault("initial_lr", group["lr"])
    return rate


def _turns(
    phases: Sequence[Phase], base: Sequence[Sequence[float]], fraction: float
) -> Iterator[Phase]:
    """The phases that have a turn, the schedule's rates set as each comes."""
    for phase, rates in zip(phases, base, strict=True):
        factor = phase.rate(fraction)
        for group, rate in zip(phase.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        if factor > 0:
            yield phase


def _reseed(how: How, step: int) -> None:
    """For what is drawn within a step: noise, dropout, the mix of a penalty."""
    parts = np.random.SeedSequence((how.seed, step, how.workers.rank))
    seed = int(parts.generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(seed)  # of torch.manual_seed the part that is needed
    if how.device.startswith("cuda"):
        torch.cuda.manual_seed_all(seed)

"""The training loop, in time order."""

import contextlib
import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gantool.errors import GantoolError
from gantool.training.ema import Ema
from gantool.training.system import Batch, Dataset, Phase, System


@dataclass(frozen=True)
class Progress:
    """What one step did: its number (from 1), loss terms by `phase/term`, seconds, data wait."""

    step: int
    losses: dict[str, float]
    seconds: float
    waited: float


def train(
    system: System,
    data: Dataset,
    ema: Ema,
    *,
    first: int,
    steps: int,
    seed: int,
    precision: str = "fp32",
    device: str = "cpu",
) -> Generator[Progress, None, None]:
    """Run steps `first` … `steps`, yielding after each; the caller saves, draws and may stop.

    Schedules depend on `steps` alone, never on where the caller stops. Networks and optimizers
    of `system` and `ema` are changed in place. Raises GantoolError on a loss that is not finite.
    """
    phases = system.phases()
    base = {
        phase.name: [_first_rate(group) for group in phase.optimizer.param_groups]
        for phase in phases
    }
    half = torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16")
    with contextlib.closing(_ahead(data, seed, first, steps)) as batches:
        for step in range(first, steps):
            begin = time.perf_counter()
            batch = {name: _place(tensor, device) for name, tensor in next(batches).items()}
            waited = time.perf_counter() - begin
            losses: dict[str, float] = {}
            for phase in phases:
                _set_rate(phase, base[phase.name], step / steps)
                with half, _frozen(system, phase):
                    terms = system.loss(phase, batch)
                losses |= _descend(phase, terms, step)
            ema.update(system.networks, step)
            yield Progress(step + 1, losses, time.perf_counter() - begin, waited)


def _descend(phase: Phase, terms: Mapping[str, torch.Tensor], step: int) -> dict[str, float]:
    """One step of the phase's optimizer down the sum of its terms; gives them by `phase/term`."""
    total = torch.stack(list(terms.values())).sum()
    if not torch.isfinite(total):
        raise GantoolError(f"step {step + 1}: the {phase.name} loss is not finite: lower the rate")
    phase.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    phase.optimizer.step()
    if phase.after is not None:
        phase.after()
    return {f"{phase.name}/{name}": term.item() for name, term in terms.items()}


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


def _set_rate(phase: Phase, base: list[float], fraction: float) -> None:
    for group, rate in zip(phase.optimizer.param_groups, base, strict=True):
        group["lr"] = rate * phase.rate(fraction)


def _place(tensor: torch.Tensor, device: str) -> torch.Tensor:
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return tensor.to(device, memory_format=layout, non_blocking=True)


def _ahead(
    data: Dataset, seed: int, first: int, steps: int, depth: int = 2
) -> Generator[Batch, None, None]:
    """Batches `first` … `steps`, made `depth` ahead in a thread; its error is raised here."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(depth)
    stopped = threading.Event()

    def put(thing: Batch | BaseException) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(thing, timeout=0.2)
                break

    def work() -> None:
        try:
            for step in range(first, steps):
                if stopped.is_set():
                    return
                put(data.batch(seed, step))
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        for _ in range(first, steps):
            thing = ready.get()
            if isinstance(thing, BaseException):
                raise thing
            yield thing
    finally:
        stopped.set()
        thread.join()

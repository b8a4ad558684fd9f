"""Laws of the training loop: order, schedules, errors."""

import dataclasses
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import GantoolError, ItemError
from gantool.training.ema import Ema
from gantool.training.loop import Progress, train
from gantool.training.system import Phase

torch.set_num_threads(1)  # in networks this small threads only wait for each other


def squared(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return network(batch["x"]).square().mean()


@dataclass
class Toy:
    """One weight and two phases that go down the same loss; it notes what happens to it."""

    loss_of: Callable[..., Tensor] = squared
    spoil: int = -1
    """The step for which there is no data."""
    events: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.networks = {"g": nn.Linear(1, 1, bias=False)}
        optimizer = torch.optim.SGD(self.networks["g"].parameters(), lr=0.5)
        self.turns = [
            Phase(
                name,
                optimizer,
                rate=lambda fraction: 1 - fraction,
                after=functools.partial(self.after, name),
            )
            for name in ("first", "second")
        ]

    def phases(self) -> list[Phase]:
        return self.turns

    def after(self, name: str) -> None:
        self.events.append((f"after {name}", self.weight))

    @property
    def weight(self) -> float:
        return self.networks["g"].weight.item()

    def loss(self, phase: Phase, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.events.append((phase.name, phase.optimizer.param_groups[0]["lr"]))
        return {"loss": self.loss_of(self.networks["g"], batch)}

    def batch(self, seed: int, step: int) -> dict[str, Tensor]:
        if step == self.spoil:
            raise ItemError("no more pictures")
        return {"x": torch.tensor([[1.0 + seed + step]]) / 10}


def steps_of(toy: Toy, *, first: int = 0, precision: str = "fp32", ema: Ema | None = None):
    ema = ema or Ema(toy.networks)
    return train(toy, toy, ema, first=first, steps=8, seed=3, precision=precision)


def rates(toy: Toy) -> list[float]:
    return [value for name, value in toy.events if name == "first"]


def loaders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "batches"]


def test_a_frozen_network_is_run_through_but_gets_no_gradients():
    toy = Toy()
    judge = nn.Linear(1, 1)
    toy.networks["judge"] = judge
    toy.turns = [dataclasses.replace(phase, frozen=("judge",)) for phase in toy.turns]
    toy.loss_of = lambda network, batch: judge(network(batch["x"])).sum()
    before = toy.weight
    next(steps_of(toy))
    assert toy.weight != before
    assert [each.grad for each in judge.parameters()] == [None, None]
    assert all(each.requires_grad for each in judge.parameters())


def test_a_network_that_was_to_stay_fixed_stays_fixed():
    toy = Toy()
    toy.networks["features"] = nn.Linear(1, 1).requires_grad_(False)
    toy.turns = [dataclasses.replace(phase, frozen=("features",)) for phase in toy.turns]
    next(steps_of(toy))
    assert not any(each.requires_grad for each in toy.networks["features"].parameters())


def test_the_schedule_does_not_depend_on_where_it_stops():
    whole, cut = Toy(), Toy()
    list(steps_of(whole))
    some = steps_of(cut)
    assert len(list(islice(some, 3))) == 3
    some.close()
    list(steps_of(cut, first=3))
    assert rates(whole) == [0.5 * (1 - step / 8) for step in range(8)]
    assert rates(cut)[:3] == rates(whole)[:3]
    assert cut.weight != Toy().weight


def test_phases_take_turns_and_after_follows_the_step():
    toy = Toy()
    next(steps_of(toy))
    assert [name for name, _ in toy.events] == ["first", "after first", "second", "after second"]
    start, half, whole = Toy().weight, toy.events[1][1], toy.events[3][1]
    x, rate = 0.4, 0.5  # batch(seed 3, step 0), SGD's rate
    assert half == pytest.approx(start - rate * 2 * x * x * start)
    assert whole == pytest.approx(half - rate * 2 * x * x * half)


def test_batches_are_those_of_seed_and_step_in_order():
    seen: list[float] = []

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.append(round(batch["x"].item() * 10) - 1 - 3)
        return squared(network, batch)

    list(steps_of(Toy(loss), first=2))
    assert seen == [step for step in range(2, 8) for _ in ("first", "second")]


def test_progress_counts_from_one_and_names_its_terms():
    progress = list(steps_of(Toy(), first=2))
    assert all(isinstance(each, Progress) for each in progress)
    assert [each.step for each in progress] == [3, 4, 5, 6, 7, 8]
    assert set(progress[0].losses) == {"first/loss", "second/loss"}
    assert all(each.seconds >= each.waited >= 0 for each in progress)


def test_averages_are_updated_once_a_step():
    toy = Toy()
    ema, wanted = Ema(toy.networks), Ema(toy.networks)
    for progress in steps_of(toy, ema=ema):
        wanted.update(toy.networks, progress.step - 1)
    assert torch.equal(ema.networks["g"].weight, wanted.networks["g"].weight)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_before_it_does_harm(bad):
    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return squared(network, batch) * (bad if batch["x"] > 0.55 else 1)  # from step 3 on

    toy, weights = Toy(loss), []
    with pytest.raises(GantoolError, match="step 3: the first loss is not finite"):
        weights += [toy.weight for _ in steps_of(toy)]
    assert toy.weight == pytest.approx(toy.events[-2][1])
    assert torch.isfinite(toy.networks["g"].weight).all()


def test_an_error_of_the_data_is_raised_here_as_it_is():
    toy = Toy(spoil=2)
    steps = steps_of(toy)
    assert [next(steps).step, next(steps).step] == [1, 2]
    with pytest.raises(ItemError, match="no more pictures"):
        next(steps)
    assert not loaders()


def test_nothing_runs_on_after_closing():
    steps = steps_of(Toy())
    next(steps)
    assert len(loaders()) == 1
    steps.close()
    assert not loaders()


def test_bf16_is_the_arithmetic_not_the_weights():
    kinds: list[torch.dtype] = []

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        kinds.append(network(batch["x"]).dtype)
        return squared(network, batch)

    toy = Toy(loss)
    list(steps_of(toy, precision="bf16"))
    assert set(kinds) == {torch.bfloat16}
    assert toy.networks["g"].weight.dtype == torch.float32

"""Laws of the training loop: order, schedules, shares of a batch, what is not finite."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import ItemError, UsageError
from gantool.training.ema import Ema
from gantool.training.loop import MOST_AHEAD, How, Progress, _depth, train
from gantool.training.system import Phase
from gantool.training.workers import Workers
from systems import ToyGan, differing, hard_gan, quiet_gan, weights_of

HOW = How(seed=3)


def squared(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return network(batch["x"]).square().mean()


@dataclass
class Toy:
    """One weight and two phases that go down the same loss; it notes what happens to it."""

    loss_of: Callable[..., Tensor] = squared
    spoil: int = -1
    """The step for which there is no data."""
    size: int = 1
    events: list[tuple[str, float]] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)

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

    def loss(self, phase: Phase, batch: dict[str, Tensor], fraction: float) -> dict[str, Tensor]:
        self.fractions.append(fraction)
        self.events.append((phase.name, phase.optimizer.param_groups[0]["lr"]))
        return {"loss": self.loss_of(self.networks["g"], batch)}

    def sample(self, seed: int, step: int, item: int) -> dict[str, Tensor]:
        if step == self.spoil:
            raise ItemError("no more pictures")
        return {"x": torch.tensor([1.0 + seed + step + 100 * item]) / 10}

    def change(self, place: int, **changes: object) -> None:
        self.turns[place] = dataclasses.replace(self.turns[place], **changes)


def steps_of(toy: Toy, *, first: int = 0, how: How = HOW, ema: Ema | None = None):
    return train(toy, toy, ema or Ema(toy.networks), how, first=first, steps=8)


def trained(system, *, steps: int, data=None, first: int = 0, total: int = 0, **how: object):
    """The progress of `steps` steps of a system on its data."""
    data = data or system.dataset(None, "train")
    going = train(system, data, Ema(system.networks), How(**how), first=first, steps=total or steps)
    return list(islice(going, steps))


def rates(toy: Toy) -> list[float]:
    return [value for name, value in toy.events if name == "first"]


def seen_by(toy: Toy) -> list[list[float]]:
    """What the batches of every loss will have shown, sample by sample, in tenths."""
    seen: list[list[float]] = []

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.append((batch["x"][:, 0] * 10).round().tolist())
        return squared(network, batch)

    toy.loss_of = loss
    return seen


def test_a_frozen_network_is_run_through_but_gets_no_gradients():
    toy = Toy()
    judge = nn.Linear(1, 1)
    toy.networks["judge"] = judge
    for place in (0, 1):
        toy.change(place, frozen=("judge",))
    toy.loss_of = lambda network, batch: judge(network(batch["x"])).sum()
    before = toy.weight
    next(steps_of(toy))
    assert toy.weight != before
    assert [each.grad for each in judge.parameters()] == [None, None]
    assert all(each.requires_grad for each in judge.parameters())


def test_a_network_that_was_to_stay_fixed_stays_fixed():
    toy = Toy()
    toy.networks["features"] = nn.Linear(1, 1).requires_grad_(False)
    toy.change(0, frozen=("features",))
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
    assert rates(cut) == rates(whole)
    assert cut.weight == whole.weight != Toy().weight
    assert cut.fractions == whole.fractions == [step / 8 for step in range(8) for _ in range(2)]


def test_phases_take_turns_and_after_follows_the_step():
    toy = Toy()
    next(steps_of(toy))
    assert [name for name, _ in toy.events] == ["first", "after first", "second", "after second"]
    start, half, whole = Toy().weight, toy.events[1][1], toy.events[3][1]
    x, rate = 0.4, 0.5  # sample(seed 3, step 0, item 0), SGD's rate
    assert half == pytest.approx(start - rate * 2 * x * x * start)
    assert whole == pytest.approx(half - rate * 2 * x * x * half)


def test_batches_are_those_of_seed_and_step_in_order():
    toy = Toy()
    seen = seen_by(toy)
    list(steps_of(toy, first=2))
    assert seen == [[1 + 3 + step] for step in range(2, 8) for _ in ("first", "second")]


def test_phases_of_one_number_share_a_batch_and_others_get_one_of_their_own():
    toy = Toy(size=2)
    toy.turns.append(dataclasses.replace(toy.turns[0], name="third"))
    toy.change(1, draw=1)
    seen = seen_by(toy)
    next(steps_of(toy))
    first, second, third = seen
    assert first == third == [4, 104]
    assert second == [204, 304]


def test_phases_of_one_number_get_the_same_object():
    toy, batches = Toy(), []
    toy.change(1, draw=1)
    toy.turns.append(dataclasses.replace(toy.turns[0], name="third"))
    toy.loss_of = lambda network, batch: batches.append(batch) or squared(network, batch)
    next(steps_of(toy))
    assert batches[0] is batches[2] is not batches[1]


def test_a_rate_of_zero_skips_the_phase_and_leaves_its_network_bit_for_bit():
    system = hard_gan()
    before = weights_of(system.networks)
    system.turns[0] = dataclasses.replace(system.turns[0], rate=lambda done: float(done >= 0.5))
    asleep = trained(system, steps=2, total=4)
    moved = differing(before, weights_of(system.networks))
    trained_ones = [name for name in moved if not name.endswith(("._u", "._v"))]  # run through
    assert {name.split(".")[0] for name in trained_ones} == {"generator"}
    assert {name.split("/")[0] for each in asleep for name in each.losses} == {"generator"}
    assert all(each.skipped == () for each in asleep)
    (awake,) = trained(system, steps=1, first=2, total=4)
    assert "discriminator/real" in awake.losses


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
def test_a_loss_that_is_not_finite_skips_its_phases_and_no_other(bad):
    toy = Toy()
    steps = steps_of(toy)
    assert next(steps).skipped == ()
    before = toy.weight

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return squared(network, batch) * (bad if toy.events[-1][0] == "first" else 1)

    toy.loss_of, toy.events = loss, []
    progress = next(steps)
    assert progress.skipped == ("first",)
    assert set(progress.losses) == {"second/loss"}
    assert [name for name, _ in toy.events] == ["first", "second", "after second"]
    x, rate = 0.5, 0.5 * 7 / 8
    assert toy.weight == pytest.approx(before * (1 - rate * 2 * x * x))
    toy.loss_of = squared
    assert next(steps).skipped == ()


def test_a_gradient_that_is_not_finite_leaves_weights_and_moments_as_they_were():
    system = hard_gan()
    trained(system, steps=1, total=4)
    judge, optimizer = system.networks["discriminator"], system.turns[0].optimizer
    before = [each.clone() for each in judge.parameters()]
    moments = [each["exp_avg"].clone() for each in optimizer.state.values()]
    judge[0].bias.register_hook(lambda gradient: gradient * torch.inf)
    (progress,) = trained(system, steps=1, first=1, total=4)
    assert progress.skipped == ("discriminator",)
    assert all(map(torch.equal, before, judge.parameters()))
    after = [each["exp_avg"] for each in optimizer.state.values()]
    assert all(map(torch.equal, moments, after))


def test_an_error_of_the_data_is_raised_here_as_it_is():
    steps = steps_of(Toy(spoil=2))
    assert [next(steps).step, next(steps).step] == [1, 2]
    with pytest.raises(ItemError, match="no more pictures"):
        next(steps)


def test_bf16_is_the_arithmetic_not_the_weights():
    kinds: list[torch.dtype] = []

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        kinds.append(network(batch["x"]).dtype)
        return squared(network, batch)

    toy = Toy(loss)
    list(steps_of(toy, how=How(seed=3, precision="bf16")))
    assert set(kinds) == {torch.bfloat16}
    assert toy.networks["g"].weight.dtype == torch.float32


def test_parts_of_a_batch_cover_it_once():
    toy = Toy(size=6)
    seen = seen_by(toy)
    next(steps_of(toy, how=How(seed=3, accumulate=3)))
    parts = seen[: len(seen) // 2]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert sorted(x for part in parts for x in part) == [4 + 100 * item for item in range(6)]


def descending() -> ToyGan:
    """By plain descent: Adam would not see gradients that are too large by a factor."""
    torch.manual_seed(0)
    system = quiet_gan()
    for place, turn in enumerate(system.turns):
        weights = system.networks[turn.name].parameters()
        system.turns[place] = dataclasses.replace(turn, optimizer=torch.optim.SGD(weights, lr=0.1))
    return system


@pytest.mark.parametrize("accumulate", [2, 4])
def test_a_batch_in_parts_teaches_what_the_whole_batch_teaches(accumulate):
    whole, parts, start = descending(), descending(), weights_of(descending().networks)
    one = trained(whole, steps=5)
    other = trained(parts, steps=5, accumulate=accumulate)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-5)
    for name, tensor in weights_of(whole.networks).items():
        torch.testing.assert_close(weights_of(parts.networks)[name], tensor, rtol=1e-4, atol=1e-5)
        assert not torch.equal(tensor, start[name])


@pytest.mark.parametrize("accumulate", [3, 8])
def test_a_batch_that_has_no_equal_parts_is_refused(accumulate):
    with pytest.raises(UsageError, match=f"a batch of 4 .* {accumulate} .--accumulate. equal"):
        next(steps_of(Toy(size=4), how=How(accumulate=accumulate)))


def draws(toy: Toy, *, before: int = 0, **how: int) -> list[float]:
    """What is drawn at random in three steps, after so many draws of the caller's own."""
    drawn: list[float] = []
    toy.loss_of = lambda network, batch: (
        drawn.append(torch.rand(()).item()) or squared(network, batch)
    )
    steps = steps_of(toy, how=How(**how))
    for _ in range(3):
        torch.rand(before)
        next(steps)
    return drawn


def test_what_is_drawn_within_a_step_depends_on_seed_and_step_alone():
    wanted = draws(Toy(), seed=3)
    assert draws(Toy(), seed=3, before=5) == wanted
    assert len(set(wanted)) == 6
    assert not set(draws(Toy(), seed=4)) & set(wanted)


@pytest.mark.parametrize(("cores", "depth"), [(None, 2), (1, 2), (12, 12), (64, MOST_AHEAD)])
def test_a_gpu_gets_its_batches_from_all_cores(monkeypatch, cores, depth):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert _depth(How(workers=Workers(device="cuda:0"))) == depth
    assert _depth(HOW) == 2

"""Laws of the monitors: each failure is seen on made data, none on good data, told once."""

import itertools

import pytest
import torch
from torch import Tensor

from gantool.training.monitors import LONG, START, Event, Watch, distance, look

COUNT = 8


def pictures(seed: int, *, mean: float = 0.5, deviation: float = 0.2) -> Tensor:
    """N×3×8×8 with something in common within each picture, as pictures have."""
    random = torch.Generator().manual_seed(seed)
    base = torch.randn(COUNT, 3, 1, 1, generator=random)
    detail = torch.randn(COUNT, 3, 8, 8, generator=random)
    return mean + deviation * (base + detail) / 2**0.5


def kinds(**columns: Tensor) -> list[str]:
    return [event.kind for event in look({name: each for name, each in columns.items()})]


GOOD = {
    "a result near its target": pictures(2) + 0.3 * pictures(3, mean=0),
    "a result a little flat": 0.5 + 0.5 * (pictures(2) - 0.5),
    "a result a little red": pictures(2) + torch.tensor([0.08, 0, 0]).view(3, 1, 1),
    "a result a fifth of the way": 0.8 * pictures(1) + 0.2 * pictures(2),
}


@pytest.mark.parametrize("result", GOOD.values(), ids=GOOD)
def test_good_results_are_no_event(result):
    assert kinds(input=pictures(1), result=result, target=pictures(2)) == []


def test_results_like_the_targets_but_not_of_the_same_samples_are_no_event():
    """Means of eight pictures lie apart by chance: a good unpaired translator must not be told."""
    seen = [kinds(result=pictures(100 + each), target=pictures(each)) for each in range(40)]
    assert sum(map(bool, seen)) <= 2


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_results_that_are_nearly_one_picture_are_a_collapse(noise):
    target = pictures(2)
    result = target[:1] + noise * (target - target[:1])
    assert "collapse" in kinds(result=result, target=target)
    assert "collapse" not in kinds(result=target[:1] + 0.2 * (target - target[:1]), target=target)


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("way", [0.4, -0.4])
def test_a_channel_that_leaves_the_targets_is_a_drift(channel, way):
    shift = torch.zeros(3, 1, 1)
    shift[channel] = way
    (event,) = look({"result": pictures(2) + shift, "target": pictures(2)})
    assert event.kind == "drift"
    assert f"channel {channel} of result" in event.text


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_result_that_stays_at_its_input_is_unchanged(share):
    given, target = pictures(1), pictures(2)
    result = given + share * (target - given)
    (event,) = look({"input": given, "result": result, "target": target})
    assert event.kind == "unchanged"
    assert f"{share:.0%} of the way" in event.text


def test_every_direction_is_watched_by_its_own_columns():
    """A cycle: one way is good, the way back does nothing."""
    a, b = pictures(1), pictures(2)
    columns = {"input": a, "result": b, "target": b, "input back": b, "result back": b}
    (event,) = look({**columns, "target back": a})
    assert event.kind == "unchanged"
    assert "result back has moved" in event.text


def test_what_has_nothing_to_be_compared_with_is_no_event():
    flat = torch.zeros(COUNT, 3, 8, 8)
    assert kinds(result=flat) == kinds(result=flat, input=flat) == []
    assert kinds(fake=flat, target=pictures(2)) == []


def test_an_input_of_another_size_is_not_one_to_stay_at():
    assert kinds(input=pictures(2)[..., ::2, ::2], result=pictures(2), target=pictures(2)) == []


def test_events_do_not_depend_on_range_or_precision():
    target = pictures(2)
    result = target[:1].expand_as(target)
    for factor, kind in itertools.product((1, 255, 0.01), (torch.float32, torch.float64)):
        given = {"result": (result * factor).to(kind), "target": (target * factor).to(kind)}
        assert "collapse" in kinds(**given)
    assert "collapse" in kinds(result=result.bfloat16(), target=target.bfloat16())


def test_samples_other_than_pictures_are_watched_too():
    points = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    assert kinds(result=points.flip(0), target=points) == []
    assert kinds(result=torch.zeros(64, 2), target=points) == ["collapse"]


def test_distance_is_the_mean_difference_of_pairs():
    target = pictures(2)
    assert distance({"result": target + 0.25, "target": target}) == pytest.approx(0.25)
    assert distance({"result": target, "target": target}) == 0


def test_distance_of_what_is_no_pair_is_none():
    target = pictures(2)
    assert distance({"result": target}) is None
    assert distance({"target": target}) is None
    assert distance({"result": target[:4], "target": target}) is None


def test_a_distance_that_is_no_number_is_none():
    """It would be the smallest, as nothing is smaller than what is no number."""
    assert distance({"result": pictures(2) * torch.nan, "target": pictures(2)}) is None


def event(kind: str) -> Event:
    return Event(kind, f"{kind} is seen")


def told(*looks: str) -> list[list[str]]:
    """What is told at each of these looks, which see the kinds named by their first letters."""
    names = {"c": "collapse", "d": "drift"}
    watch = Watch()
    return [[each.kind for each in watch.looked(event(names[key]) for key in at)] for at in looks]


def test_it_takes_two_looks_in_a_row_and_is_told_once():
    assert told("c", "c", "c", "c") == [[], ["collapse"], [], []]
    assert told("c", "", "c", "", "c") == [[], [], [], [], []]


def test_what_comes_again_is_told_again():
    assert told("c", "c", "", "c", "c") == [[], ["collapse"], [], [], ["collapse"]]


def test_each_kind_is_told_by_itself():
    assert told("c", "cd", "d", "d") == [[], ["collapse"], ["drift"], []]
    assert [sorted(each) for each in told("cd", "cd")] == [[], ["collapse", "drift"]]


def test_two_directions_do_not_make_up_for_each_other():
    """One look at each of them is not two looks in a row."""
    watch = Watch()
    assert watch.looked([Event("drift", "drift: result")]) == []
    assert watch.looked([Event("drift", "drift: result back", " back")]) == []


def won(values: list[float], name: str = "discriminator/gan") -> list[int]:
    """The steps at which a discriminator with these losses is told to have won."""
    watch = Watch()
    return [step for step, value in enumerate(values) if watch.losses({name: value})]


def test_a_discriminator_that_has_won_for_long_is_told_once():
    values = [1.0] * START + [0.04] * (2 * LONG)
    assert won(values) == [START + LONG - 1]
    assert won(values, "discriminator_b/real") == [START + LONG - 1]


def test_a_discriminator_that_still_loses_now_and_then_has_not_won():
    assert won([1.0] * START + ([0.01] * (LONG - 1) + [0.3]) * 3) == []
    assert won([1.0] * START + [0.06] * (2 * LONG)) == []


def test_losses_without_a_bottom_are_no_win():
    """A critic's loss is negative where it does its work."""
    assert won([1.0] * START + [-0.01] * (2 * LONG)) == []
    assert won([1.0] * START + [0.0] * (2 * LONG), "generator/gan") == []


def test_a_step_that_was_skipped_says_nothing_of_winning():
    watch = Watch()
    assert watch.losses({}) == []

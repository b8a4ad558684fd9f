"""Laws of balanced weights: gradients on the pixels in the ratio asked for."""

import pytest
import torch

from gantool.training.balance import Balance


def terms(scale: float = 1.0) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Terms whose gradients on four pixels are ½ and scale·2, and one without a ratio."""
    pixels = (torch.arange(4.0, requires_grad=True) * 1).view(1, 1, 2, 2)
    return {"l1": pixels.mean(), "gan": scale * pixels.sum(), "other": pixels.sum()}, pixels


def pull(term: torch.Tensor, pixels: torch.Tensor) -> float:
    return torch.autograd.grad(term, pixels, retain_graph=True)[0].norm().item()


def test_a_weight_brings_the_gradient_to_its_ratio():
    balance, (given, pixels) = Balance({"gan": 1.5}), terms()
    weighed = balance.weigh(given, pixels)
    assert pull(weighed["gan"], pixels) == pytest.approx(1.5 * pull(given["l1"], pixels))
    assert weighed["other"] is given["other"]
    assert weighed["l1"] is given["l1"]
    assert weighed.keys() == given.keys()


def test_a_limit_is_never_exceeded():
    balance, (given, pixels) = Balance({"gan": 1.5}, limits={"gan": 0.03}), terms()
    assert balance.weigh(given, pixels)["gan"].item() == pytest.approx(0.03 * given["gan"].item())


def test_weights_are_measured_every_so_many_steps_falling_at_once_and_rising_by_half():
    balance = Balance({"gan": 1.0}, every=3)
    seen = []
    for scale in (1, 4, 4, 4, 1, 1, 1):
        balance.weigh(*terms(scale))
        seen.append(balance.weights["gan"])
    first = 0.25 / 1
    assert seen[0] == pytest.approx(first)
    assert seen[1:3] == [seen[0]] * 2
    assert seen[3] == pytest.approx(first / 4)
    assert seen[4:6] == [seen[3]] * 2
    assert seen[6] == pytest.approx((first * first / 4) ** 0.5)


def test_a_term_that_comes_later_is_measured_in_its_first_step():
    balance, (given, pixels) = Balance({"gan": 1.0}, every=100), terms()
    balance.weigh({"l1": given["l1"]}, pixels)
    assert balance.weights == {}
    balance.weigh(given, pixels)
    assert balance.weights["gan"] == pytest.approx(0.25)


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_gradients_that_are_none_change_nothing(scale):
    balance, (given, pixels) = Balance({"gan": 1.0}, every=1), terms()
    balance.weigh(given, pixels)
    balance.weigh(*terms(scale))
    assert balance.weights["gan"] == pytest.approx(0.25)


def test_restored_goes_on_bit_for_bit():
    scales = (1, 3, 2, 7, 5, 4, 6)
    straight = Balance({"gan": 1.0}, every=2)
    for scale in scales:
        straight.weigh(*terms(scale))
    one, other = Balance({"gan": 1.0}, every=2), Balance({"gan": 1.0}, every=2)
    for scale in scales[:3]:
        one.weigh(*terms(scale))
    other.restore(one.state())
    for scale in scales[3:]:
        other.weigh(*terms(scale))
    assert other.weights == straight.weights
    assert other.step == straight.step

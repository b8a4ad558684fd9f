"""Laws of the averaged weights."""

import pytest
import torch
from torch import nn

from gantool.training.ema import Ema


def network(weight: float) -> nn.Module:
    net = nn.BatchNorm1d(1)
    nn.init.constant_(net.weight, weight)
    return net


@pytest.mark.parametrize(
    ("step", "decay"), [(0, 0.1), (1, 2 / 11), (90, 0.91), (8989, 8990 / 8999), (8999, 0.999)]
)
def test_decay_warms_up_to_its_limit(step, decay):
    ema = Ema({"g": network(2.0)})
    ema.update({"g": network(5.0)}, step)
    assert ema.networks["g"].weight.item() == pytest.approx(decay * 2 + (1 - decay) * 5, abs=1e-5)


def test_many_steps_are_the_recurrence():
    ema, slow = Ema({"g": network(0.0)}, decay=0.5), 0.0
    for step, fast in enumerate([1.0, -2.0, 3.0, 0.5, 4.0, 7.0, -1.0, 2.0, 2.0, 9.0, 1.0]):
        ema.update({"g": network(fast)}, step)
        decay = min(0.5, (1 + step) / (10 + step))
        slow = decay * slow + (1 - decay) * fast
    assert ema.networks["g"].weight.item() == pytest.approx(slow, rel=1e-5)


def test_buffers_are_copied_not_averaged():
    fast = network(1.0)
    fast.running_mean.fill_(8)
    fast.num_batches_tracked.fill_(7)
    ema = Ema({"g": network(1.0)})
    ema.update({"g": fast}, 0)
    slow = ema.networks["g"]
    assert (slow.running_mean.item(), slow.num_batches_tracked.item()) == (8, 7)


def test_averages_are_apart_from_what_is_trained():
    fast = network(1.0)
    slow = Ema({"g": fast}).networks["g"]
    with torch.no_grad():
        fast.weight.fill_(9)
    assert slow.weight.item() == 1
    assert fast.training
    assert not slow.training
    assert not any(each.requires_grad for each in slow.parameters())

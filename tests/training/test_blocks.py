"""What is faster while training computes the same: results, gradients, and names of weights."""

import pytest
import torch
from torch import Tensor, nn

from gantool.training.networks import blocks
from gantool.training.networks.blocks import EPS, MERGED, enlarging, instance_norm


def gradients(network: nn.Module, x: Tensor) -> list[Tensor]:
    """The result, then the gradient of a weighted sum of it by the input and by every weight."""
    given = x.clone().requires_grad_(True)
    y = network(given)
    weights = torch.arange(y.numel(), dtype=y.dtype).sin().view_as(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [given, *network.parameters()])]


def same(network: nn.Module, other: nn.Module, x: Tensor) -> bool:
    pairs = zip(gradients(network, x), gradients(other, x), strict=True)
    return all(torch.allclose(one, two, atol=1e-10) for one, two in pairs)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (1, 300)])
@pytest.mark.parametrize("number", [1, 2])
def test_enlarging_at_once_is_enlarging(monkeypatch, size, number):
    at_once, used = blocks._at_once, []
    monkeypatch.setattr(blocks, "_at_once", lambda *given: used.append(1) or at_once(*given))
    layer = enlarging(3, 5, 4, "resize").double()
    plain = nn.Sequential(*layer)
    x = torch.randn(number, 3, *size, dtype=torch.float64)
    assert same(layer, plain, x)
    assert used == [1]
    layer.eval()(x)
    assert used == [1]
    assert list(layer.state_dict()) == list(plain.state_dict())


def test_small_pictures_are_enlarged_plainly(monkeypatch):
    monkeypatch.delattr(blocks, "_at_once")
    side = int(MERGED**0.5)
    assert enlarging(3, 5, 4, "resize")(torch.randn(1, 3, side - 1, side)).shape[2] == 2 * side - 2


def test_kernels_are_summed_in_float32_whatever_the_precision_around():
    layer = enlarging(8, 8, 4, "resize")
    x = torch.randn(1, 8, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layer(x)
        plain = nn.Sequential(*layer)(x)
    exact = layer(x)
    assert rough.dtype == torch.bfloat16
    assert (rough - exact).abs().mean() < 1.2 * (plain - exact).abs().mean()


@pytest.mark.parametrize("number", [1, 3])
def test_one_picture_is_normalised_as_among_several(number):
    ours = instance_norm(4).double()
    theirs = nn.InstanceNorm2d(4, eps=EPS, affine=True).double()
    for norm in (ours, theirs):
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, 0.5)
    assert same(ours, theirs, torch.randn(number, 4, 6, 5, dtype=torch.float64))
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_normalising_keeps_the_layout_while_training():
    x = torch.randn(1, 4, 6, 5).to(memory_format=torch.channels_last)
    assert instance_norm(4)(x).is_contiguous(memory_format=torch.channels_last)

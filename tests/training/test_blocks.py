"""What is faster while training computes the same: results, gradients, and names of weights."""

import copy

import pytest
import torch
from torch import Tensor, nn

from gantool.training.networks import blocks
from gantool.training.networks.blocks import EPS, Doubling, ToPicture, enlarging, instance_norm


def gradients(network: nn.Module, x: Tensor) -> list[Tensor]:
    """The result, then the gradient of a weighted sum of it by the input and by every weight."""
    given = x.clone().requires_grad_(True)
    y = network(given)
    weights = torch.arange(y.numel(), dtype=y.dtype).sin().view_as(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [given, *network.parameters()])]


def as_torch_has_it(layer: nn.Module) -> nn.Module:
    """The same layer with the same weights, of the class that ours is derived from."""
    plain = copy.copy(layer)
    plain.__class__ = type(layer).__base__
    return plain


def same(network: nn.Module, other: nn.Module, x: Tensor) -> bool:
    pairs = zip(gradients(network, x), gradients(other, x), strict=True)
    return all(torch.allclose(one, two, atol=1e-10) for one, two in pairs)


@pytest.mark.parametrize("inputs", [3, 80])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (1, 300), (5, 6)])
@pytest.mark.parametrize("number", [1, 2])
def test_enlarging_in_one_step_is_enlarging(inputs, size, number):
    layer = enlarging(inputs, 60, 4, "resize").double()
    plain = nn.Sequential(*layer)
    x = torch.randn(number, inputs, *size, dtype=torch.float64)
    assert same(layer, plain, x)
    assert list(layer.state_dict()) == list(plain.state_dict())


def test_a_picture_is_made_as_torch_does():
    layer = ToPicture(4, 3, 7).double()
    assert same(layer, as_torch_has_it(layer), torch.randn(2, 4, 12, 9).double())


@pytest.mark.parametrize("kernel", [3, 4])
def test_transposed_convolutions_double_the_sides(kernel):
    layer = enlarging(4, 5, kernel, "transposed").double()
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    assert layer(x).shape == (2, 5, 12, 10)
    assert same(layer, nn.Sequential(as_torch_has_it(layer[0])), x)


@pytest.mark.parametrize(
    "layer", [enlarging(4, 3, 3, "resize"), ToPicture(4, 3, 7), Doubling(4, 3, 3)]
)
def test_an_export_is_of_the_operations_of_torch(monkeypatch, layer):
    monkeypatch.setattr(blocks, "forms", None)
    x = torch.randn(1, 4, 16, 16)
    with pytest.raises(AttributeError):
        layer.train()(x)
    assert layer.eval()(x).shape[1] == 3


@pytest.mark.parametrize("number", [1, 3])
def test_one_picture_is_normalised_as_among_several(number):
    ours = instance_norm(4).double()
    theirs = nn.InstanceNorm2d(4, eps=EPS, affine=True).double()
    for norm in (ours, theirs):
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, 0.5)
    x = torch.randn(number, 4, 6, 5, dtype=torch.float64)
    assert same(ours, theirs, x)
    assert same(ours, theirs, x.to(memory_format=torch.channels_last))
    assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("number", [1, 3])
def test_normalising_keeps_the_layout_while_training(number):
    x = torch.randn(number, 4, 6, 5).to(memory_format=torch.channels_last)
    assert instance_norm(4)(x).is_contiguous(memory_format=torch.channels_last)

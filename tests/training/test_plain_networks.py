"""Laws of the re-parameterised plain stacks."""

import copy

import pytest
import torch
from torch import nn

from gantool.training.networks.plain import PlainUpscaler, RepConv, fuse, unfuse


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@torch.no_grad()
def branches(convolution: RepConv, x: torch.Tensor) -> torch.Tensor:
    """What the three branches give when each is run by itself."""
    y = convolution.wide(x) + convolution.point(x)
    same = convolution.wide.in_channels == convolution.wide.out_channels
    return y + x if same else y


@pytest.mark.parametrize(("inputs", "outputs"), [(5, 5), (3, 8), (8, 3)])
@torch.no_grad()
def test_one_convolution_is_the_sum_of_its_branches(inputs, outputs):
    convolution, x = RepConv(inputs, outputs), torch.rand(2, inputs, 9, 7)
    assert (convolution(x) - branches(convolution, x)).abs().max() <= 1e-5


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@torch.no_grad()
def test_fused_equals_unfused(scale):
    network, x = PlainUpscaler(scale, 8, 3).eval(), torch.rand(2, 3, 13, 10)
    fused = fuse(copy.deepcopy(network))
    assert (fused(x) - network(x)).abs().max() <= 1e-5


def test_fuse_leaves_no_branches_at_any_depth():
    fused = fuse(nn.Sequential(nn.Sequential(RepConv(3, 3)), PlainUpscaler(2, 4, 2)))
    kinds = {type(module) for module in fused.modules()}
    assert RepConv not in kinds
    assert nn.Conv2d in kinds


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 10)])
@torch.no_grad()
def test_each_side_grows_by_the_scale(scale, size):
    height, width = size
    y = PlainUpscaler(scale, 4, 1)(torch.rand(2, 3, height, width))
    assert tuple(y.shape) == (2, 3, height * scale, width * scale)


@torch.no_grad()
def test_a_stack_that_adds_nothing_is_bilinear():
    network = PlainUpscaler(2, 4, 1)
    for parameter in network.tail.parameters():
        parameter.zero_()
    x = torch.rand(1, 3, 6, 5)
    wanted = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(network(x), wanted)


def test_the_identity_branch_is_no_weight():
    assert set(RepConv(4, 4).state_dict()) == {"wide.weight", "wide.bias", "point.weight"}


@pytest.mark.parametrize("scale", [1, 2, 4])
@torch.no_grad()
def test_unfused_is_what_was_fused(scale):
    network, x = PlainUpscaler(scale, 8, 3), torch.rand(2, 3, 13, 10)
    wanted = network(x)
    weights = fuse(copy.deepcopy(network)).state_dict()
    other = PlainUpscaler(scale, 8, 3)
    assert (other(x) - wanted).abs().max() > 1e-2
    unfuse(other, weights)
    assert (other(x) - wanted).abs().max() <= 1e-5
    assert all(each.requires_grad for each in other.parameters())
    again = fuse(other).state_dict()
    for name, tensor in weights.items():
        torch.testing.assert_close(again[name], tensor, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "channels", "layers"), [(2, 8, 2), (2, 8, 4), (2, 6, 3), (4, 8, 3)]
)
def test_what_is_not_of_this_shape_is_not_unfused(scale, channels, layers):
    weights = fuse(PlainUpscaler(2, 8, 3)).state_dict()
    with pytest.raises((KeyError, RuntimeError)):
        unfuse(PlainUpscaler(scale, channels, layers), weights)

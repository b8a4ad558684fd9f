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


@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("leaky", 0.1)])
@torch.no_grad()
def test_a_stack_is_activated_as_it_says(activation, slope):
    """By hand, from the fused weights; LeakyReLU is what models without a word have."""
    network, x = PlainUpscaler(2, 4, 2, activation=activation), torch.rand(1, 3, 6, 5)
    weights = fuse(copy.deepcopy(network)).state_dict()

    def conv(name: str, y: torch.Tensor) -> torch.Tensor:
        return torch.conv2d(y, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def act(y: torch.Tensor) -> torch.Tensor:
        return torch.where(y > 0, y, slope * y)

    first = act(conv("head", x))
    y = act(conv("body.1", act(conv("body.0", first))))
    anchor = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
    wanted = anchor + torch.pixel_shuffle(conv("tail", y + first), 2)
    assert torch.allclose(network(x), wanted, atol=1e-6)
    assert PlainUpscaler(2, 4, 2).slope == 0.1


@torch.no_grad()
def test_how_much_noise_goes_is_a_plane_beside_each_picture():
    network, x = PlainUpscaler(2, 4, 1, denoise=True), torch.rand(2, 3, 6, 5)
    both = network(x, torch.tensor([[0.25], [0.75]]))
    for number, share in enumerate((0.25, 0.75)):
        alone = network(x[number : number + 1], torch.tensor([[share]]))
        assert torch.allclose(both[number : number + 1], alone, atol=1e-6)
    assert not torch.allclose(network(x, torch.zeros(1, 1)), network(x, torch.ones(1, 1)))
    assert torch.equal(network(x), network(x, torch.ones(2, 1)))
    kernel = fuse(copy.deepcopy(network)).state_dict()["head.weight"]
    assert tuple(kernel.shape) == (4, 4, 3, 3)
    plane = torch.cat([x, torch.full((2, 1, 6, 5), 0.5)], 1)
    assert torch.equal(network._with_plane(x, torch.full((2, 1), 0.5)), plane)

"""Generators that tell what they see on the way: the same features, alone or with the picture."""

import pytest
import torch

from gantool.training.networks.light import LightGenerator
from gantool.training.networks.resnet import ResnetGenerator

torch.set_num_threads(1)
MADE = {
    "light": lambda: LightGenerator(channels=4, blocks=6),
    "resnet": lambda: ResnetGenerator(channels=4, blocks=6),
}


@pytest.fixture(params=MADE)
def network(request):
    torch.manual_seed(0)
    return MADE[request.param]().eval()


def picture(height: int = 20, width: int = 28) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.no_grad()
def test_the_picture_is_the_same_with_its_features(network):
    made, _ = network.traced(picture())
    torch.testing.assert_close(made, network(picture()))
    assert made.shape == (2, 3, 20, 28)
    assert made.abs().max() <= 1


@torch.no_grad()
def test_features_are_the_same_without_the_picture(network):
    _, found = network.traced(picture())
    alone = network.encoded(picture())
    assert [tuple(each.shape[1:]) for each in alone] == [
        (8, 10, 14),
        (16, 5, 7),
        (16, 5, 7),
        (16, 5, 7),
    ]
    for one, other in zip(found, alone, strict=True):
        torch.testing.assert_close(one, other)


@torch.no_grad()
def test_without_the_picture_the_second_half_is_not_run(network):
    ran = []
    for module in network.modules():
        if isinstance(module, torch.nn.Upsample):
            module.register_forward_hook(lambda *_: ran.append(1))
    network.encoded(picture())
    assert not ran
    network(picture())
    assert len(ran) == 2


@torch.no_grad()
def test_a_light_generator_passes_content_by():
    """What the quarter loses comes by the half: a change of one pixel is seen, even with
    nothing learned at the quarter."""
    network = LightGenerator(channels=4, blocks=1).eval()
    for parameter in network.up_half.parameters():
        parameter.zero_()
    before = picture()
    after = before.clone()
    after[:, :, 10, 10] += 1
    assert (network(before) - network(after)).abs().max() > 0


def test_separable_layers_start_with_the_strength_of_their_input():
    """At 0.02 they would fade below the ε of the normalisation behind them."""
    torch.manual_seed(0)
    network = LightGenerator(channels=16, blocks=2)
    x = torch.randn(1, 64, 32, 32)
    depthwise = network.blocks[0].layers[0]
    assert 0.5 < depthwise(x).std() / x.std() < 2

"""Networks have their papers' sizes, see as far as they say, and come out of the exporter whole."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gantool.training.networks.discriminators import (
    PatchDiscriminator,
    ScalesDiscriminator,
    UnetDiscriminator,
    fold_spectral_norm,
)
from gantool.training.networks.resnet import ResnetGenerator
from gantool.training.networks.unet import UnetGenerator


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_paper_sizes():
    """As published for pix2pix and CycleGAN: 54.4 M, 11.4 M and 2.77 M parameters."""
    assert parameters(UnetGenerator(up="transposed")) == pytest.approx(54.4e6, rel=0.01)
    assert parameters(ResnetGenerator(up="transposed")) == pytest.approx(11.4e6, rel=0.01)
    assert parameters(PatchDiscriminator(6)) == pytest.approx(2.77e6, rel=0.01)


@pytest.mark.parametrize("up", ["resize", "transposed"])
@pytest.mark.parametrize("size", [(32, 32), (64, 96)])
def test_generators_keep_the_size_and_the_range(up, size):
    nets = [UnetGenerator(channels=4, depth=5, up=up), ResnetGenerator(channels=4, blocks=1, up=up)]
    for network in nets:
        y = network(torch.randn(2, 3, *size))
        assert y.shape == (2, 3, *size)
        assert y.abs().max() <= 1


def test_a_single_pixel_bottleneck_still_speaks():
    """Were it normalised, its value would be lost and the picture's mean with it."""
    network = UnetGenerator(channels=4, depth=5, dropout=0).eval()
    one, other = torch.full((1, 3, 32, 32), -0.5), torch.full((1, 3, 32, 32), 0.5)
    level = network.inner
    while not isinstance(level.layers[2], nn.Identity):
        level = level.layers[3]
    seen = []
    level.layers[1].register_forward_hook(lambda _, __, y: seen.append(y))
    network(one)
    network(other)
    assert seen[0].shape[-2:] == (1, 1)
    assert not torch.allclose(seen[0], seen[1])


def test_dropout_only_while_training():
    network, x = UnetGenerator(channels=4, depth=5), torch.randn(1, 3, 32, 32)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize(("layers", "side"), [(3, 70), (2, 34)])
def test_a_patch_is_so_many_pixels(layers, side):
    discriminator = PatchDiscriminator(3, channels=2, layers=layers, norm=lambda _: nn.Identity())
    x = torch.zeros(1, 3, 140, 140, requires_grad=True)
    logits = discriminator(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    assert seen.any(0).sum() == side
    assert seen.any(1).sum() == side


@pytest.mark.parametrize(
    ("network", "levels"),
    [(PatchDiscriminator(3, channels=4, layers=2), 3), (UnetDiscriminator(channels=4), 7)],
)
def test_what_is_matched_is_what_is_judged_by(network, levels):
    network.eval()
    x = torch.randn(2, 3, 32, 32)
    logits, features = network.judged(x)
    assert torch.equal(logits, network(x))
    assert len(features) == levels
    logits.sum().backward()
    assert all(each.requires_grad and each.shape[0] == 2 for each in features)


def test_discriminators_judge_at_every_scale_and_pixel():
    x = torch.randn(2, 3, 64, 64)
    scales = ScalesDiscriminator(3, scales=2, channels=4)(x)
    assert [logits.shape[-1] for logits in scales] == [6, 2]
    assert UnetDiscriminator(channels=4)(x).shape == (2, 1, 64, 64)


def test_spectral_norm_is_one_and_folds_away():
    torch.manual_seed(0)
    network = nn.Sequential(spectral_norm(nn.Conv2d(16, 16, 3), n_power_iterations=5))
    x = torch.randn(1, 16, 8, 8)
    for _ in range(20):
        network(x)
    network.eval()
    before = network(x)
    assert torch.linalg.matrix_norm(network[0].weight.flatten(1), 2).item() == pytest.approx(
        1, abs=0.02
    )
    fold_spectral_norm(network)
    assert torch.allclose(network(x), before, atol=1e-6)
    assert set(network.state_dict()) == {"0.weight", "0.bias"}

"""Laws of networks that others have trained: the right one is told by its weights."""

import pytest
import torch
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, prelu

from gantool.errors import ModelError
from gantool.training.networks.rrdb import Compact, Rrdb, network_of


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(("unshuffle", "scale"), [(1, 4), (2, 2), (4, 1)])
@torch.no_grad()
def test_an_rrdb_is_found_again(unshuffle, scale):
    made, x = Rrdb(2, 8, 4, unshuffle), torch.rand(1, 3, 8, 12)
    found = network_of(made.state_dict())
    assert (found.scale, found.training) == (scale, False)
    assert tuple(found(x).shape) == (1, 3, 8 * scale, 12 * scale)
    assert torch.equal(found(x), made(x))
    assert not any(each.requires_grad for each in found.parameters())


@torch.no_grad()
def test_an_rrdb_is_dense_blocks_in_residuals():
    """By hand, from the weights alone."""
    weights, x = Rrdb(1, 8, 4).state_dict(), torch.rand(1, 3, 6, 5)

    def conv(name: str, y: torch.Tensor) -> torch.Tensor:
        return torch.conv2d(y, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    first = y = conv("conv_first", x)
    for dense in ("rdb1", "rdb2", "rdb3"):
        found = [y]
        for number in range(1, 5):
            grown = conv(f"body.0.{dense}.conv{number}", torch.cat(found, 1))
            found.append(leaky_relu(grown, 0.2))
        y = y + 0.2 * conv(f"body.0.{dense}.conv5", torch.cat(found, 1))
    y = first + conv("conv_body", first + 0.2 * y)
    for name in ("conv_up1", "conv_up2"):
        y = leaky_relu(conv(name, interpolate(y, scale_factor=2.0)), 0.2)
    wanted = conv("conv_last", leaky_relu(conv("conv_hr", y), 0.2))
    assert torch.allclose(network_of(weights)(x), wanted, atol=1e-6)


@torch.no_grad()
def test_a_compact_is_found_again_and_is_a_stack_over_the_pixels():
    made, x = Compact(2, 8, 1), torch.rand(1, 3, 6, 5)
    weights = made.state_dict()

    def conv(place: int, y: torch.Tensor) -> torch.Tensor:
        kernel, bias = weights[f"body.{place}.weight"], weights[f"body.{place}.bias"]
        return torch.conv2d(y, kernel, bias, padding=1)

    y = prelu(conv(0, x), weights["body.1.weight"])
    y = prelu(conv(2, y), weights["body.3.weight"])
    wanted = pixel_shuffle(conv(4, y), 2) + interpolate(x, scale_factor=2.0)
    found = network_of(weights)
    assert found.scale == 2
    assert torch.allclose(found(x), wanted, atol=1e-6)


@pytest.mark.parametrize("drop", ["conv_body.bias", "body.0.rdb1.conv1.weight"])
def test_weights_that_do_not_fit_are_refused(drop):
    weights = Rrdb(1, 8, 4).state_dict()
    del weights[drop]
    with pytest.raises(ModelError, match="neither an RRDB nor a Compact"):
        network_of(weights)


@pytest.mark.parametrize("weights", [{}, {"a": torch.zeros(1)}, {"body.0.weight": torch.zeros(2)}])
def test_anything_else_is_refused(weights):
    with pytest.raises(ModelError, match="neither an RRDB nor a Compact"):
        network_of(weights)

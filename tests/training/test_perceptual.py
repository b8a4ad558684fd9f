"""Laws of distances between features."""

import pytest
import torch

from gantool.training.perceptual import feature_distance, same_window


def look(x: torch.Tensor) -> list[torch.Tensor]:
    """Two layers: the picture, and ten times its mean over rows."""
    return [x, 10 * x.mean(2, keepdim=True)]


def test_the_distance_is_that_of_each_layer_over_the_targets_deviation():
    one, other = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    wanted = []
    for mine, theirs in zip(look(one), look(other), strict=True):
        deviations = [theirs[:, c].std(correction=0) for c in range(3)]
        wanted.append((mine - theirs).abs().mean() / torch.stack(deviations).mean())
    found = feature_distance(look, one, other)
    assert found.item() == pytest.approx(torch.stack(wanted).mean().item(), rel=1e-5)
    assert feature_distance(look, one, one).item() == 0
    assert feature_distance(look, one, torch.zeros_like(one)).isfinite()


def test_only_the_first_picture_gets_a_gradient():
    one, other = (torch.rand(1, 3, 4, 4, requires_grad=True) for _ in range(2))
    feature_distance(look, one, other).backward()
    assert one.grad is not None
    assert other.grad is None


@pytest.mark.parametrize(("side", "size"), [(128, 112), (96, 80), (32, 16), (16, 16)])
def test_windows_are_the_same_and_anywhere(side, size):
    x = torch.arange(side * side).view(1, 1, side, side)
    torch.manual_seed(0)
    corners = set()
    for _ in range(40):
        one, other = same_window(x, -x)
        assert one.shape == (1, 1, size, size)
        assert torch.equal(one, -other)
        corners.add(one[0, 0, 0, 0].item())
    assert len(corners) == (1 if side == size else len(corners))
    assert side == size or len(corners) > 20
    torch.manual_seed(0)
    assert torch.equal(same_window(x)[0], same_window(x)[0]) is (side == size)

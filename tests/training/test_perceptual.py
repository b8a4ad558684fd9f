"""Laws of distances between features."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from gantool.training.perceptual import feature_distance, same_window, self_similarity_distance


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


def features(seed: int) -> torch.Tensor:
    return torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_papers():
    """By loops over all pairs of places."""
    one, other = (features(seed).flatten(2).transpose(1, 2) for seed in (0, 1))
    gaps = [
        (cosine_similarity(x[i], x[j], dim=0) - cosine_similarity(y[i], y[j], dim=0)).abs()
        for x, y in zip(one, other, strict=True)
        for i in range(12)
        for j in range(12)
    ]
    found = self_similarity_distance(features(0), features(1))
    assert found.item() == pytest.approx(torch.stack(gaps).mean().item(), rel=1e-5)


def test_other_features_with_the_same_likenesses_are_at_no_distance():
    """Turned and scaled as a whole, or by place."""
    turned = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(2)))[0]
    other = 3 * torch.einsum("dc,nchw->ndhw", turned, features(0)) * (1 + torch.rand(2, 1, 3, 4))
    assert self_similarity_distance(features(0), other).item() == pytest.approx(0, abs=1e-6)


def test_features_of_several_networks_may_be_compared():
    """Only their places must be the same."""
    wider = torch.cat([features(0)] * 2, 1)
    assert self_similarity_distance(features(0), wider).item() == pytest.approx(0, abs=1e-6)


def test_it_is_computed_in_float32_whatever_is_around_it():
    with torch.autocast("cpu", torch.bfloat16):
        found = self_similarity_distance(features(0), features(1))
    assert found.dtype == torch.float32
    assert found == self_similarity_distance(features(0), features(1))


def test_gradients_reach_the_first_and_the_second():
    one, other = features(0).requires_grad_(), features(1).requires_grad_()
    self_similarity_distance(one, other).backward()
    assert one.grad.any()
    assert other.grad.any()

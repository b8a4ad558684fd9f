"""Distances by features: 0 where they must be, and the paper's by hand."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from gantool.training.perceptual import self_similarity_distance


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

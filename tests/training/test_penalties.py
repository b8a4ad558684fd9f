"""Penalties at critics whose gradient is known, and the history buffer's promises."""

import pytest
import torch
from torch import nn

from gantool.training import penalties

W = torch.tensor([3.0, 4.0])


def linear(x):
    return x @ W


def samples(seed, shape=(16, 2)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_gradient_penalty_of_a_linear_critic_is_exact():
    """‖w‖ = 5: 10·(5 − 1)² = 160, wherever it is taken."""
    assert penalties.gradient_penalty(linear, samples(0), samples(1), weight=10).item() == 160.0
    assert penalties.dragan_penalty(linear, samples(0), weight=10).item() == 160.0


def test_r1_and_r2_of_a_linear_critic_are_exact():
    assert penalties.r1_penalty(linear, samples(0), weight=2).item() == 25.0
    assert penalties.r2_penalty(linear, samples(0), weight=1).item() == 12.5


def test_norm_runs_over_all_dimensions_of_a_sample():
    """Scores Σx over 3×4×5 values: the norm of each sample's gradient is √60."""
    pictures = samples(0, (8, 3, 4, 5))
    penalty = penalties.gradient_penalty(lambda x: x.sum((1, 2, 3)), pictures, pictures, weight=1)
    assert penalty.item() == pytest.approx((60**0.5 - 1) ** 2, rel=1e-6)


def test_every_sample_is_mixed_by_one_number_of_its_own():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum((1, 2, 3))

    penalties.gradient_penalty(critic, torch.ones(8, 3, 4, 4), torch.zeros(8, 3, 4, 4))
    flat = seen[0].flatten(1)
    assert (flat == flat[:, :1]).all()
    assert len(flat[:, 0].unique()) == 8
    assert ((flat >= 0) & (flat <= 1)).all()


def test_penalties_reach_the_critics_weights():
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    penalties.gradient_penalty(critic, samples(0), samples(1)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in critic[0].parameters())


def test_penalties_are_in_float32_under_bf16():
    kinds = []

    def critic(x):
        kinds.append((x @ W).dtype)
        return linear(x)

    with torch.autocast("cpu", torch.bfloat16):
        penalties.r1_penalty(critic, samples(0).bfloat16())
    assert kinds == [torch.float32]


def test_clipped_weights_obey_the_limit():
    critic = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 1))
    penalties.clip_weights(critic, 0.01)
    assert max(p.abs().max().item() for p in critic.parameters()) <= 0.01


def test_feature_matching_moves_only_the_fake():
    real, fake = samples(0).requires_grad_(), samples(1).requires_grad_()
    loss = penalties.feature_matching([real], [fake])
    loss.backward()
    assert loss.item() == pytest.approx((real - fake).abs().mean().item())
    assert real.grad is None
    assert fake.grad is not None


def test_smoothing_is_one_sided():
    assert penalties.smoothed(torch.tensor([1.0, 0.0]), 0.1).tolist() == pytest.approx([0.9, 0.0])


def test_instance_noise_fades():
    still = torch.zeros(20_000)
    spread = [penalties.instance_noise(still, f, sigma=0.2).std().item() for f in (0.0, 0.5, 1.0)]
    assert spread == pytest.approx([0.2, 0.1, 0.0], abs=0.01)


class TestHistory:
    def test_half_of_what_comes_back_is_old(self):
        history = penalties.History(50, seed=1)
        given = [torch.full((1, 1), float(step)) for step in range(10_050)]
        back = [history.mix(batch).item() for batch in given]
        assert back[:50] == list(range(50))
        older = sum(value != step for step, value in enumerate(back[50:], 50))
        assert 0.45 <= older / 10_000 <= 0.55

    def test_nothing_live_comes_back(self):
        history = penalties.History(2)
        live = torch.ones(4, 3, requires_grad=True) * 2
        assert not history.mix(live).requires_grad
        assert not any(picture.requires_grad for picture in history.pictures)

    def test_a_stored_picture_does_not_follow_its_source(self):
        history = penalties.History(1)
        batch = torch.zeros(1, 3)
        history.mix(batch)
        batch.fill_(7)
        assert history.pictures[0].sum() == 0

    def test_restored_history_goes_on_the_same(self):
        first, second = penalties.History(5, seed=3), penalties.History(5, seed=9)
        batches = [samples(seed, (2, 3)) for seed in range(40)]
        for batch in batches[:20]:
            first.mix(batch)
        second.restore(first.state())
        for batch in batches[20:]:
            assert torch.equal(first.mix(batch), second.mix(batch))

"""Penalties at critics whose gradient is known, and the history buffer's promises."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from toys import Clouds, Ema, Phase, PointGan, adam, falling, level, mlp, steps, trained

from gantool.training import adversarial, penalties
from gantool.training.networks.discriminators import UnetDiscriminator

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


def pulled_apart(critic, turn, shape=(2,)):
    """A system whose critic is trained to tell 3 + N(0, 1) from N(0, 1) as a fixed G bends it."""

    def draw(random):
        x, z = torch.randn((2, 8, *shape), generator=random)
        return {"x": x + 3, "z": z}

    def judge(critic, real, fake):
        return {"gan": adversarial.wasserstein_critic(critic(real), critic(fake))}

    networks = {"generator": nn.PReLU(), "discriminator": critic}
    return PointGan(networks, [turn], judge, adversarial.wasserstein_generator, Clouds(draw))


def test_a_trained_critic_obeys_the_limit_after_every_step():
    """As a phase's `after`, with a rate that throws the weights far beyond it."""
    torch.manual_seed(0)
    critic, limit = mlp(2, 16, 1), 0.01
    after = lambda: penalties.clip_weights(critic, limit)  # noqa: E731  # as recipes write it
    gan = pulled_apart(critic, Phase("discriminator", adam(critic, 0.05), level, after=after))
    highest = [
        max(each.abs().max().item() for each in critic.parameters())
        for _ in steps(gan, Ema(gan.networks), 20)
    ]
    assert highest == pytest.approx([limit] * 20, rel=1e-6)
    assert max(highest) <= limit * (1 + 1e-7)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Sequential(spectral_norm(nn.Linear(2, 32)), nn.ReLU(), nn.Linear(32, 1)), (2,)),
        (lambda: UnetDiscriminator(channels=4), (3, 16, 16)),
    ],
    ids=["points", "unet"],
)
def test_spectral_norms_stay_one_while_weights_grow(make, shape):
    """σ by svdvals after training steps: the power iteration keeps up with the weights."""
    torch.manual_seed(0)
    critic = make()
    turn = Phase("discriminator", adam(critic, 2e-3), falling)
    trained(pulled_apart(critic, turn, shape), 60)
    normed = [each for each in critic.modules() if hasattr(each, "parametrizations")]
    grown = [each.parametrizations.weight.original for each in normed]
    sigmas = [torch.linalg.svdvals(each.weight.detach().flatten(1))[0].item() for each in normed]
    assert sigmas == pytest.approx([1.0] * len(sigmas), abs=0.02)
    assert any(abs(torch.linalg.svdvals(w.detach().flatten(1))[0] - 1) > 0.1 for w in grown)


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
        assert all(value <= step for step, value in enumerate(back))

    def test_what_is_replaced_comes_back_once(self):
        """An older picture that comes back makes room for the new one: none comes twice."""
        history = penalties.History(50, seed=1)
        back = [history.mix(torch.full((1, 1), float(step))).item() for step in range(2000)]
        again = [value for step, value in enumerate(back) if value != step]
        # the 50 first are given back at once as well as kept
        assert len(again) == len(set(again))

    def test_nothing_live_comes_back(self):
        history = penalties.History(2)
        live = torch.ones(4, 3, requires_grad=True) * 2
        assert not history.mix(live).requires_grad
        assert not any(picture.requires_grad for picture in history.pictures)

    def test_a_stored_picture_does_not_follow_its_source(self):
        """Neither the batch that was given nor the one that came back, also when it replaces."""
        history = penalties.History(2, seed=1)
        kept = []
        for _, batch in zip(range(20), itertools.repeat(torch.zeros(2, 3)), strict=False):
            back = history.mix(batch.zero_())
            kept += [picture.sum().item() for picture in history.pictures]
            batch.fill_(7)
            back.fill_(7)
            kept += [picture.sum().item() for picture in history.pictures]
        assert set(kept) == {0.0}

    def test_restored_history_goes_on_the_same(self):
        first, second = penalties.History(5, seed=3), penalties.History(5, seed=9)
        batches = [samples(seed, (2, 3)) for seed in range(40)]
        for batch in batches[:20]:
            first.mix(batch)
        second.restore(first.state())
        for batch in batches[20:]:
            assert torch.equal(first.mix(batch), second.mix(batch))

    def test_a_state_does_not_follow_what_happens_after_it(self):
        history, other = penalties.History(5, seed=3), penalties.History(5)
        history.mix(samples(0, (8, 3)))
        state = history.state()
        first = [history.mix(samples(seed, (4, 3))) for seed in range(10)]
        other.restore(state)
        assert all(
            torch.equal(other.mix(samples(seed, (4, 3))), back) for seed, back in enumerate(first)
        )

    def test_a_history_with_nothing_in_it_is_restored_as_that(self):
        full = penalties.History(5)
        full.mix(samples(0))
        full.restore(penalties.History(5, seed=3).state())
        assert not full.pictures


def shown(seed: int, sample: torch.Tensor, **options) -> torch.Tensor:
    torch.manual_seed(seed)
    return penalties.diff_augment(sample, **options)


def test_augmented_pictures_are_moved_and_covered():
    """What is left of each is itself, moved by whole pixels; the rest is 0."""
    picture = 1 + torch.arange(16 * 16.0).reshape(1, 1, 16, 16)
    for seed in range(30):
        seen = shown(seed, picture, shift=0.25, cut=0.5)[0, 0]
        rows, columns = seen.nonzero(as_tuple=True)
        number = seen[rows, columns] - 1
        moved = {(int(n) // 16 - int(r), int(n) % 16 - int(c)) for n, r, c in
                 zip(number, rows, columns, strict=True)}  # fmt: skip
        ((down, right),) = moved
        assert max(abs(down), abs(right)) <= 4
        hidden = (seen == 0).sum().item() - 256 + (16 - abs(down)) * (16 - abs(right))
        assert 0 <= hidden <= 64


def test_without_moves_a_square_of_half_the_side_is_covered_at_most():
    covered = {
        int((shown(seed, torch.ones(1, 3, 16, 16), shift=0.0) == 0).sum()) // 3
        for seed in range(60)
    }
    assert max(covered) <= 64
    assert min(covered) >= 16  # its centre is in the picture
    assert len(covered) > 5


def test_each_sample_is_augmented_by_a_draw_of_its_own():
    seen = shown(0, torch.ones(8, 3, 16, 16))
    assert len({tuple(each[0].flatten().tolist()) for each in seen}) > 4
    assert all(torch.equal(each[0], each[2]) for each in seen)  # channels alike


def test_augmenting_is_drawn_from_the_seed():
    pictures = samples(0, (4, 3, 16, 16))
    assert torch.equal(shown(1, pictures), shown(1, pictures))
    assert not torch.equal(shown(1, pictures), shown(2, pictures))


def test_gradients_come_back_to_where_a_pixel_came_from():
    picture = samples(0, (2, 3, 16, 16)).requires_grad_()
    seen = shown(3, picture)
    seen.sum().backward()
    assert picture.grad.sum() == (seen != 0).sum()
    assert set(picture.grad.unique().tolist()) == {0.0, 1.0}


def test_nothing_moved_and_nothing_covered_is_the_picture():
    picture = samples(0, (2, 3, 16, 16))
    assert torch.equal(shown(0, picture, shift=0.0, cut=0.0), picture)

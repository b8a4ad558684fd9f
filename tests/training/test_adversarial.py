"""Losses are their papers' formulas, and do what the papers promise where it can be computed."""

import math

import pytest
import torch
from torch import log, sigmoid

from gantool.training import adversarial

torch.manual_seed(0)
REAL, FAKE = torch.randn(64, 7).double(), torch.randn(64, 7).double() + 0.5
DISCRIMINATORS = [
    adversarial.minimax_discriminator,
    adversarial.least_squares_discriminator,
    adversarial.wasserstein_critic,
    adversarial.hinge_discriminator,
    adversarial.relativistic_discriminator,
]
GENERATORS = [
    adversarial.minimax_generator,
    adversarial.nonsaturating_generator,
    adversarial.least_squares_generator,
    adversarial.wasserstein_generator,
]


def close(ours, formula):
    assert float(ours) == pytest.approx(float(formula), abs=1e-6)


def test_minimax_is_the_paper():
    value = log(sigmoid(REAL)).mean() + log(1 - sigmoid(FAKE)).mean()
    close(adversarial.minimax_discriminator(REAL, FAKE), -value)
    close(adversarial.minimax_generator(FAKE), log(1 - sigmoid(FAKE)).mean())
    close(adversarial.nonsaturating_generator(FAKE), -log(sigmoid(FAKE)).mean())


def test_least_squares_is_the_paper():
    formula = ((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2
    close(adversarial.least_squares_discriminator(REAL, FAKE), formula)
    close(adversarial.least_squares_generator(FAKE), ((FAKE - 1) ** 2).mean() / 2)


def test_wasserstein_and_hinge_are_the_papers():
    close(adversarial.wasserstein_critic(REAL, FAKE), FAKE.mean() - REAL.mean())
    close(adversarial.wasserstein_generator(FAKE), -FAKE.mean())
    formula = (1 - REAL).clamp(min=0).mean() + (1 + FAKE).clamp(min=0).mean()
    close(adversarial.hinge_discriminator(REAL, FAKE), formula)


def test_relativistic_average_is_the_paper():
    real, fake = sigmoid(REAL - FAKE.mean()), sigmoid(FAKE - REAL.mean())
    close(
        adversarial.relativistic_discriminator(REAL, FAKE),
        -log(real).mean() - log(1 - fake).mean(),
    )
    close(
        adversarial.relativistic_generator(REAL, FAKE),
        -log(fake).mean() - log(1 - real).mean(),
    )


@pytest.mark.parametrize("logit", [1e4, -1e4])
def test_extreme_logits_stay_finite(logit):
    extreme = torch.full((4,), logit)
    assert torch.isfinite(adversarial.minimax_discriminator(extreme, extreme))
    assert torch.isfinite(adversarial.nonsaturating_generator(extreme))


def test_a_sure_discriminator_starves_minimax_and_not_the_other():
    fake = torch.tensor([-20.0], requires_grad=True)
    (starved,) = torch.autograd.grad(adversarial.minimax_generator(fake), fake)
    (fed,) = torch.autograd.grad(adversarial.nonsaturating_generator(fake), fake)
    assert abs(starved.item()) < 1e-8
    assert abs(fed.item()) > 0.99


def test_equal_densities_give_the_papers_optimum():
    """D = ½ everywhere: the discriminator's loss is log 4 (Goodfellow et al. 2014, theorem 1)."""
    undecided = torch.zeros(10)
    close(adversarial.minimax_discriminator(undecided, undecided), math.log(4))


@pytest.mark.parametrize("loss", DISCRIMINATORS)
def test_a_discriminator_goes_down_by_telling_them_apart(loss):
    """From logits of no opinion: real ones are to rise and fake ones to fall."""
    real, fake = torch.zeros(2, 8, requires_grad=True).unbind()
    up, down = torch.autograd.grad(loss(real, fake), (real, fake))
    assert (up < 0).all()
    assert (down >= 0).all()
    assert down.sum() > 0 or loss is adversarial.least_squares_discriminator  # 0 is its aim


@pytest.mark.parametrize("loss", GENERATORS)
def test_a_generator_goes_down_by_raising_its_logits(loss):
    fake = torch.zeros(8, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(fake), fake)
    assert (slope < 0).all()


@pytest.mark.parametrize("loss", [*DISCRIMINATORS, adversarial.relativistic_generator])
def test_losses_of_patches_are_means_over_all_of_them(loss):
    patches = [logits.reshape(4, 2, 8, 7) for logits in (REAL, FAKE)]
    assert loss(*patches).shape == ()
    close(loss(*patches), loss(REAL.flatten(), FAKE.flatten()))


@pytest.mark.parametrize(
    "loss",
    [
        adversarial.wasserstein_critic,
        adversarial.relativistic_discriminator,
        adversarial.relativistic_generator,
    ],
)
def test_what_compares_scores_does_not_see_their_level(loss):
    close(loss(REAL + 3, FAKE + 3), loss(REAL, FAKE))


def test_hinge_leaves_alone_what_is_sure_enough():
    real, fake = torch.tensor([1.5, 0.5]), torch.tensor([-1.5, -0.5])
    slopes = torch.autograd.grad(
        adversarial.hinge_discriminator(real.requires_grad_(), fake.requires_grad_()), (real, fake)
    )
    assert [slope.tolist() for slope in slopes] == [[0.0, -0.5], [0.0, 0.5]]

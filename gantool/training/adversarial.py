"""Adversarial losses, one pure function per paper, each a scalar to be minimised.

`real` and `fake` are raw outputs of the discriminator (logits, or a critic's scores) of any
shape, for x from the data and for G(z); means run over all of it.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus


def minimax_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log D(x)] − E[log(1 − D(G(z)))] with D = sigmoid(logit).

    Goodfellow et al., «Generative Adversarial Nets», 2014, equation 1.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def minimax_generator(fake: Tensor) -> Tensor:
    """E[log(1 − D(G(z)))]; its gradient vanishes where the discriminator is sure.

    Goodfellow et al. 2014, equation 1.
    """
    return -softplus(fake).mean()


def nonsaturating_generator(fake: Tensor) -> Tensor:
    """−E[log D(G(z))]; goes with `minimax_discriminator`. Goodfellow et al. 2014, section 3."""
    return softplus(-fake).mean()


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """½E[(D(x) − 1)²] + ½E[D(G(z))²].

    Mao et al., «Least Squares Generative Adversarial Networks», 2017, equation 9.
    """
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def least_squares_generator(fake: Tensor) -> Tensor:
    """½E[(D(G(z)) − 1)²]. Mao et al. 2017, equation 9."""
    return 0.5 * ((fake - 1) ** 2).mean()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[f(G(z))] − E[f(x)], the negated estimate of the Wasserstein-1 distance.

    Arjovsky et al., «Wasserstein GAN», 2017, algorithm 1. The critic must be kept Lipschitz.
    """
    return fake.mean() - real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """−E[f(G(z))]. Arjovsky et al. 2017, algorithm 1."""
    return -fake.mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]; goes with `wasserstein_generator`.

    Lim and Ye, «Geometric GAN», 2017; Miyato et al., «Spectral Normalization …», 2018, equation 16.
    """
    return relu(1 - real).mean() + relu(1 + fake).mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log σ(C(x) − E C(G(z)))] − E[log(1 − σ(C(G(z)) − E C(x)))]: the relativistic average.

    Jolicoeur-Martineau, «The Relativistic Discriminator», 2018, RaSGAN.
    """
    return softplus(-(real - fake.mean())).mean() + softplus(fake - real.mean()).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`relativistic_discriminator` with the roles changed. Jolicoeur-Martineau 2018, RaSGAN."""
    return relativistic_discriminator(fake, real)


class Losses(NamedTuple):
    """What the two sides of a GAN minimise."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """Of the logits for real and for generated samples."""
    generator: Callable[[Tensor], Tensor]


MINIMAX = Losses(minimax_discriminator, nonsaturating_generator)
LEAST_SQUARES = Losses(least_squares_discriminator, lambda fake: 2 * least_squares_generator(fake))
"""The generator's without Mao's ½, as CycleGAN and CUT weigh it."""
HINGE = Losses(hinge_discriminator, wasserstein_generator)
"""Goes with projected discriminators: Sauer et al., «Projected GANs Converge Faster», 2021."""

"""What of a render is to stay when it is refined, and in what its looks are to differ."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

Psi = Literal["pixels", "mean", "smooth", "gradients", "contrast"]


def self_regularisation(refined: Tensor, x: Tensor, psi: Psi = "pixels") -> Tensor:
    """mean |ψ(R(x)) − ψ(x)| of N×C×H×W. Shrivastava et al. 2017, equation 4, there a sum."""
    return (PSI[psi](refined) - PSI[psi](x)).abs().mean()


def diversity(refined: Tensor, other: Tensor, z: Tensor, far: Tensor) -> Tensor:
    """mean |R(x, z) − R(x, z′)| of means of 5×5 pixels over mean |z − z′|.

    Mao et al., «Mode Seeking Generative Adversarial Networks», 2019, equation 3; of the means, so
    that light and tones differ, not the noise.
    """
    return (smooth(refined) - smooth(other)).abs().mean() / (z - far).abs().mean()


def gradients(x: Tensor) -> Tensor:
    """N×C×H×W → N×2C×(H−1)×(W−1): the differences to the right and to the lower neighbour."""
    here = x[..., :-1, :-1]
    return torch.cat([x[..., :-1, 1:] - here, x[..., 1:, :-1] - here], dim=1)


def mean(x: Tensor) -> Tensor:
    """N×C×H×W → N×1×H×W: of the colours."""
    return x.mean(dim=1, keepdim=True)


def smooth(x: Tensor) -> Tensor:
    """N×C×H×W → N×C×(H−4)×(W−4): the mean of 5×5 pixels."""
    return avg_pool2d(x, 5, stride=1)


def contrast(x: Tensor) -> Tensor:
    """N×C×H×W → N×C×(H−6)×(W−6): by how many deviations of its 7×7 pixels each is off their mean.

    Indifferent to exposure, contrast and slow changes of light; 0.05 is added to the deviation.
    """
    middle = avg_pool2d(x, 7, stride=1)
    variance = (avg_pool2d(x * x, 7, stride=1) - middle * middle).clamp(min=0)
    return (x[..., 3:-3, 3:-3] - middle) / ((variance + 1e-5).sqrt() + 0.05)


PSI: Mapping[Psi, Callable[[Tensor], Tensor]] = {
    "pixels": lambda x: x,
    "mean": mean,
    "smooth": smooth,
    "gradients": gradients,
    "contrast": contrast,
}

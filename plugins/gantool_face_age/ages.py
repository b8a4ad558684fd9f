"""Ages in years, as networks are told them and as they tell them."""

import torch
from torch import Tensor

YOUNGEST, OLDEST = 18, 80
"""Years that models are trained for and asked for."""
FIRST, GAP, GROUPS = 25, 10, 6
"""Centres of the groups: 18–29, 30–39 … 70–80 years."""
STEP = 5
"""Years between two of an estimator's classes."""
CLASSES = (OLDEST - 20) // STEP + 1
"""From 20 to 80 years."""
SPREAD = 4.0
"""Deviation of the classes that an age is shared among, in years."""


def groups(age: Tensor) -> Tensor:
    """N years → N×GROUPS shares: of the two groups whose centres are next, by nearness.

    Beyond the outermost centres of the one group.
    """
    centres = FIRST + GAP * torch.arange(GROUPS, device=age.device)
    inner = age.float().clamp(FIRST, FIRST + GAP * (GROUPS - 1))
    return (1 - (inner[:, None] - centres).abs() / GAP).clamp_min(0)


def classes(age: Tensor) -> Tensor:
    """N years → N×CLASSES shares: a normal distribution around the age, as Gao et al. 2017."""
    return (-((age[:, None] - years(age)) ** 2) / (2 * SPREAD**2)).softmax(1)


def mean(logits: Tensor) -> Tensor:
    """N×CLASSES logits → N years, the mean of the distribution, as Rothe et al. 2015."""
    return (logits.float().softmax(1) * years(logits)).sum(1)


def years(like: Tensor) -> Tensor:
    """The age of each class, on the device of `like`."""
    return 20 + STEP * torch.arange(CLASSES, device=like.device)

"""Ages in years, as networks are told them and as they tell them."""

import torch
from torch import Tensor

YOUNGEST, OLDEST = 18, 80
"""Years that models are trained for and asked for."""
FIRST, GAP, GROUPS = 25, 10, 6
"""Centres of the groups: 18–29, 30–39 … 70–80 years."""


def groups(age: Tensor) -> Tensor:
    """N years → N×GROUPS shares: of the two groups whose centres are next, by nearness.

    Beyond the outermost centres of the one group.
    """
    centres = FIRST + GAP * torch.arange(GROUPS, device=age.device)
    inner = age.float().clamp(FIRST, FIRST + GAP * (GROUPS - 1))
    return (1 - (inner[:, None] - centres).abs() / GAP).clamp_min(0)

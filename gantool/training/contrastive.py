"""Contrastive losses: what belongs together is to be told from what does not."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def patch_nce(query: Tensor, key: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Mean of −log(exp(v·v⁺/τ) / (exp(v·v⁺/τ) + Σ exp(v·v⁻/τ))), N×P×C features of length 1.

    v⁺ is the key of the same place (held fixed), v⁻ those of the picture's other places. Park et
    al., «Contrastive Learning for Unpaired Image-to-Image Translation», 2020, equation 3.
    """
    with torch.autocast(query.device.type, enabled=False):
        alike = query.float() @ key.detach().float().transpose(1, 2) / temperature
    places = torch.arange(alike.shape[1], device=alike.device).expand(len(alike), -1)
    return cross_entropy(alike.flatten(0, 1), places.flatten())

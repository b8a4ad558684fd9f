"""Distances between pictures by the features that a network sees in them."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def self_similarity_distance(one: Tensor, other: Tensor) -> Tensor:
    """E|cos(x_i, x_j) − cos(y_i, y_j)| over all pairs of places of N×C×H×W features, float32.

    What is alike in one picture is to be alike in the other, whatever it looks like. Kolkin et
    al., «Style Transfer by Relaxed Optimal Transport and Self-Similarity», 2019, equation 8.
    """
    with torch.autocast(one.device.type, enabled=False):
        return (_similarities(one) - _similarities(other)).abs().mean()


def _similarities(features: Tensor) -> Tensor:
    """N×P×P cosines between places."""
    places = normalize(features.float().flatten(2), dim=1)
    return places.transpose(1, 2) @ places

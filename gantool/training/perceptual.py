"""Distances between pictures by the features that a network sees in them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

STRIDE = 16
"""Sides of what `same_window` cuts out are multiples of it."""
SHIFT = 7
"""Pixels by which a window can be moved at least."""
SMALLEST = 1e-4
"""Least deviation that a distance is divided by."""
Look = Callable[[Tensor], Sequence[Tensor]]
"""N×3×H×W → N×C×h×w features, a tensor for each layer."""


def self_similarity_distance(one: Tensor, other: Tensor) -> Tensor:
    """E|cos(x_i, x_j) − cos(y_i, y_j)| over all pairs of places of N×C×H×W features, float32.

    What is alike in one picture is to be alike in the other, whatever it looks like. Kolkin et
    al., «Style Transfer by Relaxed Optimal Transport and Self-Similarity», 2019, equation 8.
    """
    with torch.autocast(one.device.type, enabled=False):
        return (_similarities(one) - _similarities(other)).abs().mean()


def feature_distance(look: Look, one: Tensor, other: Tensor) -> Tensor:
    """E|φ(x) − φ(y)| over the mean deviation of φ(y)'s channels, the mean of all layers, float32.

    No gradient goes to `other`. As a loss: Johnson et al., «Perceptual Losses for Real-Time Style
    Transfer and Super-Resolution», 2016.
    """
    with torch.no_grad():
        theirs = [each.detach().float() for each in look(other)]
    gaps = [
        (ours.float() - layer).abs().mean() / _deviation(layer)
        for ours, layer in zip(look(one), theirs, strict=True)
    ]
    return torch.stack(gaps).mean()


def same_window(*pictures: Tensor) -> list[Tensor]:
    """Cut the same square out of each N×C×S×S, its side a multiple of 16, its place by chance.

    So the strides of a feature network come to lie anywhere. Draws from torch's default generator.
    """
    side = pictures[0].shape[-1]
    size = max(STRIDE, (side - SHIFT) // STRIDE * STRIDE)
    top, left = torch.randint(side - size + 1, (2,)).tolist()
    return [each[..., top : top + size, left : left + size] for each in pictures]


def _deviation(features: Tensor) -> Tensor:
    """The standard deviation of a channel over pictures and places, the mean of all channels."""
    return features.std((0, 2, 3), correction=0).mean().clamp(min=SMALLEST)


def _similarities(features: Tensor) -> Tensor:
    """N×P×P cosines between places."""
    places = normalize(features.float().flatten(2), dim=1)
    return places.transpose(1, 2) @ places

"""Faces disturbed at random, so that an estimator reads what is robust; differentiable."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

TURN, SHIFT, SMALLER, LARGER = 10.0, 0.06, 0.85, 1.1
CUT = 0.35
"""Side of what is covered, as a share of the picture's."""


def disturbed(x: Tensor) -> Tensor:
    """N×3×H×W in [0, 1] → the same moved, in other light, blurred, grainy, partly covered.

    Each picture otherwise; drawn from torch's own generator.
    """
    return covered(grainy(blurred(lit(turned(x)))))


def turned(x: Tensor) -> Tensor:
    """By up to 10°, moved by up to 6 %, from 0.85 to 1.1 of the size; mirrored at the edges."""
    angle = _between(x, -TURN, TURN) * math.pi / 180
    zoom = 1 / _between(x, SMALLER, LARGER)
    across, down = (_between(x, -2 * SHIFT, 2 * SHIFT) for _ in range(2))
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    rows = torch.stack([cosine, -sine, across, sine, cosine, down], 1).view(-1, 2, 3)
    grid = affine_grid(rows, list(x.shape), align_corners=False)
    return grid_sample(x.float(), grid, padding_mode="reflection", align_corners=False)


def lit(x: Tensor) -> Tensor:
    """Brighter or darker, of another contrast, saturation and tint; some are grey."""
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (_each(x, 0, 1.4) if torch.rand(()) < 0.8 else 0)
    tint = 1 + 0.08 * (2 * torch.rand(len(x), 3, 1, 1, device=x.device) - 1)
    middle = x.mean((1, 2, 3), keepdim=True)
    return (middle + (x - middle) * _each(x, 0.7, 1.3)) * tint + _each(x, -0.12, 0.12)


def blurred(x: Tensor) -> Tensor:
    """Half of them, more or less; sides are even."""
    coarse = interpolate(avg_pool2d(x, 2), scale_factor=2.0, mode="bilinear")
    return x + _each(x, -1, 1).clamp_min(0) * (coarse - x)


def grainy(x: Tensor) -> Tensor:
    """With noise of a deviation up to 0.06."""
    return x + _each(x, 0, 0.2) * (torch.rand_like(x) - 0.5)


def covered(x: Tensor) -> Tensor:
    """Half of them with a square of one grey."""
    height, width = x.shape[2:]
    row = torch.arange(height, device=x.device).view(1, 1, -1, 1) / height
    column = torch.arange(width, device=x.device).view(1, 1, 1, -1) / width
    down, across = _each(x, -0.2, 0.9), _each(x, -0.2, 0.9)
    inside = (row - down).abs() < CUT / 2
    inside = inside & ((column - across).abs() < CUT / 2) & (_each(x, 0, 1) < 0.5)
    return torch.where(inside, _each(x, 0, 1), x)


def _between(x: Tensor, low: float, high: float) -> Tensor:
    """N numbers."""
    return low + (high - low) * torch.rand(len(x), device=x.device)


def _each(x: Tensor, low: float, high: float) -> Tensor:
    """N×1×1×1 numbers."""
    return _between(x, low, high).view(-1, 1, 1, 1)

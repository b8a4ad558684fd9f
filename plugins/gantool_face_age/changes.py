"""How far a changed face is from the one it was: pictures N×3×H×W in [0, 1]."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

BROAD = 16
"""Pixels of a side of the squares whose brightness is compared."""


def far_off(change: Tensor) -> Tensor:
    """N: mean of |c|/2 + 40·c², so that few strong strokes do not come cheaper than many faint."""
    return (change.abs() / 2 + 40 * change**2).mean((1, 2, 3))


def tone_gap(face: Tensor, x: Tensor) -> Tensor:
    """Mean difference of the colours, without their brightness, of squares of 4×4 pixels."""
    return chroma_gap(avg_pool2d(face, 4), avg_pool2d(x, 4))


def chroma_gap(face: Tensor, x: Tensor) -> Tensor:
    """Mean difference of the colours, without their brightness, of pixels."""
    gap = face - x
    return (gap - gap.mean(1, keepdim=True)).abs().mean()


def light_gap(face: Tensor, x: Tensor) -> Tensor:
    """Mean difference of the brightness of squares of 16×16 pixels."""
    return avg_pool2d((face - x).mean(1, keepdim=True), BROAD).abs().mean()


def variation(mask: Tensor) -> Tensor:
    """Mean difference of neighbours: total variation."""
    return mask.diff(dim=2).abs().mean() + mask.diff(dim=3).abs().mean()

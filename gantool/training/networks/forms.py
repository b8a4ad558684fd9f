"""Convolutions in the forms that a CPU trains fastest: but for rounding the same as torch's."""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, pad, pixel_shuffle

Form = Callable[[Tensor, Tensor, Tensor], Tensor]
"""What is made of pictures with a border, weights out×in×k×k and biases."""
WIDE, SMALL, LARGE = 4096, 64, 256
"""Inputs × outputs from which `by_sums_of_two` is the faster, if of so many pixels; pixels from
which `by_corners` is faster than torch.
"""
MANY = 2**19
"""Numbers from which copying them costs less than `_Transposed` saves."""


def fastest_enlarging(x: Tensor, weight: Tensor) -> Form | None:
    """How N×in×H×W, once it has a border, is doubled and convolved; None where torch is as fast."""
    pixels, single = x.shape[2] * x.shape[3], not torch.is_autocast_enabled(x.device.type)
    if single and pixels >= SMALL and weight.shape[0] * weight.shape[1] >= WIDE:
        return by_sums_of_two
    return by_corners if pixels >= LARGE else None


def by_sums_of_two(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """N×in×(H+2)×(W+2) → N×out×2H×2W with a quarter of the products.

    To double pixels is to put zeros between them and to sum each two by two. The sum may as well
    come last, after a convolution that skips the zeros: a transposed one.
    """
    corners = _transposed(x, weight.transpose(0, 1).flip(2, 3), bias / 4, padding=2)
    return avg_pool2d(corners, 2, stride=1, divisor_override=1)


def by_corners(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """N×in×(H+2)×(W+2) → N×out×2H×2W with fewer than half the products.

    A pixel that is doubled meets up to four of the nine weights at once: their sums are a 2×2
    kernel for each of the four pixels around a corner. Shi et al., «Real-Time Single Image and
    Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network», 2016.
    """
    outputs, inputs = weight.shape[:2]
    with torch.autocast(x.device.type, enabled=False):
        sums = (weight.reshape(-1, 9) @ _SUMS.to(weight)).view(outputs, inputs, 4, 2, 2)
    corners = conv2d(x, sums.transpose(1, 2).flatten(0, 1), bias.repeat_interleave(4))
    return pad(pixel_shuffle(corners, 2), (-1, -1, -1, -1))  # a slice would lose the memory layout


def by_columns(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """N×in×H×W → N×out×(H−k+1)×(W−k+1), each column of the kernel with outputs of its own.

    A CPU computes 16 outputs at once: most of its work for 3 is in vain, less of that for 7 × 3.
    """
    columns = weight.shape[3]
    width = x.shape[3] - columns + 1
    each = conv2d(x, weight.permute(3, 0, 1, 2).flatten(0, 1)[..., None]).chunk(columns, 1)
    return sum((y[..., left : left + width] for left, y in enumerate(each)), bias[:, None, None])


def doubling(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A transposed convolution, N×in×H×W → N×out×2H×2W with weights in×out×k×k, k 3 or 4."""
    return _transposed(x, weight, bias, padding=1, more=weight.shape[2] % 2)


def _transposed(x: Tensor, weight: Tensor, bias: Tensor, *, padding: int, more: int = 0) -> Tensor:
    """With stride 2 and, at the end, so many rows and columns more."""
    slow = weight.shape[2] == 3 and x.numel() >= MANY
    if not slow or torch.is_autocast_enabled(x.device.type):
        return conv_transpose2d(x, weight, bias, 2, padding, more)
    form = [2, 2], [padding, padding], [1, 1], True, [more, more], 1
    result: Tensor = _Transposed.apply(x, weight, bias, form)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return result


class _Transposed(torch.autograd.Function):
    """A convolution whose weights' gradient is computed of contiguous memory.

    With channels last, in which all else is faster, it takes up to three times as long where a
    3×3 kernel has stride 2.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, form: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = form
        return torch.convolution(x, weight, bias, *form)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        derive, outputs = torch.ops.aten.convolution_backward, [gradient.shape[1]]
        by_x = by_weight = by_bias = None
        of_x, *of_others, _ = ctx.needs_input_grad
        if of_x:
            by_x, *_ = derive(gradient, x, weight, outputs, *ctx.form, [True, False, False])
        if any(of_others):
            given = (each.contiguous() for each in (gradient, x, weight))
            _, by_weight, by_bias = derive(*given, outputs, *ctx.form, [False, *of_others])
        return by_x, by_weight, by_bias, None


def _sums() -> Tensor:
    """9×16: which of the 3×3 weights are summed up in the 2×2 of the pixels around a corner."""
    small = torch.tensor([[0, 0, 1], [0, 1, 1]])
    """Row of the kernel by the pixel's, before or after the corner, and by the weight's."""
    where = torch.zeros(3, 3, 2, 2, 2, 2)
    for row, column, down, right in itertools.product(range(3), range(3), (0, 1), (0, 1)):
        where[row, column, down, right, small[down, row], small[right, column]] = 1
    return where.view(9, 16)


_SUMS = _sums()

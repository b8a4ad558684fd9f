"""Networks in integers: weights of 8 bits a channel, activations of 8 bits a tensor, as QDQ.

Exported, a QuantizeLinear and a DequantizeLinear stand wherever a float is rounded; runtimes turn
what is between two such pairs into integer arithmetic.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

OPSET = 18
"""Of the two operators as they are written here."""
LEVELS = 255
"""Steps between the least and the greatest activation."""
LARGEST = 127
"""Of a weight: as far below zero as above, so that no zero point is needed."""
_WIDEST = 2**31 - 1


class Rounded(nn.Module):
    """A tensor of floats, rounded to `scale · (q − zero)`, q uint8."""

    scale: Tensor
    zero: Tensor

    def __init__(self, scale: Tensor, zero: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("zero", zero.to(torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            given = [x, self.scale, self.zero]
            q = _operator("QuantizeLinear", given, torch.uint8, like=x)
            return _operator("DequantizeLinear", [q, *given[1:]], torch.float32, like=x)
        zero = self.zero.to(x.dtype)
        q = (torch.round(x / self.scale.to(x.dtype)) + zero).clamp(0, LEVELS)
        return (q - zero).float() * self.scale


class IntegerConv(nn.Module):
    """A convolution whose weights are int8 and whose bias is int32, in steps of the products.

    Run by torch it gives what integer arithmetic gives, to the bit: what is one step off at a
    tie is many steps off some layers later.
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    step: Tensor

    def __init__(
        self, trained: nn.Conv2d, scale: Tensor, before: Tensor, after: Tensor | None = None
    ) -> None:
        """`scale` is that of each output's weights, `before` that of what comes in, `after` that
        to which the result is rounded; None where it is not.
        """
        super().__init__()
        self.form = (trained.stride, trained.padding, trained.dilation, trained.groups)
        self.before, self.after = before, after
        q = torch.round(trained.weight.detach() / scale[:, None, None, None])
        self.register_buffer("weight", q.clamp(-LARGEST, LARGEST).to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("step", scale * before)
        bias = torch.zeros(len(scale)) if trained.bias is None else trained.bias.detach()
        steps = torch.round(bias.double() / self.step).clamp(-_WIDEST, _WIDEST)
        self.register_buffer("bias", steps.to(torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            weight, bias = _floats(self.weight, self.scale), _floats(self.bias, self.step)
            return conv2d(x, weight, bias, *self.form)  # type: ignore[arg-type]  # all of a Conv2d
        integers = torch.round(x / self.before).double()
        sums = conv2d(integers, self.weight.double(), self.bias.double(), *self.form).float()  # type: ignore[arg-type]
        step = self.step[:, None, None]
        if self.after is None:
            return sums * step
        return (sums * (step / self.after)).double() * self.after.double()  # exact, and undone


def _floats(integers: Tensor, scale: Tensor) -> Tensor:
    """`integers` times the scale of their first axis."""
    return _operator("DequantizeLinear", [integers, scale], torch.float32, like=integers, axis=0)


def _operator(
    name: str, given: Sequence[Tensor], kind: torch.dtype, *, like: Tensor, **attributes: Any
) -> Tensor:
    """An operator of ONNX itself, in a graph that is being exported."""
    return torch.onnx.ops.symbolic(
        name, given, attributes, dtype=kind, shape=like.shape, version=OPSET
    )

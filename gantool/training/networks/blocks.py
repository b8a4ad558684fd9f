"""Pieces that several networks are built from."""

import itertools
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv_transpose2d, pad

Up = Literal["resize", "transposed"]
EPS = 1e-3
"""Of instance normalisation: float16 keeps it, and flat areas are not blown up to noise."""
MERGED = 256
"""Pixels from which summing up a kernel costs less than it saves."""


class InstanceNorm(nn.InstanceNorm2d):
    """As torch has it; one picture alone while training keeps its memory layout."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or len(x) > 1:
            return super().forward(x)
        return batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


def instance_norm(channels: int) -> nn.InstanceNorm2d:
    """Per picture and channel, with a learned scale and shift; the same in training and export.

    Ulyanov et al., «Instance Normalization: The Missing Ingredient for Fast Stylization», 2016.
    """
    return InstanceNorm(channels, eps=EPS, affine=True)


def normalised(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution with reflected edges, instance normalisation, ReLU."""
    padding = kernel // 2
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, padding_mode="reflect"),
        instance_norm(outputs),
        nn.ReLU(inplace=True),
    ]


def enlarging(inputs: int, outputs: int, kernel: int, up: Up) -> nn.Sequential:
    """N×in×H×W → N×out×2H×2W.

    `resize`: nearest neighbours, then a 3×3 convolution, which leaves no checkerboard (Odena et
    al., «Deconvolution and Checkerboard Artifacts», 2016). `transposed`: as in the older papers.
    """
    if up == "transposed":
        extra = kernel % 2
        return nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding=1, output_padding=extra)
        )
    return Resizing(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"),
    )


class Resizing(nn.Sequential):
    """Nearest neighbours, then a 3×3 convolution; while training on a CPU the same in one step."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.device.type == "cpu" and x.shape[2] * x.shape[3] >= MERGED:
            convolution = cast(nn.Conv2d, self[1])
            return _at_once(x, convolution.weight, convolution.bias)
        for layer in self:
            x = layer(x)
        return x


def _at_once(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What `Resizing` does with fewer than half the products.

    A pixel that is doubled meets up to four of the nine weights at once: their sums are the 4×4
    kernel of a transposed convolution. Reflection of the enlarged is repetition in the small.
    """
    outputs, inputs = weight.shape[:2]
    with torch.autocast(x.device.type, enabled=False):
        nine = weight.transpose(0, 1).reshape(-1, 9)
        sums = (nine @ _SUMS.to(weight)).view(inputs, outputs, 4, 4)
    wide = conv_transpose2d(pad(x, (1, 1, 1, 1), "replicate"), sums, bias, stride=2, padding=1)
    return pad(wide, (-2, -2, -2, -2))  # other than a slice, that keeps the memory layout


def _sums() -> Tensor:
    """9×16: which of the 3×3 weights each of the 4×4 is the sum of."""
    where = torch.zeros(3, 3, 4, 4)
    for row, column, down, right in itertools.product(range(3), range(3), (0, 1), (0, 1)):
        where[row, column, 3 - row - down, 3 - column - right] = 1
    return where.view(9, 16)


_SUMS = _sums()


def start_small(network: nn.Module, deviation: float = 0.02) -> None:
    """Convolutions from N(0, 0.02²), biases 0, as DCGAN and pix2pix start them, in place.

    Depthwise 3×3 ones from N(0, ⅓²), so that they keep the strength of what they are given.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation if module.groups == 1 else 1 / 3)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

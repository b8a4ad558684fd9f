"""Pieces that several networks are built from."""

import itertools
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, pad, pixel_shuffle

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
    """What `Resizing` does with fewer than half the products: a convolution to sub-pixels.

    A pixel that is doubled meets up to four of the nine weights at once: their sums are a 2×2
    kernel for each of the four pixels around a corner. Reflection of the enlarged is repetition
    in the small. Shi et al., «Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network», 2016.
    """
    outputs, inputs = weight.shape[:2]
    with torch.autocast(x.device.type, enabled=False):
        sums = (weight.reshape(-1, 9) @ _SUMS.to(weight)).view(outputs, inputs, 4, 2, 2)
    kernels = sums.transpose(1, 2).flatten(0, 1)
    biases = None if bias is None else bias.repeat_interleave(4)
    corners = conv2d(pad(x, (1, 1, 1, 1), "replicate"), kernels, biases)
    return pad(pixel_shuffle(corners, 2), (-1, -1, -1, -1))  # a slice would lose the memory layout


def _sums() -> Tensor:
    """9×16: which of the 3×3 weights are summed up in the 2×2 of the pixels around a corner."""
    small = torch.tensor([[0, 0, 1], [0, 1, 1]])
    """Row of the kernel by the pixel's, before or after the corner, and by the weight's."""
    where = torch.zeros(3, 3, 2, 2, 2, 2)
    for row, column, down, right in itertools.product(range(3), range(3), (0, 1), (0, 1)):
        where[row, column, down, right, small[down, row], small[right, column]] = 1
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

"""Pieces that several networks are built from."""

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, pad

from gantool.training.networks import forms

Up = Literal["resize", "transposed"]
EPS = 1e-3
"""Of instance normalisation: float16 keeps it, and flat areas are not blown up to noise."""


class InstanceNorm(nn.InstanceNorm2d):
    """As torch has it; while training, pictures one by one keep their memory layout.

    Together they would be copied to another and back, which on a CPU takes three times as long.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or (len(x) > 1 and (x.device.type != "cpu" or x.is_contiguous())):
            return super().forward(x)
        given = (None, None, self.weight, self.bias, True)
        each = [batch_norm(one, *given, eps=self.eps) for one in torch.split(x, 1)]
        return each[0] if len(each) == 1 else torch.cat(each)


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


class ToPicture(nn.Conv2d):
    """A convolution with a large kernel, few outputs and reflected edges."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        if not _trained_on_cpu(self, x):
            return super().forward(x)
        edges, bias = (self.kernel_size[0] // 2,) * 4, cast(Tensor, self.bias)
        return forms.by_columns(pad(x, edges, "reflect"), self.weight, bias)


def enlarging(inputs: int, outputs: int, kernel: int, up: Up) -> nn.Sequential:
    """N×in×H×W → N×out×2H×2W.

    `resize`: nearest neighbours, then a 3×3 convolution, which leaves no checkerboard (Odena et
    al., «Deconvolution and Checkerboard Artifacts», 2016). `transposed`: as in the older papers.
    """
    if up == "transposed":
        return nn.Sequential(Doubling(inputs, outputs, kernel))
    return Resizing(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"),
    )


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution, H×W → 2H×2W."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, 2, padding=1, output_padding=kernel % 2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not _trained_on_cpu(self, x):
            return super().forward(x, output_size)
        return forms.doubling(x, self.weight, cast(Tensor, self.bias))


class Resizing(nn.Sequential):
    """Nearest neighbours, then a 3×3 convolution, H×W → 2H×2W.

    Edges reflected after enlarging are edges repeated before.
    """

    def forward(self, x: Tensor) -> Tensor:
        if _trained_on_cpu(self, x):
            weight, bias = (cast(Tensor, each) for each in (self[1].weight, self[1].bias))
            if form := forms.fastest_enlarging(x, weight):
                return form(pad(x, (1, 1, 1, 1), "replicate"), weight, bias)
        for layer in self:
            x = layer(x)
        return x


def _trained_on_cpu(layer: nn.Module, x: Tensor) -> bool:
    """Where forms are used that are the fastest there; elsewhere, as in an export, plain torch."""
    return layer.training and x.device.type == "cpu"


def start_small(network: nn.Module, deviation: float = 0.02) -> None:
    """Convolutions from N(0, 0.02²), biases 0, as DCGAN and pix2pix start them, in place.

    Depthwise 3×3 ones from N(0, ⅓²), so that they keep the strength of what they are given.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation if module.groups == 1 else 1 / 3)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

"""Pieces that several networks are built from."""

from typing import Literal

from torch import nn

Up = Literal["resize", "transposed"]
EPS = 1e-3
"""Of instance normalisation: float16 keeps it, and flat areas are not blown up to noise."""


def instance_norm(channels: int) -> nn.InstanceNorm2d:
    """Per picture and channel, with a learned scale and shift; the same in training and export.

    Ulyanov et al., «Instance Normalization: The Missing Ingredient for Fast Stylization», 2016.
    """
    return nn.InstanceNorm2d(channels, eps=EPS, affine=True)


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
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"),
    )


def start_small(network: nn.Module, deviation: float = 0.02) -> None:
    """Convolutions from N(0, 0.02²), biases 0, as DCGAN and pix2pix start them, in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

"""Re-parameterised plain stacks: several branches while training, one 3×3 afterwards."""

from collections.abc import Mapping
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu, pad, pixel_shuffle

Activation = Literal["leaky", "relu"]
SLOPES: Mapping[Activation, float] = {"leaky": 0.1, "relu": 0.0}
"""Of values below zero."""
PARTS = ("weight", "bias")


class RepConv(nn.Module):
    """3×3 + 1×1 + identity branches, always run as the one 3×3 convolution they sum to.

    `N×in×H×W → N×out×H×W`, zero padding. The identity branch exists where in equals out.
    After Ding et al., «RepVGG», 2021, without its batch normalisation.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        identity = torch.zeros(outputs, inputs, 3, 3)
        if inputs == outputs:
            identity[range(outputs), range(inputs), 1, 1] = 1
        self.register_buffer("identity", identity, persistent=False)

    def kernel(self) -> Tensor:
        """The `out×in×3×3` kernel that equals the sum of the branches."""
        point = pad(self.point.weight, (1, 1, 1, 1))
        return self.wide.weight + point + cast(Tensor, self.identity)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.kernel(), self.wide.bias, padding=1)


class PlainUpscaler(nn.Module):
    """`N×3×H×W → N×3×sH×sW`, values around [0, 1]: a plain stack over a bilinear anchor.

    Head, `layers` convolutions with LeakyReLU(0.1) or ReLU under one long skip, a tail to 3s²
    channels and depth-to-space (Shi et al., «Real-Time Single Image … Sub-Pixel CNN», 2016). The
    stack has only to learn what bilinear enlargement misses. With `denoise` it takes one more
    input, `N×1` in [0, 1], as a plane beside the picture's: how much noise is to go.
    """

    def __init__(
        self,
        scale: int,
        channels: int,
        layers: int,
        *,
        activation: Activation = "leaky",
        denoise: bool = False,
    ) -> None:
        super().__init__()
        self.scale, self.slope, self.denoise = scale, SLOPES[activation], denoise
        self.head = RepConv(4 if denoise else 3, channels)
        self.body = nn.ModuleList(RepConv(channels, channels) for _ in range(layers))
        self.tail = RepConv(channels, 3 * scale * scale)

    def forward(self, x: Tensor, denoise: Tensor | None = None) -> Tensor:
        """Enlarge `x`; where `denoise` is not given, all noise is to go."""
        first = self._activated(self.head(self._with_plane(x, denoise)))
        y = first
        for convolution in self.body:
            y = self._activated(convolution(y))
        detail = pixel_shuffle(self.tail(y + first), self.scale)
        anchor = interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return anchor + detail

    def _activated(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.slope) if self.slope else x.relu()

    def _with_plane(self, x: Tensor, denoise: Tensor | None) -> Tensor:
        if not self.denoise:
            return x
        amount = x.new_ones(1, 1) if denoise is None else denoise.to(x.dtype)
        plane = amount.view(-1, 1, 1, 1).expand(x.shape[0], 1, x.shape[2], x.shape[3])
        return torch.cat([x, plane], 1)


def fuse(network: nn.Module) -> nn.Module:
    """Replace every RepConv inside `network` by its plain 3×3 convolution; returns `network`."""
    for name, child in network.named_children():
        if isinstance(child, RepConv):
            setattr(network, name, _plain(child))
        else:
            fuse(child)
    return network


@torch.no_grad()
def unfuse(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put the weights of a fused network into the branches, whose sum they then are.

    Raises KeyError and RuntimeError where they do not fit.
    """
    stacks = {name: each for name, each in network.named_modules() if isinstance(each, RepConv)}
    fused = {f"{name}.{part}" for name in stacks for part in PARTS}
    others = {name: each for name, each in weights.items() if name not in fused}
    missing, strange = network.load_state_dict(others, strict=False)
    lacking = [
        name for name in missing if not name.startswith(tuple(f"{each}." for each in stacks))
    ]
    if strange or lacking:
        raise KeyError(f"no place for {strange}, nothing for {lacking}")
    for name, branches in stacks.items():
        branches.point.weight.zero_()
        kernel = weights[f"{name}.weight"] - cast(Tensor, branches.identity)
        branches.wide.load_state_dict({"weight": kernel, "bias": weights[f"{name}.bias"]})


@torch.no_grad()
def _plain(branches: RepConv) -> nn.Conv2d:
    plain = nn.Conv2d(branches.wide.in_channels, branches.wide.out_channels, 3, padding=1)
    plain.weight.copy_(branches.kernel())
    plain.bias = branches.wide.bias
    return plain

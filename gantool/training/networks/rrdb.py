"""Networks that others have trained to enlarge: RRDB and Compact, from their usual weights."""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from gantool.errors import ModelError

SHRUNK = 0.2
"""What residuals are multiplied by."""
PLACE = re.compile(r"body\.(\d+)\.")


class DenseBlock(nn.Module):
    """N×k×H×W → the same plus a fifth of what five densely connected convolutions add."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        widths = [channels + number * growth for number in range(5)]
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            nn.Conv2d(width, growth, 3, padding=1) for width in widths[:4]
        )
        self.conv5 = nn.Conv2d(widths[4], channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        found = x
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            found = torch.cat([found, leaky_relu(convolution(found), 0.2)], 1)
        return torch.add(x, self.conv5(found), alpha=SHRUNK)


class ResidualInResidual(nn.Module):
    """Three dense blocks, a fifth of what they add."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(channels, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=SHRUNK)


class Rrdb(nn.Module):
    """N×3×H×W → N×3×sH×sW in [0, 1]; with `unshuffle` 1, 2 or 4 the scale is 4, 2 or 1.

    H and W are multiples of `unshuffle`. Wang et al., «ESRGAN: Enhanced Super-Resolution
    Generative Adversarial Networks», 2018, with the names of Real-ESRGAN's weights.
    """

    def __init__(self, blocks: int, channels: int, growth: int, unshuffle: int = 1) -> None:
        super().__init__()
        self.unshuffle, self.scale = unshuffle, 4 // unshuffle
        self.conv_first = nn.Conv2d(3 * unshuffle**2, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualInResidual(channels, growth) for _ in range(blocks)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(4)
        )
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_first(pixel_unshuffle(x, self.unshuffle))
        y = first + self.conv_body(self.body(first))
        for convolution in (self.conv_up1, self.conv_up2):
            y = leaky_relu(convolution(interpolate(y, scale_factor=2.0, mode="nearest")), 0.2)
        result: Tensor = self.conv_last(leaky_relu(self.conv_hr(y), 0.2))
        return result


class Compact(nn.Module):
    """N×3×H×W → N×3×sH×sW in [0, 1]: a plain stack with PReLU over the enlarged pixels.

    The small network of Wang et al., «Real-ESRGAN», 2021, with the names of its weights.
    """

    def __init__(self, scale: int, channels: int, layers: int) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1), nn.PReLU(channels)]
        for _ in range(layers):
            body += [nn.Conv2d(channels, channels, 3, padding=1), nn.PReLU(channels)]
        body.append(nn.Conv2d(channels, 3 * scale**2, 3, padding=1))
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        detail = pixel_shuffle(self.body(x), self.scale)
        return detail + interpolate(x, scale_factor=float(self.scale), mode="nearest")


def network_of(weights: Mapping[str, Tensor]) -> Rrdb | Compact:
    """Return the network that `weights` are of, fixed. Raises ModelError for any other."""
    try:
        network = _rrdb_of(weights) if "conv_first.weight" in weights else _compact_of(weights)
        network.load_state_dict(dict(weights))
    except (KeyError, IndexError, ValueError, RuntimeError) as error:  # torch says it in many lines
        raise ModelError("holds neither an RRDB nor a Compact network") from error
    return network.requires_grad_(False).eval()


def _rrdb_of(weights: Mapping[str, Tensor]) -> Rrdb:
    channels, inputs = weights["conv_first.weight"].shape[:2]
    growth = len(weights["body.0.rdb1.conv1.weight"])
    return Rrdb(_places(weights), channels, growth, math.isqrt(inputs // 3))


def _compact_of(weights: Mapping[str, Tensor]) -> Compact:
    last = _places(weights) - 1
    scale = math.isqrt(len(weights[f"body.{last}.weight"]) // 3)
    if last < 2 or scale < 1:
        raise ValueError("too few layers or channels")
    return Compact(scale, len(weights["body.0.weight"]), last // 2 - 1)


def _places(weights: Mapping[str, Tensor]) -> int:
    """How many members the body has."""
    return 1 + max(int(found[1]) for name in weights if (found := PLACE.match(name)))

"""ResNet-18 as the way down of a ColourNet, from a file with weights of ImageNet."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from gantool.errors import ModelError
from gantool.training import foreign

WIDTHS = (64, 128, 256, 512)
"""At 1/4, 1/8, 1/16 and 1/32 of the side."""
MEAN, DEVIATION = 0.449, 0.226
"""Of a grey picture of ImageNet."""
NORM = 1e-5
"""What torchvision's normalisations add to the variance."""


class ResNet18(nn.Module):
    """N×1×H×W, a luma in [0, 1] → what is seen at each level, N×width×side of it.

    He et al., «Deep Residual Learning for Image Recognition», 2016, with its normalisations in
    the convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 7, stride=2, padding=3)
        for level, (before, width) in enumerate(zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)):
            stage = nn.Sequential(Block(before, width), Block(width, width))
            self.add_module(f"layer{level + 1}", stage)

    def forward(self, y: Tensor) -> list[Tensor]:
        x = ((y - MEAN) / DEVIATION).expand(-1, 3, -1, -1)
        x = max_pool2d(relu(self.conv1(x)), 3, stride=2, padding=1)
        levels = []
        for level in range(len(WIDTHS)):
            x = self.get_submodule(f"layer{level + 1}")(x)
            levels.append(x)
        return levels


class Block(nn.Module):
    """Two 3×3 convolutions beside a skip; of half the side where it has more channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        skip = [] if stride == 1 else [nn.Conv2d(inputs, outputs, 1, stride=stride)]
        self.downsample = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.downsample(x) + self.conv2(relu(self.conv1(x))))


def read_resnet(path: Path) -> ResNet18:
    """The network with the weights of a file: a state dict of torchvision's ResNet-18.

    Raises ModelError for a file that is not there, cannot be read, or holds something else.
    """
    network, weights = ResNet18(), foreign.weights(path)
    try:
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d):
                _fold(module, weights, name)
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"{path}: {error} is not there: give the ResNet-18 of torchvision"
        ) from error
    return network


@torch.no_grad()
def _fold(convolution: nn.Conv2d, weights: Mapping[str, Tensor], name: str) -> None:
    """Kernel and bias that equal the file's kernel and the normalisation after it."""
    before, _, last = name.rpartition(".")
    norm = f"{before}.1" if last == "0" else name.replace("conv", "bn")
    scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + NORM).sqrt()
    bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
    kernel = scale.view(-1, 1, 1, 1) * weights[f"{name}.weight"]
    convolution.load_state_dict({"weight": kernel, "bias": bias})

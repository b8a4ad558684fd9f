"""The feature network of content losses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gantool.errors import ModelError
from gantool.training import foreign

Depth = Literal["conv2_2", "conv5_4"]
WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Of the convolutions of VGG-19, 0 for a pooling."""
LAYERS: Mapping[Depth, int] = {"conv2_2": 7, "conv5_4": 34}
"""The place of a convolution among all layers, as torchvision counts."""


class VggFeatures(nn.Module):
    """N×3×H×W in [0, 1] → the output of one convolution of VGG-19, before its activation.

    Simonyan and Zisserman, «Very Deep Convolutional Networks …», 2015; as a loss: Ledig et al.
    2017, section 2.2.1, before the activation as in Wang et al., «ESRGAN», 2018, section 3.3.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, depth: Depth) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in WIDTHS:
            if width:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: LAYERS[depth] + 1])
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.features((x - self.mean) / self.deviation)
        return result


def read_vgg(path: Path, depth: Depth) -> VggFeatures:
    """The network with the weights of a file, fixed: a state dict of torchvision's VGG-19.

    Raises ModelError for a file that is not there, cannot be read, or holds something else.
    """
    weights = foreign.weights(path)
    network = VggFeatures(depth)
    needed = network.state_dict()
    if strange := [name for name in needed if name not in weights]:
        raise ModelError(f"{path}: no {strange[0]} in it: give the VGG-19 of torchvision")
    for name, own in needed.items():
        if weights[name].shape != own.shape:
            wanted, got = ("×".join(map(str, each.shape)) for each in (own, weights[name]))
            raise ModelError(f"{path}: {name} is {got}, not {wanted}: give VGG-19, without norms")
    network.load_state_dict({name: weights[name] for name in needed})
    return network.requires_grad_(False).eval()

"""The network that reads ages off faces."""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from gantool_face_age.ages import CLASSES, mean

STRIDE = 16
"""Pixels of the picture to one of its last features; sides must be multiples of it."""


class AgeNet(nn.Module):
    """N×3×H×W in [0, 1] → N×CLASSES logits.

    Residual blocks at 1/4, 1/8 and 1/16 of the side without normalisation, then their mean and
    their maximum: a few wrinkles count as much as a large cheek.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        k = channels
        self.first = nn.Conv2d(3, k, 4, 2, 1)
        layers: list[nn.Module] = []
        for before, after, blocks in ((k, 2 * k, 1), (2 * k, 3 * k, 2), (3 * k, 4 * k, 2)):
            layers += [nn.ReLU(), nn.Conv2d(before, after, 3, 2, 1)]
            layers += [Residual(after) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8 * k, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        found = relu(self.layers(self.first(4 * x - 2)))
        told: Tensor = self.last(self.drop(torch.cat([found.mean((2, 3)), found.amax((2, 3))], 1)))
        return told


class Residual(nn.Module):
    """x + two 3×3 convolutions of what is positive, by a learned share that begins at nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.share * self.layers(x)
        return result


class AgePicture(nn.Module):
    """N×3×H×W → the same size, grey all over: years / 100, the mean of the face and its mirror."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        read = mean(self.network(x)) + mean(self.network(x.flip(3)))
        return (read / 200).view(-1, 1, 1, 1).expand_as(x)

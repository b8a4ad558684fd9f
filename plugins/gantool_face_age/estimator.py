"""The network that reads ages off faces."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

STRIDE = 16
"""Pixels of the picture to one of its last features; sides must be multiples of it."""
MIDDLE, SPREAD = 49.0, 18.0
"""Mean and deviation of ages, roughly, in years."""


class AgeNet(nn.Module):
    """N×3×H×W in [0, 1] → N years.

    Residual blocks at 1/4, 1/8 and 1/16 of the side, then their mean and their maximum: a few
    wrinkles count as much as a large cheek.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        k = channels
        self.first = nn.Conv2d(3, k, 4, 2, 1)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((k, 2 * k, 3 * k, 4 * k)):
            layers += [nn.ReLU(), nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after)]
            layers += [Residual(after)]
        self.layers = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8 * k, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        found = relu(self.layers(self.first(4 * x - 2)))
        whole = torch.cat([found.mean((2, 3)), found.amax((2, 3))], 1)
        told: Tensor = self.last(self.drop(whole))
        return MIDDLE + SPREAD * told[:, 0].float()


class Residual(nn.Module):
    """x + two 3×3 convolutions of what is positive, each normalised over the batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


class AgePicture(nn.Module):
    """N×3×H×W → the same size, grey all over: years / 100, the mean of the face and its mirror."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        read: Tensor = self.network(x) + self.network(x.flip(3))
        return (read / 200).view(-1, 1, 1, 1).expand_as(x)

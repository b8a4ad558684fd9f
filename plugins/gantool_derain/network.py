"""The network that tells what falls from what is behind it."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, relu

from gantool.training.networks.plain import RepConv

STRIDE = 4
"""Pixels of the picture to one of the body."""


class Derainer(nn.Module):
    """`N×3×H×W → N×3×H×W` in about [0, 1], H and W multiples of 4: the picture less a residual.

    `channels` at half the size, twice as many in a body of `layers` convolutions at a quarter of
    it, which sees a streak in full, and back with what the half size has seen. 3×3 and ReLU
    throughout, nothing that depends on the whole picture. Untrained, the residual is nothing.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        k = channels
        self.fine = nn.Sequential(*_convolutions(12, k, 3))
        self.down = nn.Conv2d(k, 2 * k, 3, stride=2, padding=1)
        self.body = nn.Sequential(*_convolutions(2 * k, 2 * k, layers))
        self.up = RepConv(2 * k, 4 * k)
        self.last = nn.Sequential(*_convolutions(k, k, 2), RepConv(k, 12))
        for weight in self.last[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor) -> Tensor:
        return x - self.residual(x)

    def residual(self, x: Tensor) -> Tensor:
        """What falls, in the picture's own values; N×3×H×W."""
        fine = self.fine(pixel_unshuffle(x, 2))
        coarse = relu(self.down(fine))
        seen = self.up(self.body(coarse) + coarse)
        return pixel_shuffle(self.last(relu(pixel_shuffle(seen, 2)) + fine), 2)


def _convolutions(inputs: int, outputs: int, layers: int) -> list[nn.Module]:
    """`layers` of them, each with its ReLU."""
    return [
        module
        for layer in range(layers)
        for module in (RepConv(outputs if layer else inputs, outputs), nn.ReLU())
    ]

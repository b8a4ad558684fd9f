"""A generator for translation that is trained in hours, and run fast, on a CPU."""

from torch import Tensor, nn
from torch.nn.functional import relu

from gantool.training.networks.blocks import enlarging, instance_norm, normalised, start_small


class LightGenerator(nn.Module):
    """N×3×H×W → N×3×H×W in [−1, 1], H and W multiples of 4 and at least 16.

    c3s1-k, d2k, d4k, `blocks` separable residual blocks, u2k, uk, c3s1-3 with tanh: a
    ResnetGenerator whose blocks have an eighth of the weights (Howard et al., «MobileNets», 2017)
    and which adds at half the size what it saw there, so that content need not be learned.
    """

    def __init__(self, *, channels: int = 32, blocks: int = 6) -> None:
        super().__init__()
        k = channels
        self.full = nn.Sequential(*normalised(3, k, 3))
        self.down_half = nn.Sequential(*normalised(k, 2 * k, 3, 2))
        self.down_quarter = nn.Sequential(*normalised(2 * k, 4 * k, 3, 2))
        self.blocks = nn.ModuleList(Separable(4 * k) for _ in range(blocks))
        self.up_half = nn.Sequential(enlarging(4 * k, 2 * k, 3, "resize"), instance_norm(2 * k))
        self.up_full = nn.Sequential(enlarging(2 * k, k, 3, "resize"), instance_norm(k))
        self.last = nn.Conv2d(k, 3, 3, padding=1, padding_mode="reflect")
        start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.traced(x)[0]

    def traced(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The picture, and what `encoded` gives."""
        half = self.down_half(self.full(x))
        y, found = self._through_blocks(half)
        y = relu(self.up_half(y) + half)
        return self.last(relu(self.up_full(y))).tanh(), found

    def encoded(self, x: Tensor) -> list[Tensor]:
        """Features of a picture: half and quarter, the first block's and the fifth's."""
        return self._through_blocks(self.down_half(self.full(x)), last=5)[1]

    def _through_blocks(self, half: Tensor, last: int | None = None) -> tuple[Tensor, list[Tensor]]:
        y = self.down_quarter(half)
        found = [half, y]
        for number, block in enumerate(self.blocks[:last], 1):
            y = block(y)
            found += [y] if number in (1, 5) else []
        return y, found


class Separable(nn.Module):
    """x + two 3×3 convolutions, each by channel and then across them, with one ReLU between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_separable(channels), nn.ReLU(inplace=True), *_separable(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


def _separable(channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", groups=channels),
        nn.Conv2d(channels, channels, 1),
        instance_norm(channels),
    ]

"""Networks that ImageNet has trained, as the way down of a ColourNet."""

import itertools
from pathlib import Path
from typing import TypeAlias

from torch import Tensor, nn

from gantool.training import foreign
from gantool.training.networks.efficientnet import DEPTHS, STAGES, EfficientNetLite
from gantool.training.networks.efficientnet import read_efficientnet as read_lite
from gantool_colorize.resnet import ResNet18, read_resnet

LAST_STAGES = (1, 2, 4, 5)
"""Those whose last block has 1/4, 1/8, 1/16 and 1/32 of the side; without the widest, the seventh,
which has a fifth of the weights."""
SPREAD = 8.0
"""About the deviation of their outputs on photographs; levels are divided by it."""


class LiteEncoder(nn.Module):
    """N×1×H×W, a luma in [0, 1] → what an EfficientNet-Lite sees at each level, N×width×side of it.

    These are the linear outputs of blocks; those after the innermost are left out.
    """

    def __init__(self, network: EfficientNetLite) -> None:
        super().__init__()
        depths = next(each for each in DEPTHS.values() if sum(each) == len(network.blocks))
        last = list(itertools.accumulate(depths))
        self.taps = [f"block{last[stage] - 1}" for stage in LAST_STAGES]
        self.widths = tuple(STAGES[stage].width for stage in LAST_STAGES)
        network.blocks = network.blocks[: last[LAST_STAGES[-1]]]
        self.network = network.requires_grad_(True)

    def forward(self, y: Tensor) -> list[Tensor]:
        return [seen / SPREAD for seen in self.network(y.expand(-1, 3, -1, -1), self.taps)]


Encoder: TypeAlias = ResNet18 | LiteEncoder


def read_encoder(source: str) -> Encoder:
    """Return the encoder of `lite0` or `lite1`, or of a file with either or a ResNet-18.

    Raises ModelError where the package with the weights is not installed, and for a file that is
    not there, cannot be read, or holds something else.
    """
    if source in DEPTHS or _is_lite(Path(source)):
        return LiteEncoder(read_lite(source))
    return read_resnet(Path(source))


def _is_lite(path: Path) -> bool:
    return any(name.startswith("_blocks.") for name in foreign.weights(path))

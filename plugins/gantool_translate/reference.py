"""Importer of generators that pytorch-CycleGAN-and-pix2pix has trained: its `latest_net_G.pth`.

Layers stand in that repository's order and under its names, so that its weights fit. What it
does at test time is done here: every picture is normalised by its own mean and deviation, batch
normalisation too (it tests single pictures in training mode; Isola et al., 2017, section 3.3).
Only the noise of dropout is left out, so that a picture has one result.
"""

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantool.errors import ModelError
from gantool.training.system import Export
from gantool_translate.generators import DEPTHS, contract_of

EPS = 1e-5
"""Of normalisation there; float32 is what it asks for."""
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Collected in training; not used at test time."""
EXPECTED = "expected a ResNet-9, ResNet-6, U-Net-256 or U-Net-128 of pytorch-CycleGAN-and-pix2pix"
SIDE = 256
"""Of the squares that its ResNets are trained on, pixels."""


@dataclass(frozen=True)
class Form:
    """What of a generator its weights decide."""

    inputs: int
    outputs: int
    channels: int
    """Of the first layer."""
    biased: bool
    """Whether convolutions before a normalisation have biases."""


def read(weights: Mapping[str, Tensor]) -> tuple[nn.Module, Export]:
    """The generator that `weights` are of, and its export. Raises ModelError for others."""
    kept = {key: each for key, each in weights.items() if not key.endswith(STATISTICS)}
    if kept.keys() & {"model.0.weight", "net.0.weight"}:
        raise ModelError("a discriminator, which only training needs: give latest_net_G.pth")
    name, side, network = _unet(kept) if "model.model.0.weight" in kept else _resnet(kept)
    _fill(network, kept)
    first = next(iter(network.parameters()))
    recipe = {"name": f"reference-{name}", "options": {"channels": first.shape[0]}}
    contract = dataclasses.replace(contract_of(name, side), recipe=recipe)
    return network, Export("generator", contract, prepare=lambda network: network)


def _resnet(weights: Mapping[str, Tensor]) -> tuple[str, int, nn.Module]:
    blocks = 0
    while f"model.{10 + blocks}.conv_block.1.weight" in weights:
        blocks += 1
    if not blocks:
        raise ModelError(f"unknown architecture: {EXPECTED}")
    form = _form(weights, "model.1", f"model.{17 + blocks}", normalised="model.2")
    noisy = "model.10.conv_block.5.weight" not in weights  # dropout moves it to place 6
    with torch.device("meta"):
        return f"resnet-{blocks}", SIDE, resnet(form, blocks, noisy=noisy)


def _unet(weights: Mapping[str, Tensor]) -> tuple[str, int, nn.Module]:
    depth, level = 1, "model.model.1"
    while f"{level}.model.1.weight" in weights:
        depth, level = depth + 1, f"{level}.model.3"
    if depth not in DEPTHS.values():
        raise ModelError(f"a U-Net of {depth} levels: {EXPECTED}")
    inner = "model.model.1.model"
    form = _form(weights, "model.model.0", "model.model.3", normalised=f"{inner}.2")
    with torch.device("meta"):
        return f"unet-{1 << depth}", 1 << depth, unet(form, depth)


def _form(weights: Mapping[str, Tensor], first: str, last: str, *, normalised: str) -> Form:
    """From the layers called `first` and `last` and a normalisation. Raises ModelError."""
    taking, giving = weights.get(f"{first}.weight"), weights.get(f"{last}.bias")
    if taking is None or taking.dim() != 4 or giving is None or giving.dim() != 1:
        raise ModelError(f"unknown architecture: {EXPECTED}")
    channels, inputs = taking.shape[:2]
    if (inputs, len(giving)) != (3, 3):
        raise ModelError(
            f"channels in and out are {inputs} and {len(giving)}: only generators from RGB to RGB "
            "can be imported"
        )
    biased = f"{first}.bias" in weights
    if not biased and f"{normalised}.weight" not in weights:
        raise ModelError(f"a network without normalisation: {EXPECTED}")
    return Form(inputs, len(giving), channels, biased)


def _fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put `weights` in, in place of what has a shape only. Raises ModelError where they differ.

    Instance normalisation without a scale and shift of its own gets 1 and 0.
    """
    shapes = {key: each.shape for key, each in network.state_dict().items()}
    plain = {
        f"{name}.{each}": make(module.num_features)
        for name, module in network.named_modules()
        if isinstance(module, nn.InstanceNorm2d)
        for each, make in (("weight", torch.ones), ("bias", torch.zeros))
    }
    given = dict(weights) if plain.keys() & weights.keys() else {**plain, **weights}
    for key in sorted(shapes.keys() | given.keys()):
        if key not in given or given[key].shape != shapes.get(key):
            raise ModelError(f"unknown architecture, {key} does not fit: {EXPECTED}")
    network.load_state_dict(given, assign=True)


def resnet(form: Form, blocks: int, *, noisy: bool) -> nn.Module:
    """N×3×H×W → N×3×H×W in [−1, 1], H and W multiples of 4; Zhu et al., 2017, appendix 7.2."""
    narrow, wide = form.channels, 4 * form.channels
    layers = [
        nn.ReflectionPad2d(3),
        nn.Conv2d(form.inputs, narrow, 7, bias=form.biased),
        *_normalised(narrow),
        nn.Conv2d(narrow, 2 * narrow, 3, stride=2, padding=1, bias=form.biased),
        *_normalised(2 * narrow),
        nn.Conv2d(2 * narrow, wide, 3, stride=2, padding=1, bias=form.biased),
        *_normalised(wide),
        *(Residual(wide, biased=form.biased, noisy=noisy) for _ in range(blocks)),
        nn.ConvTranspose2d(wide, 2 * narrow, 3, 2, 1, output_padding=1, bias=form.biased),
        *_normalised(2 * narrow),
        nn.ConvTranspose2d(2 * narrow, narrow, 3, 2, 1, output_padding=1, bias=form.biased),
        *_normalised(narrow),
        nn.ReflectionPad2d(3),
        nn.Conv2d(narrow, form.outputs, 7),
        nn.Tanh(),
    ]
    return nn.Sequential(OrderedDict(model=nn.Sequential(*layers)))


def unet(form: Form, depth: int) -> nn.Module:
    """N×3×H×W → N×3×H×W in [−1, 1], sides multiples of 2^depth; Isola et al., 2017, 6.1.1."""
    widths = [form.channels * min(2**level, 8) for level in range(depth)]
    inner: list[nn.Module] = []
    for outer, width in reversed(list(zip(widths, widths[1:], strict=False))):
        inner = [Level(outer, width, inner, biased=form.biased)]
    layers = [
        nn.Conv2d(form.inputs, form.channels, 4, stride=2, padding=1, bias=form.biased),
        *inner,
        nn.ReLU(),
        nn.ConvTranspose2d(2 * form.channels, form.outputs, 4, stride=2, padding=1),
        nn.Tanh(),
    ]
    whole = nn.Sequential(OrderedDict(model=nn.Sequential(*layers)))
    return nn.Sequential(OrderedDict(model=whole))


class Residual(nn.Module):
    """x + two 3×3 convolutions with mirrored edges; `noisy` where dropout stood between them."""

    def __init__(self, width: int, *, biased: bool, noisy: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=biased),
            *_normalised(width),
            *([nn.Identity()] if noisy else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=biased),
            _norm(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.conv_block(x)
        return result


class Level(nn.Module):
    """N×k×H×W → N×2k×H×W: the input beside what the smaller levels, `inner`, make of it."""

    def __init__(self, outer: int, width: int, inner: list[nn.Module], *, biased: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Conv2d(outer, width, 4, stride=2, padding=1, bias=biased),
            *([_norm(width), *inner] if inner else []),
            nn.ReLU(),
            nn.ConvTranspose2d(
                2 * width if inner else width, outer, 4, stride=2, padding=1, bias=biased
            ),
            _norm(outer),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], dim=1)


def _normalised(channels: int) -> list[nn.Module]:
    return [_norm(channels), nn.ReLU()]


def _norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, eps=EPS, affine=True)

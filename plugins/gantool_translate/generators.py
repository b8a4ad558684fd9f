"""What the recipes of translation share: generators by name, their model file, Adam, the rate."""

from collections.abc import Iterable

import torch
from torch import nn

from gantool.errors import UsageError
from gantool.training.networks.blocks import Up
from gantool.training.networks.light import LightGenerator
from gantool.training.networks.resnet import ResnetGenerator
from gantool.training.networks.unet import UnetGenerator
from gantool.training.system import Contract

DEPTHS = {"unet-64": 6, "unet-128": 7, "unet-256": 8}
RESNETS = {"resnet-6": 6, "resnet-9": 9}
LIGHT = {"light-6": 6, "light-9": 9}
SMALLEST = 32
"""Side of a picture that a PatchDiscriminator can judge, pixels."""


def generator_named(name: str, *, channels: int, crop: int, up: Up = "resize") -> nn.Module:
    """The generator called `unet-256` and so on.

    Raises UsageError where it cannot be trained on squares of `crop` pixels, or does not enlarge
    by `up`.
    """
    multiple = multiple_of(name)
    if crop % multiple or crop < SMALLEST:
        raise UsageError(f"--crop {crop}: {name} takes multiples of {multiple} from {SMALLEST}")
    if name in DEPTHS:
        return UnetGenerator(channels=channels, depth=DEPTHS[name], up=up)
    if name in RESNETS:
        return ResnetGenerator(channels=channels, blocks=RESNETS[name], up=up)
    if up != "resize":
        raise UsageError(f"--up {up}: {name} resizes; take {', '.join((*RESNETS, *DEPTHS))}")
    return LightGenerator(channels=channels, blocks=LIGHT[name])


def multiple_of(name: str) -> int:
    """What the sides of a generator's pictures must be multiples of."""
    return 1 << DEPTHS.get(name, 2)


def side_of(crop: int) -> int:
    """Short side that pictures are brought to before they are cut: the jitter of the papers."""
    return round(crop * 286 / 256)


def contract_of(name: str, crop: int) -> Contract:
    """What the model file of a generator says of itself that was trained on squares of `crop`."""
    multiple = multiple_of(name)
    return Contract(
        task="translate",
        multiple=multiple,
        align=multiple,
        minimum=max(16, multiple),
        side=crop,  # without the jitter, as the papers test
        value_range=(-1.0, 1.0),
    )


def adam(networks: Iterable[nn.Module], rate: float) -> torch.optim.Adam:
    """Over the weights of `networks` together, with β₁ 0.5 as in DCGAN."""
    weights = [weight for network in networks for weight in network.parameters()]
    return torch.optim.Adam(weights, lr=rate, betas=(0.5, 0.999), fused=True)


def level_then_falling(fraction: float) -> float:
    """1 for the first half of the training, then linearly to 0."""
    return min(1.0, 2 * (1 - fraction))

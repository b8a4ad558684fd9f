"""Training on for integers: what rounding to 8 bits will do to a network is done in training.

Ranges are held still at the end, as in Krishnamoorthi, «Quantizing deep convolutional networks
for efficient inference», 2018.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.networks.integer import IntegerConv, Rounded
from gantool.training.networks.plain import fuse, unfuse
from gantool.training.networks.quantised import (
    FakeQuantisedConv,
    FakeQuantiser,
    QuantisedNetwork,
)
from gantool.training.system import Contract, Export

Quantise = Literal["", "int8"]
"""The option of a recipe: floats, or trained for integers of 8 bits."""
SETTLED = 0.8
"""Share of the training after which ranges are held still, and weights settle within them."""


def quantised(network: nn.Module, option: Quantise) -> nn.Module:
    """`network` as it is for "", with its weights in a QuantisedNetwork for "int8"."""
    return QuantisedNetwork(network) if option else network


def observe(network: nn.Module, fraction: float) -> None:
    """Let ranges follow what is seen until SETTLED of the training; to be called before a step."""
    if isinstance(network, QuantisedNetwork):
        for each in network.points():
            each.observing = fraction < SETTLED


def exports(name: str, network: nn.Module, contract: Contract) -> list[Export]:
    """The model files of a plain stack: floats, and where it was trained for them, integers."""
    if not isinstance(network, QuantisedNetwork):
        return [Export(name, contract, prepare=fuse, restore=unfuse)]
    integers = dataclasses.replace(contract, precision="int8")
    return [
        Export(name, contract, prepare=_in_floats, restore=_load),
        Export(name, integers, prepare=_in_integers, restore=_load, variant="int8"),
    ]


def _load(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    network.load_state_dict(weights)


def _in_floats(network: nn.Module) -> nn.Module:
    """The trained weights alone, unrounded."""
    assert isinstance(network, QuantisedNetwork)
    inner = network.network
    for name, child in list(inner.named_modules()):
        if isinstance(child, FakeQuantiser):
            inner.set_submodule(name, nn.Identity())
        elif isinstance(child, nn.Conv2d):
            child.__class__ = nn.Conv2d
    return inner


def _in_integers(network: nn.Module) -> nn.Module:
    """What is to be computed in integers, as integers."""
    assert isinstance(network, QuantisedNetwork)
    inner = network.network
    if not any(each.bounds.any() for each in network.points() if not each.fixed):
        raise UsageError("no ranges for int8 yet: train at least one step with quantise=int8")
    for name, child in list(inner.named_modules()):
        if isinstance(child, FakeQuantisedConv):
            before, *after = (each.grid()[0] for each in (*child.before, *child.after))
            inner.set_submodule(name, IntegerConv(child, child.scale(), before, *after))
    for name, child in list(inner.named_modules()):
        if isinstance(child, FakeQuantiser):
            inner.set_submodule(name, Rounded(*child.grid()))
    return inner

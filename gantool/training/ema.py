"""Exponential moving average of weights."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ema:
    """A slow copy of every network: `slow ← decay·slow + (1 − decay)·fast` after each step.

    The decay warms up as (1 + step) / (10 + step), so that early averages do not remember
    the random start. What is exported are these weights.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float = 0.999) -> None:
        self.decay = decay
        self.networks = {name: copy.deepcopy(net).eval() for name, net in networks.items()}
        for network in self.networks.values():
            network.requires_grad_(False)

    @torch.no_grad()
    def update(self, networks: Mapping[str, nn.Module], step: int) -> None:
        """Take in the weights after `step` (counted from 0); buffers are copied as they are."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, slow in self.networks.items():
            fast = networks[name]
            averages: list[Tensor] = list(slow.parameters())
            if averages:  # a fixed filter has none
                torch._foreach_lerp_(averages, list(fast.parameters()), weight)
            for mine, theirs in zip(slow.buffers(), fast.buffers(), strict=True):
                mine.copy_(theirs)

"""The types of a GAN under training: what a recipe returns and the loop drives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from gantool.runtime.contract import Contract as Contract  # recipes take it from here

Batch = Mapping[str, Tensor]
"""Tensors of one step by the recipe's own names; pictures are N×3×H×W float32 in [0, 1]."""


class Dataset(Protocol):
    """Where batches come from: each is a pure function of (seed, step)."""

    def batch(self, seed: int, step: int) -> Batch: ...


@dataclass(frozen=True)
class Phase:
    """One optimizer's turn within a step."""

    name: str
    optimizer: torch.optim.Optimizer
    rate: Callable[[float], float]
    """Factor on the optimizer's learning rate as a function of the fraction of training done."""
    frozen: tuple[str, ...] = ()
    """Networks whose weights need no gradients in this phase, though they are run through."""
    after: Callable[[], None] | None = None
    """Called when the optimizer has stepped: weight clipping, history buffers."""


@dataclass(frozen=True)
class Export:
    """One model file that a trained system gives."""

    network: str
    """Which of the system's networks."""
    contract: Contract
    """What the file will say of itself; halo and parity are measured and filled in."""
    prepare: Callable[[nn.Module], nn.Module]
    """Turns the trained network into the one to export: branches fused, spectral norm folded."""


class System(Protocol):
    """One GAN, or its supervised start, as its paper states it."""

    @property
    def networks(self) -> Mapping[str, nn.Module]: ...

    def dataset(self, root: Path) -> Dataset: ...

    def phases(self) -> Sequence[Phase]: ...

    def loss(self, phase: Phase, batch: Batch) -> Mapping[str, Tensor]:
        """The terms, by name, whose sum this phase's optimizer goes down."""
        ...

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        """Columns of a preview sheet by title, N×3×h×w in [0, 1], from these networks."""
        ...

    def exports(self) -> Sequence[Export]: ...

"""The types of a GAN under training: what a recipe returns and the loop drives."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from gantool.runtime.contract import Contract as Contract  # recipes take it from here

Thing = TypeVar("Thing")
Batch = Mapping[str, Tensor]
"""Samples by the recipe's own names; pictures are N×3×H×W float32."""


class Dataset(Protocol):
    """What is trained on: every sample is a pure function of (seed, step, item)."""

    @property
    def size(self) -> int:
        """Samples of one step, over all processes and micro-batches."""
        ...

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One sample, without the batch dimension: pictures are 3×H×W."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """A dataset that does not take all that it was given."""

    @property
    def left_out(self) -> str:
        """What it does not take, in words; "" for nothing."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """A dataset with work to be done once, before the first step, and kept for later runs."""

    def prepare(self, rank: int, world: int) -> Generator[tuple[int, int], None, None]:
        """Do this process's share of what is left of it; yields how much is done, and of how much.

        Whoever iterates may stop: what is done stays. `sample` works all the same, more slowly.
        """
        ...


class Memory(Protocol):
    """What a system remembers beside its weights, such as a history buffer."""

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: dict[str, Tensor]) -> None: ...


@dataclass(frozen=True)
class Phase:
    """One optimizer's turn within a step."""

    name: str
    optimizer: torch.optim.Optimizer
    rate: Callable[[float], float]
    """Factor on the optimizer's learning rate as a function of the fraction of training done;
    where it is 0, the phase has no turn."""
    frozen: tuple[str, ...] = ()
    """Networks whose weights need no gradients in this phase, though they are run through."""
    after: Callable[[], None] | None = None
    """Called when the optimizer has stepped: weight clipping."""
    draw: int = 0
    """Which of the step's batches it is given; phases of one number share one."""


@dataclass(frozen=True)
class Export:
    """One model file that a trained system gives."""

    network: str
    """Which of the system's networks."""
    contract: Contract
    """What the file will say of itself; halo and parity are measured and filled in."""
    prepare: Callable[[nn.Module], nn.Module]
    """Turns the trained network into the one to export: branches fused, spectral norm folded."""
    restore: Callable[[nn.Module, Mapping[str, Tensor]], object] = nn.Module.load_state_dict
    """Puts the weights of the file back into the network that was trained: undoes `prepare`."""
    variant: str = ""
    """What tells the file from another of the same network: behind its name, `-int8`."""


class Once(Generic[Thing]):
    """What the phases of a step share, such as G(z): made for a batch and kept for the next ask.

    The phase that asks first must not freeze the network: what it makes would have no gradients.
    """

    def __call__(self, batch: Batch, make: Callable[[], Thing]) -> Thing:
        if getattr(self, "batch", None) is not batch:
            self.batch, self.thing = batch, make()
        return self.thing


class System(Protocol):
    """One GAN, or its supervised start, as its paper states it."""

    @property
    def networks(self) -> Mapping[str, nn.Module]: ...

    @property
    def memory(self) -> Mapping[str, Memory]:
        """What a resumed run needs beside weights and optimizers."""
        ...

    def dataset(self, root: Path, split: str) -> Dataset:
        """`split` is train, val or test. Raises UsageError for a layout it cannot use."""
        ...

    def phases(self) -> Sequence[Phase]:
        """The turns of every step, in their order."""
        ...

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        """The terms, by name, whose sum this phase's optimizer goes down.

        `fraction` of the training is done. Phases that share a batch get the same object.
        """
        ...

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        """Columns of a preview sheet by title, N×3×h×w in [0, 1], from these networks.

        Monitors watch the columns `input`, `result` and `target`; where a system has several
        directions, those with the same word behind: `input back`, `result back`, `target back`.
        """
        ...

    def exports(self) -> Sequence[Export]:
        """The model files of this system."""
        ...

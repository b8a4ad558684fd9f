"""The processes that train one system together, each on its share of every batch.

Started by torchrun, which tells each process its place in the environment.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gantool.errors import UsageError


@dataclass(frozen=True)
class Workers:
    """This process among `world` equal ones; a training without torchrun is one alone."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """The one process that writes files and speaks."""
        return self.rank == 0

    def check(self, size: int, parts: int) -> None:
        """Raises UsageError for a batch that cannot be shared out in equal micro-batches."""
        if size % (self.world * parts):
            raise UsageError(
                f"a batch of {size} cannot be split into {self.world} (processes) times {parts} "
                "(--accumulate) equal parts: change the batch"
            )

    def share(self, items: Sequence[int], parts: int) -> list[Sequence[int]]:
        """This process's part of `items`, in `parts` equal micro-batches."""
        mine = items[self.rank :: self.world]
        size = len(mine) // parts
        return [mine[start : start + size] for start in range(0, len(mine), size)]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """The mean over all processes, in place; one message for all tensors."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat / self.world, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def highest(self, number: int) -> int:
        """The largest number that one of the processes has."""
        if self.world == 1:
            return number
        numbers = torch.tensor(number, device=self.device)
        dist.all_reduce(numbers, dist.ReduceOp.MAX)
        return int(numbers)

    def gather(self, thing: dict[str, Tensor]) -> list[dict[str, Tensor]]:
        """What every process has, by rank."""
        if self.world == 1:
            return [thing]
        things: list[Any] = [None] * self.world
        dist.all_gather_object(things, thing)
        return things


def join(device: str) -> Workers:
    """This process's place among those that torchrun has started; `device` is cpu or cuda[:N]."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Workers(device=device)
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return Workers(dist.get_rank(), world, device)

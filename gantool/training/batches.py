"""Samples to batches, made ahead of their step in threads."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from gantool.training.system import Batch, Dataset

Thing = TypeVar("Thing")


def collate(data: Dataset, seed: int, step: int, items: Sequence[int]) -> Batch:
    """The samples `items` of a step, stacked: tensors N×…"""
    samples = [data.sample(seed, step, item) for item in items]
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def ahead(
    make: Callable[[int], Thing], first: int, last: int, depth: int = 2
) -> Generator[Thing, None, None]:
    """`make(first)` … `make(last - 1)` in order, up to `depth` made before they are asked for.

    Closing it waits for what is being made; an error of `make` is raised in its turn.
    """
    pool = ThreadPoolExecutor(depth, thread_name_prefix="batches")
    try:
        coming = deque(pool.submit(make, step) for step in range(first, min(first + depth, last)))
        for step in range(first + depth, last + depth):
            thing = coming.popleft().result()
            if step < last:
                coming.append(pool.submit(make, step))
            yield thing
    finally:
        pool.shutdown(cancel_futures=True)

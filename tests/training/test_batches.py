"""Laws of batches: samples stacked, made ahead in order, errors in their turn, nothing left."""

import threading
import time
from collections.abc import Callable

import pytest
import torch

from gantool.errors import ItemError
from gantool.training.batches import ahead, collate
from systems import Noise


def loaders() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("batches")]


def waited_for(true: Callable[[], bool]) -> bool:
    """Whether it has become true within two seconds."""
    end = time.monotonic() + 2
    while not true() and time.monotonic() < end:
        time.sleep(0.002)
    return true()


def test_a_batch_is_its_samples_stacked():
    batch = collate(Noise(), 7, 3, [5, 1])
    assert batch["input"].shape == (2, 3, 8, 8)
    for row, item in enumerate([5, 1]):
        sample = Noise().sample(7, 3, item)
        assert all(torch.equal(batch[name][row], sample[name]) for name in ("input", "target"))


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1), (3, 5), (2, 12)])
def test_everything_comes_once_and_in_order(first, last, depth):
    def late(step: int) -> int:
        time.sleep(0.004 * (step % 2 == 0))  # the even ones take longer than those behind them
        return step

    assert list(ahead(late, first, last, depth)) == list(range(first, last))


def test_what_comes_next_is_made_while_the_caller_works_but_no_more():
    made: list[int] = []
    coming = ahead(made.append, 0, 9, depth=2)
    next(coming)
    assert waited_for(lambda: sorted(made) == [0, 1, 2])
    time.sleep(0.02)
    assert len(made) == 3
    coming.close()


def spoilt(step: int) -> int:
    if step == 2:
        raise ItemError("no picture")
    return step


def test_an_error_is_raised_in_its_turn():
    coming = ahead(spoilt, 0, 9)
    assert [next(coming), next(coming)] == [0, 1]
    with pytest.raises(ItemError, match="no picture"):
        next(coming)
    assert not loaders()


def test_closing_leaves_no_thread():
    gate = threading.Event()

    def make(step: int) -> int:
        if step > 0:
            gate.wait(0.05)
        return step

    coming = ahead(make, 0, 9)
    next(coming)
    assert loaders()
    coming.close()
    assert not loaders()


def test_what_was_never_asked_for_starts_nothing():
    ahead(spoilt, 0, 9).close()
    assert not loaders()

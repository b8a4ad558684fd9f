"""Laws of Once: made for a batch, kept for it alone."""

from itertools import count

import torch

from gantool.training.system import Once


def batch() -> dict[str, torch.Tensor]:
    return {"x": torch.zeros(1)}


def test_the_same_batch_is_asked_once():
    once, numbers, one = Once[int](), count(), batch()
    assert [once(one, numbers.__next__) for _ in range(3)] == [0, 0, 0]


def test_another_batch_is_made_anew_even_if_it_is_equal():
    once, numbers = Once[int](), count()
    one, equal = batch(), batch()
    assert [once(each, numbers.__next__) for each in (one, equal, equal, one)] == [0, 1, 1, 2]


def test_a_batch_that_is_gone_is_not_mistaken_for_a_new_one():
    """What is kept keeps its batch: no later one can have its place in memory."""
    once, numbers = Once[int](), count()
    assert [once(batch(), numbers.__next__) for _ in range(20)] == list(range(20))


def test_two_of_them_do_not_share():
    one, other, given = Once[int](), Once[int](), batch()
    assert (one(given, lambda: 1), other(given, lambda: 2)) == (1, 2)


def test_nothing_is_a_thing_too():
    once, calls, given = Once[None](), [], batch()
    for _ in range(2):
        once(given, lambda: calls.append(1))
    assert calls == [1]

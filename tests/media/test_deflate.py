"""What is deflated comes back, and one content has one stream."""

import zlib

import numpy as np
import pytest
from isal import isal_zlib

from gantool.media.deflate import FIRST, deflated


def few_values(count: int, seed: int = 0) -> np.ndarray:
    """With many short matches, as differences of a flat picture have."""
    return np.random.default_rng(seed).integers(0, 4, count).astype(np.uint8) ** 3


@pytest.mark.parametrize("count", [0, 1, FIRST - 1, FIRST, FIRST + 1, 5000, 300_000])
@pytest.mark.parametrize("cuts", [[], [1], [FIRST], [40, 2000]])
def test_everything_comes_back(count, cuts):
    data = few_values(count)
    stream = list(deflated(np.split(data, cuts)))
    assert zlib.decompress(b"".join(stream)) == data.tobytes()
    assert all(stream)


def test_arrays_of_any_shape_are_their_bytes():
    data = few_values(6000)
    whole = [*deflated([data])]
    assert [*deflated([data.reshape(20, 100, 3)])] == whole


def test_isa_l_stops_after_its_first_byte_always():
    """It does so anyway, by chance and seldom, with other matches from there on."""
    differed = 0
    for seed in range(50):
        data = few_values(3000, seed)
        unsplit = isal_zlib.compressobj(1)
        plain = unsplit.compress(data.data) + unsplit.flush()
        split = isal_zlib.compressobj(1)
        parts = [split.compress(part.data) for part in (data[:289], data[289:])]
        always = b"".join([*parts, split.flush()])
        assert b"".join(deflated([data])) == always
        differed += plain != always
    assert differed

"""The teacher's weights are read as ncnn stores them."""

import numpy as np
import pytest

import teacher

PARAM = """7767517
3 3
Input data 0 1 data
Convolution one 1 1 data a 0=2 1=3 4=1 5=1 6=54 9=2 -23310=1,2.000000e-01
Convolution two 1 1 a b 0=3 1=3 4=1 5=1 6=54
"""


def stored(kernels, biases, kinds) -> bytes:
    """One after the other: float16 padded to four bytes, or float32, each with what says so."""
    parts = []
    for kernel, bias, kind in zip(kernels, biases, kinds, strict=True):
        flag = teacher.HALF if kind == np.float16 else 0
        data = kernel.astype(kind).tobytes()
        parts += [flag.to_bytes(4, "little"), data, b"\0" * (-len(data) % 4), bias.tobytes()]
    return b"".join(parts)


@pytest.mark.parametrize("kinds", [(np.float16, np.float32), (np.float32, np.float16)])
def test_kernels_and_biases_come_back(kinds):
    random = np.random.default_rng(0)
    kernels = [random.normal(size=54).astype(np.float16).astype(np.float32) for _ in range(2)]
    biases = [random.normal(size=size).astype(np.float32) for size in (2, 3)]
    found = list(teacher.read_layers(PARAM, stored(kernels, biases, kinds)))
    for (kernel, bias), true, offset in zip(found, kernels, biases, strict=True):
        assert np.array_equal(kernel, true)
        assert np.array_equal(bias, offset)


def test_a_file_of_another_length_is_refused():
    blob = stored(
        [np.zeros(54)] * 2, [np.zeros(2, np.float32), np.zeros(3, np.float32)], [np.float32] * 2
    )
    with pytest.raises(SystemExit, match="4 bytes"):
        list(teacher.read_layers(PARAM, blob + b"\0" * 4))


def test_layers_get_the_names_of_the_network():
    layers = [(np.zeros(9, np.float32), np.zeros(1, np.float32))] * (15 * teacher.BLOCKS + 6)
    state = teacher.name_layers(iter(layers))
    assert list(state)[:2] == ["conv_first.weight", "conv_first.bias"]
    assert state["body.22.rdb3.conv5.weight"].shape == (1, 1, 3, 3)
    assert list(state)[-1] == "conv_last.bias"

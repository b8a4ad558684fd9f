"""Laws of graphs that compute in integers."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from gantool.runtime import halo
from gantool.runtime.contract import Contract
from gantool.runtime.quantised import unrounded
from gantool.runtime.session import Session
from tests.models import save

RADIUS = 7


def blur(path: Path, coarse: float = 0.1) -> Path:
    """Rounds, means over (2·RADIUS+1)², and rounds to steps of `coarse`."""
    side = 2 * RADIUS + 1
    grid = {"fine": np.float32(0.01), "coarse": np.float32(coarse), "none": np.uint8(3)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "fine", "none"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "fine", "none"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["w", "fine"], ["kernel"]),
        helper.make_node("Conv", ["rounded", "kernel"], ["z"], group=3, pads=[RADIUS] * 4),
        helper.make_node("QuantizeLinear", ["z", "coarse", "none"], ["p"]),
        helper.make_node("DequantizeLinear", ["p", "coarse", "none"], ["y"]),
    ]
    kernel = np.ones((3, 1, side, side), np.int8)
    return save(path, nodes, Contract("blur", halo=RADIUS), w=kernel, **grid)


@pytest.fixture
def rounding_blur(tmp_path):
    return blur(tmp_path / "a.onnx")


def test_the_halo_is_not_lost_where_rounding_leaves_nothing_to_see(tmp_path):
    assert halo.measure(blur(tmp_path / "a.onnx", 1000.0), Contract("blur")).halo == RADIUS


def test_unrounded_keeps_the_ends_and_the_weights(rounding_blur):
    graph = unrounded(onnx.load(rounding_blur)).graph
    kinds = [node.op_type for node in graph.node if node.op_type != "QuantizeLinear"]
    assert kinds == ["DequantizeLinear", "Conv", "Identity"]
    assert [each.name for each in (*graph.input, *graph.output)] == ["x", "y"]


def test_tiled_equals_whole(rounding_blur):
    frame = np.random.default_rng(0).integers(0, 256, (90, 110, 3), np.uint8)
    whole, tiled = (Session(rounding_blur, tile=tile)(frame) for tile in (None, 40))
    assert np.array_equal(whole, tiled)


def test_floats_stay_as_they_are(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    model = onnx.load(save(tmp_path / "a.onnx", nodes, Contract("blur")))
    before = model.SerializeToString()
    assert unrounded(model).SerializeToString() == before

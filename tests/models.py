"""Tiny ONNX model files, made on the fly, whose right answer is known without them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gantool.runtime.contract import KEY, Contract


def save(path: Path, nodes: list[onnx.NodeProto], contract: Contract, **constants: object) -> Path:
    """A model file of `nodes` from `x` to `y` with `contract` inside."""
    shape = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    model.metadata_props.add(key=KEY, value=contract.to_json())
    path.write_bytes(model.SerializeToString())
    return path


def bilinear(path: Path, scale: int = 2) -> Path:
    """Enlarges by bilinear interpolation: looks one pixel far."""
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")]
    scales = np.array([1, 1, scale, scale], np.float32)
    return save(path, nodes, Contract("superres", scale=scale, halo=1), scales=scales)


def wide_blur(path: Path, radius: int = 7) -> Path:
    """Means over (2·radius+1)², zeros beyond the edge: looks `radius` pixels far."""
    side = 2 * radius + 1
    kernel = np.full((3, 1, side, side), 1 / side**2, np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], group=3, pads=[radius] * 4)]
    return save(path, nodes, Contract("blur", halo=radius), w=kernel)


def strided(path: Path) -> Path:
    """Down by 4 and up again: what it gives depends on where the grid of 4 lies."""
    kernel = np.full((3, 1, 8, 8), 1 / 64, np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["small"], group=3, strides=[4, 4], pads=[2] * 4),
        helper.make_node("Resize", ["small", "", "scales"], ["y"], mode="nearest"),
    ]
    contract = Contract("blocks", align=4, multiple=8, minimum=8, halo=4)
    return save(path, nodes, contract, w=kernel, scales=np.array([1, 1, 4, 4], np.float32))

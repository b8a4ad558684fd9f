"""Tiny ONNX files that turn pictures into vectors whose right values are known."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

Shape = Sequence[int | str]


def mean_colour(
    path: Path, sides: Shape = (8, 8), *, flat: bool = True, count: int | str = "n"
) -> Path:
    """The mean of each channel: N×3, or N×3×1×1."""
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["mean" if flat else "y"])]
    if flat:
        nodes.append(helper.make_node("Flatten", ["mean"], ["y"]))
    return save(path, nodes, (count, 3, *sides))


def save(path: Path, nodes: list[onnx.NodeProto], shape: Shape) -> Path:
    """A plain ONNX file of `nodes` from `x` of this shape to `y`, without a contract."""
    graph = helper.make_graph(
        nodes,
        "features",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path

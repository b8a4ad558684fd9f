"""A model file of a few hundred bytes, made on the fly."""

from pathlib import Path
from typing import Protocol


class TinyModel(Protocol):
    """Makes the file of a model for `task` that enlarges `scale` times, and gives its path."""

    def __call__(self, task: str = "tiny", *, scale: int = 1) -> Path: ...


def tiny_model(path: Path, task: str = "tiny", *, scale: int = 1) -> Path:
    """A model file for `task`: means over 3×3 pixels, each then repeated `scale` times.

    `N×3×H×W` in [0, 1] → `N×3×sH×sW`; it looks one pixel far.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from gantool.runtime.contract import KEY, Contract

    constants = {
        "kernel": np.full((3, 1, 3, 3), 1 / 9, np.float32),
        "scales": np.array([1, 1, scale, scale], np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["mean"], group=3, pads=[1] * 4),
        helper.make_node("Resize", ["mean", "", "scales"], ["y"], mode="nearest"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    contract = Contract(task, path.stem, scale=scale, halo=1)
    model.metadata_props.add(key=KEY, value=contract.to_json())
    path.write_bytes(model.SerializeToString())
    return path

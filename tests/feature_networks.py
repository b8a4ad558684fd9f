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


def write_lite0(path: Path) -> Path:
    """EfficientNet-Lite0 with weights drawn at random, named as its package names them."""
    import torch
    from safetensors.torch import save_file

    from gantool.training.networks.efficientnet import DEPTHS, STAGES, STEM

    random, weights = torch.Generator().manual_seed(0), {}

    def convolution(name: str, norm: str, inputs: int, outputs: int, kernel: int) -> None:
        shape = (outputs, inputs, kernel, kernel)
        drawn = torch.randn(shape, generator=random) * (2 / (inputs * kernel**2)) ** 0.5
        weights[f"{name}.weight"] = drawn
        for each, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0)):
            weights[f"{norm}.{each}"] = torch.full((outputs,), value)
        weights[f"{norm}.running_var"] = torch.rand(outputs, generator=random) + 0.5

    convolution("_conv_stem", "_bn0", 3, STEM, 3)
    number, inputs = 0, STEM
    for depth, stage in zip(DEPTHS["lite0"], STAGES, strict=True):
        for _ in range(depth):
            block, wide = f"_blocks.{number}.", inputs * stage.expansion
            if stage.expansion > 1:
                convolution(f"{block}_expand_conv", f"{block}_bn0", inputs, wide, 1)
            convolution(f"{block}_depthwise_conv", f"{block}_bn1", 1, wide, stage.kernel)
            convolution(f"{block}_project_conv", f"{block}_bn2", wide, stage.width, 1)
            number, inputs = number + 1, stage.width
    save_file(weights, path)  # read at once; a pickle is read by a process of its own
    return path

"""A stranger's ONNX graph, rewritten into one that takes and gives pictures as ours do.

N×3×H×W float32 both ways, in the operator sets that we know. What the network computes stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from gantool.errors import ModelError
from gantool.runtime import scan

Layout = Literal["nchw", "nhwc"]
Range = tuple[float, float]
CHANNELS: dict[Layout, int] = {"nchw": 1, "nhwc": 3}
"""Which side of a batch has them."""
PREFIX = "inner_"
"""Before every name of theirs, so that none is one of ours."""
KINDS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8)


@dataclass(frozen=True)
class Ends:
    """How a graph takes pictures, and how it gives them."""

    layout: Layout
    taken: Range
    given_layout: Layout
    given: Range


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` in float32 and an operator set of ours, with sides of any length as far as it says.

    Raises ModelError where it takes or gives several things, or cannot be had so.
    """
    own = {each.name for each in model.graph.initializer}  # old files list weights as inputs
    inputs = [each for each in model.graph.input if each.name not in own]
    for what, ends in (("takes", inputs), ("gives", model.graph.output)):
        if len(ends) != 1:
            raise ModelError(f"{what} {len(ends)} things, not one picture: export it with one")
        _check_end(what, ends[0])
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model = _in_float32(_upgraded(model))
    model = compose.add_prefix(model, PREFIX)
    del model.graph.value_info[:]
    return model


def sides(model: onnx.ModelProto) -> list[int]:
    """Of its input, 0 for any length."""
    return [each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim]


def freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that promises nothing about the sizes it takes and gives."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for end in (*copy.graph.input, *copy.graph.output):
        for index, side in enumerate(end.type.tensor_type.shape.dim):
            side.dim_param = f"{end.name}_{index}"
    return copy


def with_our_ends(model: onnx.ModelProto, ends: Ends) -> onnx.ModelProto:
    """A copy, `x` N×3×H×W → `y` in the range that it takes; sides are said to be of any length."""
    copy = freed(model)
    graph, (low, high) = copy.graph, ends.taken
    kind = graph.input[0].type.tensor_type.elem_type
    before = list(_taken(graph.input[0].name, ends.layout, kind, high))
    after = list(_given(graph.output[0].name, ends))
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    gain = (high - low) / (ends.given[1] - ends.given[0])
    constants = {"gain": gain, "shift": low - ends.given[0] * gain, "dark": 0.0, "bright": high}
    used = {name for node in nodes for name in node.input}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in constants.items()
        if name in used
    )
    for end, name in ((graph.input[0], "x"), (graph.output[0], "y")):
        shape: list[str | int | None] = [f"{name}_n", 3, f"{name}_h", f"{name}_w"]
        end.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return copy


def _taken(name: str, layout: Layout, kind: int, high: float) -> Iterator[onnx.NodeProto]:
    """From `x` to what they call `name`."""
    last = "x"
    if layout == "nhwc":
        yield helper.make_node("Transpose", [last], ["x_nhwc"], perm=[0, 2, 3, 1])
        last = "x_nhwc"
    if kind == TensorProto.UINT8:
        yield helper.make_node("Clip", [last, "dark", "bright"], ["x_clipped"])
        yield helper.make_node("Round", ["x_clipped"], ["x_rounded"])
        yield helper.make_node("Cast", ["x_rounded"], [name], to=kind)
    else:
        yield helper.make_node("Identity", [last], [name])


def _given(name: str, ends: Ends) -> Iterator[onnx.NodeProto]:
    """From what they call `name` to `y`."""
    yield helper.make_node("Cast", [name], ["y_float"], to=TensorProto.FLOAT)
    last = "y_float"
    if ends.given != ends.taken:
        yield helper.make_node("Mul", [last, "gain"], ["y_scaled"])
        yield helper.make_node("Add", ["y_scaled", "shift"], ["y_ranged"])
        last = "y_ranged"
    if ends.given_layout == "nhwc":
        yield helper.make_node("Transpose", [last], ["y"], perm=[0, 3, 1, 2])
    else:
        yield helper.make_node("Identity", [last], ["y"])


def _check_end(what: str, end: onnx.ValueInfoProto) -> None:
    kind = end.type.tensor_type
    if kind.elem_type not in KINDS or len(kind.shape.dim) not in (0, 4):
        raise ModelError(f"{what} {scan.form(end)}, not pictures of float32, float16 or uint8")


def _upgraded(model: onnx.ModelProto) -> onnx.ModelProto:
    version = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if version >= scan.OLDEST:
        return model
    try:
        return version_converter.convert_version(model, scan.OLDEST)
    except Exception as error:  # a converter of any graph raises anything
        raise ModelError(
            f"its operator set {version} cannot be brought to {scan.OLDEST}: export it with that"
        ) from error


def _in_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """What is stored and computed in float16 becomes float32: no device is slower for it."""
    graph = model.graph
    tensors = [*graph.initializer]
    for node in graph.node:
        for each in node.attribute:
            tensors += [each.t] if each.HasField("t") else []
            if node.op_type == "Cast" and each.name == "to" and each.i == TensorProto.FLOAT16:
                each.i = TensorProto.FLOAT
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for end in (*graph.input, *graph.output):
        if end.type.tensor_type.elem_type == TensorProto.FLOAT16:
            end.type.tensor_type.elem_type = TensorProto.FLOAT
    return model

"""Networks that normalise over the whole frame, run with statistics that are held.

An InstanceNormalization takes mean and variance of each channel from the frame it is given. Once
they are constants, what is left is local: it can be cut into tiles, and every frame of a film
gets the same colours. onnxruntime folds them into the convolutions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gantool.pipeline import Frame
from gantool.runtime.contract import Contract
from gantool.runtime.pixel_io import TOTAL

if TYPE_CHECKING:
    import onnx

Values: TypeAlias = NDArray[np.float32]
Statistics: TypeAlias = tuple[tuple[Values, Values], ...]
"""Mean and variance of each channel, for each normalisation in the graph's order."""

HALO = 64
"""Pixels that a tile with held statistics is read wider."""
BEYOND = 2.0
"""Most that statistics are extrapolated, in pixels of the frame over pixels of its copy."""
MOST = 1.5
"""Most that a variance changes from one copy to the next."""
TINY = 1e-6
"""A variance that is none."""

_SIZES = ("Shape", "Size")
"""What they tell of a picture is not in its pixels."""
_WHOLE = re.compile(
    "Global.*|Reduce.*|.*Softmax|.*Attention|Arg(Max|Min)|TopK|CumSum|MatMul|Gemm|Einsum|Flatten"
    "|(Layer|Group|RMS|Lp|MeanVariance)Normalization"
)
_RECORDED = """
<opset_import: ["" : OPSET], domain: "gantool">
Recorded <epsilon: float = 1e-5> (x, scale, bias) => (y, mean, variance)
{
    rows = Constant <value_ints: ints = [0, 0, -1]> ()
    last = Constant <value_ints: ints = [2]> ()
    second = Constant <value_ints: ints = [1]> ()
    floor = Constant <value_float: float = @epsilon> ()
    flat = Reshape (x, rows)
    mean = ReduceMean (flat, last)
    centred = Sub (flat, mean)
    squares = ReduceSumSquare (centred, last)
    values = Size (centred)
    channels = Size (mean)
    pixels = Div (values, channels)
    count = CastLike (pixels, mean)
    variance = Div (squares, count)
    raised = Add (variance, floor)
    deviation = Sqrt (raised)
    factor = Unsqueeze (scale, second)
    shift = Unsqueeze (bias, second)
    gain = Div (factor, deviation)
    scaled = Mul (centred, gain)
    shifted = Add (scaled, shift)
    shape = Shape (x)
    y = Reshape (shifted, shape)
}
"""
"""InstanceNormalization that tells what it finds; it takes less memory, too."""


def recorder(graph: bytes) -> bytes:
    """`graph` with mean and variance of each normalisation, 1×C×1, as further outputs."""
    import onnx

    model = onnx.load_model_from_string(graph)
    telling(model, "Recorded", _RECORDED)
    return model.SerializeToString()


def frozen(graph: bytes, statistics: Statistics) -> bytes:
    """`graph` with `statistics` for what its normalisations would find."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(graph)
    for index, (node, found) in enumerate(zip(normalisations(model), statistics, strict=True)):
        node.op_type = "BatchNormalization"  # mean and variance are its inputs
        for name, values in zip(_names(index), found, strict=True):
            node.input.append(name)
            model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model.SerializeToString()


def obstacles(graph: bytes) -> list[str]:
    """Operators besides normalisations by which a pixel may look at the whole frame, sorted."""
    import onnx

    model = onnx.load_model_from_string(graph)
    reached = {model.graph.input[0].name}
    found = set()
    for node in model.graph.node:  # each comes after those it takes from
        if TOTAL in node.output:  # it looks at the result, and no pixel looks at it
            continue
        if node.op_type not in _SIZES and not reached.isdisjoint(node.input):
            reached.update(node.output)
            found.add(node.op_type)
    return sorted(filter(_WHOLE.fullmatch, found))


def telling(model: onnx.ModelProto, operator: str, function: str) -> None:
    """Make each normalisation an `operator`, and what that finds further outputs of the graph."""
    import onnx
    from onnx import helper, parser

    for index, node in enumerate(normalisations(model)):
        node.op_type, node.domain = operator, "gantool"
        found = _names(index)
        node.output.extend(found)
        model.graph.output.extend(
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in found
        )
    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    model.functions.append(parser.parse_function(function.replace("OPSET", str(opset))))
    model.opset_import.append(helper.make_opsetid("gantool", 1))


def normalisations(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    return (node for node in model.graph.node if node.op_type == "InstanceNormalization")


def _names(index: int) -> tuple[str, str]:
    return f"frozen_mean_{index}", f"frozen_variance_{index}"


def as_statistics(outputs: Sequence[Any]) -> Statistics:
    """What a recorder or a steady graph gives behind the picture."""
    values = [np.asarray(each, np.float32).ravel() for each in outputs]
    return tuple(zip(values[::2], values[1::2], strict=True))


def statistics_of(
    frame: Frame, record: Callable[[Frame], Statistics], contract: Contract, limit: float
) -> Statistics:
    """What `record` finds on the frame or, if it has more than `limit` pixels, would about find.

    Then it is given the largest copy that fits, and one of half its pixels: fine texture changes
    with size, and the trend from the smaller to the larger is followed beyond.
    """
    pixels = frame.shape[0] * frame.shape[1]
    if pixels <= limit:
        return record(frame)
    near, far = (record(reduced(frame, part, contract)) for part in (limit, limit / 2))
    return extrapolated(near, far, math.log2(min(pixels / limit, BEYOND)))


def extrapolated(near: Statistics, far: Statistics, steps: float) -> Statistics:
    """From `far` over `near` and `steps` times as far beyond; variances by their ratio."""
    return tuple(
        (mean + steps * (mean - mean_far), variance * _growth(variance, variance_far) ** steps)
        for (mean, variance), (mean_far, variance_far) in zip(near, far, strict=True)
    )


def _growth(variance: Values, before: Values) -> Values:
    """Their ratio, within what real pictures show: a finest pattern may be gone from both."""
    return np.clip((variance + TINY) / (before + TINY), 1 / MOST, MOST)


def reduced(frame: Frame, limit: float, contract: Contract) -> Frame:
    """A copy of at most about `limit` pixels, in sizes that the network takes as they are."""
    import cv2

    height, width = frame.shape[:2]
    factor = math.sqrt(limit / (height * width))
    unit = math.lcm(contract.multiple, contract.align)
    rows, columns = (max(int(side * factor) // unit, 1) * unit for side in (height, width))
    blur = max(math.sqrt(max(factor**-2 - 1, 0)) / 2, 0.1)  # areas would lose texture near 1
    soft = cv2.GaussianBlur(frame, (0, 0), blur)
    return cast(Frame, cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_CUBIC))

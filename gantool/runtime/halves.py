"""The same network in float16, for devices that are fast at it, and whether it is as good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool.errors import ModelError
from gantool.pipeline import Frame

if TYPE_CHECKING:
    import onnx

SIDE = 256
"""Of the part of a frame on which both are compared, pixels."""
MOST, MEAN = 8, 0.5
"""Levels that a result may differ from that of float32, at most and on average."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float graph with its weights and what it computes in float16; its ends stay float32.

    Raises ModelError where that cannot be.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    try:
        converted: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
        _once(converted.graph)
        OnnxModel.graph_topological_sort(converted.graph)
    except Exception as error:  # a converter of any graph raises anything
        raise ModelError(f"cannot be computed in float16: {error}") from error
    return converted


def _once(graph: onnx.GraphProto) -> None:
    """The converter makes a cast for each use of a constant, and calls them all the same."""
    nodes = {node.output[0]: node for node in graph.node}
    for node in nodes.values():
        node.name = ""
    del graph.node[:]
    graph.node.extend(nodes.values())


def alike(coarse: Frame, fine: Frame) -> bool:
    """Whether a result of float16 may stand for that of float32; both N×H×W×3 uint8."""
    difference = np.abs(coarse.astype(np.int16) - fine)
    return bool(difference.max() <= MOST and difference.mean() <= MEAN)

"""Graphs that compute in integers, as QDQ: pairs of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def unrounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model`, in which no activation is rounded any more; weights stay what they are."""
    graph = model.graph
    rounded = {node.output[0]: node.input[0] for node in _operators(graph, "QuantizeLinear")}
    pairs = [node for node in _operators(graph, "DequantizeLinear") if node.input[0] in rounded]
    before = {node.output[0]: rounded[node.input[0]] for node in pairs}
    for node in graph.node:
        for place, name in enumerate(node.input):
            while name in before:
                name = before[name]
            node.input[place] = name
    for node in pairs:
        if any(node.output[0] == each.name for each in graph.output):
            node.op_type, node.input[:] = "Identity", [before[node.output[0]]]
        else:
            graph.node.remove(node)
    return model


def _operators(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == name]

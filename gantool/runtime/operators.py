"""Operators in a model file: those of ONNX alone, each once, and none told to make the absurd."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import onnx
from onnx import AttributeProto

from gantool.errors import ModelError
from gantool.runtime import tensors
from gantool.runtime.tensors import shown

NODES = 100_000
DEPTH = 50
"""Most that functions of a model may call each other in turn."""
VALUES = 2**28
"""Most that one operator may be told to make, a gigabyte of float32."""
GROWTH = 2**16
"""Most that one operator may be told to make of each value."""
LENGTH = 2**16
"""Largest stride, padding, or side of a kernel."""
STANDARD = ("", "ai.onnx")
"""ai.onnx.ml is for tables and texts; others may be anything, programs and further files too."""
REPEATING = ("Loop", "Scan", "If", "SequenceMap")
TEXTUAL = re.compile("String.*|Regex.*|TfIdf.*|ImageDecoder")
ATTRIBUTES = 1000
"""Most that one operator may have."""
_LENGTHS = ("pads", "strides", "dilations", "kernel_shape", "output_padding", "output_shape")
Call: TypeAlias = tuple[str, str, str]
"""Domain, name and overload of a function."""
Scope: TypeAlias = onnx.GraphProto | onnx.FunctionProto


def check(model: onnx.ModelProto) -> None:
    """Raises ModelError, without the file's name, for what no network for pictures needs."""
    _check_functions(model)
    scopes: tuple[Scope, ...] = (model.graph, *model.functions)
    for scope in scopes:
        for node in scope.node:
            _check_node(node)
    for function in model.functions:
        _check_attributes(function.attribute_proto)
    for scope in scopes:  # by now every constant is known to be what it says
        _check_sizes(scope)


def _check_functions(model: onnx.ModelProto) -> None:
    """What they are made of is ONNX's own, and written out they stay within bounds."""
    bodies: dict[Call, Iterable[onnx.NodeProto]] = {
        (each.domain, each.name, each.overload): each.node for each in model.functions
    }
    if taken := next((name for domain, name, _ in bodies if domain in STANDARD), None):
        raise ModelError(f"refused: it redefines {shown(taken)}, an operator of ONNX")
    counts: dict[Call, int] = {}
    for call, nodes in bodies.items():
        counts[call] = _count(nodes, bodies, counts, (call,))
    if _count(model.graph.node, bodies, counts, ()) > NODES:
        raise ModelError(f"refused: written out it has more than {NODES:,} operators")


def _count(
    nodes: Iterable[onnx.NodeProto],
    bodies: Mapping[Call, Iterable[onnx.NodeProto]],
    counts: dict[Call, int],
    trail: tuple[Call, ...],
) -> int:
    """Operators of `nodes` with all their functions written out."""
    total = 0
    for node in nodes:
        call = (node.domain, node.op_type, node.overload)
        if call in trail or len(trail) > DEPTH:
            name = shown(node.op_type)
            raise ModelError(f"refused: its function {name} calls itself or others too deeply")
        if call in bodies and call not in counts:
            counts[call] = _count(bodies[call], bodies, counts, (*trail, call))
        if call not in bodies and node.domain not in STANDARD:
            where = f"{shown(node.op_type)} of {shown(node.domain)}"
            raise ModelError(
                f"refused: its operator {where} is not one of ONNX: export it with those alone"
            )
        total += counts.get(call, 1)
    return total


def _check_node(node: onnx.NodeProto) -> None:
    kinds = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
    inner = any(each.type in kinds or each.graphs or each.HasField("g") for each in node.attribute)
    if inner or node.op_type in REPEATING:
        raise ModelError(
            f"refused: its operator {shown(node.op_type)} repeats or branches: a network for "
            "pictures does neither: export it without"
        )
    if len(node.attribute) > ATTRIBUTES:
        raise ModelError(
            f"refused: its operator {shown(node.op_type)} has {len(node.attribute):,} attributes"
        )
    if TEXTUAL.fullmatch(node.op_type) or any(_is_text(each) for each in node.attribute):
        raise ModelError(
            f"refused: its operator {shown(node.op_type)} is for texts: a network for pictures "
            "has none: export it without"
        )
    _check_attributes(node.attribute)


def _is_text(held: onnx.AttributeProto) -> bool:
    """What a Cast is told to make, or a Constant to be."""
    makes = held.name == "to" and held.i == onnx.TensorProto.STRING
    return makes or held.name in ("value_string", "value_strings")


def _check_attributes(attributes: Iterable[onnx.AttributeProto]) -> None:
    for each in attributes:
        own = [each.sparse_tensor] if each.HasField("sparse_tensor") else []
        for sparse in (*own, *each.sparse_tensors):
            tensors.check_sparse(sparse)
        for tensor in (*([each.t] if each.HasField("t") else []), *each.tensors):
            tensors.check(tensor)
        if each.name in _LENGTHS and any(abs(length) > LENGTH for length in each.ints):
            raise ModelError(f"refused: {each.name} of {max(each.ints, key=abs)} pixels")
        if each.name == "shape" and math.prod(each.ints) > VALUES:
            raise ModelError(f"refused: it asks for {math.prod(each.ints):.1e} values at once")


def _check_sizes(scope: Scope) -> None:
    """How much operators are told to make by constants beside them."""
    constants = dict(_constants(scope))
    for node in scope.node:
        given = [constants.get(name, []) for name in node.input]
        made, most = _made(node.op_type, [*given, [], [], [], []])
        if not made <= most:  # NaN is no size either
            name = shown(node.op_type)
            much = f"{made:.1e}" if most > 1 else "far too many"  # that of Resize is a share
            raise ModelError(f"refused: its operator {name} asks for {much} values at once")


def _made(operator: str, given: list[list[float]]) -> tuple[float, float]:
    """What `operator` makes, of nothing or of each value, and how much that may be."""
    match operator:
        case "ConstantOfShape":
            return _product(given[0]), VALUES
        case "Expand":
            return _product(given[1]), VALUES
        case "Range" if all(given[:3]) and given[2][0]:
            return (given[1][0] - given[0][0]) / given[2][0], VALUES
        case "OneHot":
            return _product(given[1]), VALUES
        case "Tile":
            return _product(given[1]), GROWTH
        case "Resize":
            return max(_product(given[2]) / GROWTH, _product(given[3]) / VALUES), 1
        case "Pad":
            return max((abs(each) for each in given[1]), default=0), LENGTH
    return 0, 0


def _product(sides: list[float]) -> float:
    return math.prod(abs(side) for side in sides) if sides else 0


def _constants(scope: Scope) -> Iterator[tuple[str, list[float]]]:
    for tensor in scope.initializer if isinstance(scope, onnx.GraphProto) else ():
        yield tensor.name, tensors.few(tensor)
    for node in scope.node:
        if node.op_type == "Constant":
            values = [number for each in node.attribute for number in _numbers(each)]
            yield from ((name, values) for name in node.output)


def _numbers(held: onnx.AttributeProto) -> list[float]:
    """What an attribute of a Constant gives."""
    if held.HasField("t"):
        return tensors.few(held.t)
    alone = {"value_int": held.i, "value_float": held.f}
    return [alone[held.name]] if held.name in alone else [*held.ints, *held.floats]

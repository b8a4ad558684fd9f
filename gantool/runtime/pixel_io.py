"""Wraps a stored float graph so that it takes and gives pixels: `N×H×W×3` integers both ways.

Cast, scaling, layout change, clip and rounding become nodes of the graph: they run on the
device, and pictures cross the bus as bytes. `onnx` is imported only when a model is new here.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gantool import atomic, caches
from gantool.errors import ModelError, OutputError
from gantool.runtime import halves, scan
from gantool.runtime.contract import KEY, Contract

if TYPE_CHECKING:
    import onnx

Depth = Literal["uint8", "uint16"]
VERSION = 3
"""Of the nodes put around a graph; raised when they change, so that kept ones are made anew."""
BRIGHTEST = {"uint8": 255.0, "uint16": 65535.0}
TOTAL = "result_total"
"""The sum of all floats of the result, a second output: finite where they are."""
LAYOUTS = {"in": (0, 3, 1, 2), "out": (0, 2, 3, 1)}


def wrapped(path: Path, digest: str, depth: Depth, *, half: bool = False) -> bytes:
    """The pixel graph of the model file at `path`, made once per content and depth, then kept.

    `digest` is the sha256 of the file, `half` asks for a network that computes in float16. Raises
    ModelError for a file that is no gantool model, or cannot be had in halves.
    """
    name = f"{digest[:32]}-{depth}{'-half' if half else ''}-{VERSION}.graph"
    kept = caches.folder("graphs") / name
    with contextlib.suppress(OSError):
        content = kept.read_bytes()  # a graph behind its hash: a damaged one is made anew
        if content[:32] == hashlib.sha256(content[32:]).digest():
            return content[32:]
    model, contract = read_model(path, digest)
    if half:
        model = halves.halved(model)
    try:
        graph = pixel_graph(model, contract, depth).SerializeToString()
    except ValueError as error:  # names that are no text
        raise ModelError(f"{path}: a damaged model file: {error}") from error
    with contextlib.suppress(OSError, OutputError):  # without a cache every start makes it anew
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(kept, hashlib.sha256(graph).digest() + graph)
    return graph


def read_model(path: Path, digest: str | None = None) -> tuple[onnx.ModelProto, Contract]:
    """The stored float graph, looked through, and its contract. Raises ModelError, naming the file.

    `digest` is the sha256 that its content must still have.
    """
    model = scan.load(path, digest)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in metadata:
        raise ModelError(f"{path}: no gantool contract inside: use a file that gantool exported")
    try:
        contract = Contract.from_json(metadata[KEY])
        scan.check_ends(model, contract)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model, contract


def pixel_graph(model: onnx.ModelProto, contract: Contract, depth: Depth) -> onnx.ModelProto:
    """`model` with integer `pixels` for its first input and integer `result` for its output.

    A second output tells whether the result was finite.
    """
    import onnx
    from onnx import helper

    graph = model.graph
    kind = getattr(onnx.TensorProto, depth.upper())
    darkest, brightest = contract.value_range
    step = (brightest - darkest) / BRIGHTEST[depth]
    taken, given = graph.input[0].name, graph.output[0].name
    before = [
        helper.make_node("Transpose", ["pixels"], ["pixels_nchw"], perm=LAYOUTS["in"]),
        helper.make_node("Cast", ["pixels_nchw"], ["pixels_float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels_float", "level_step"], ["pixels_scaled"]),
        helper.make_node("Add", ["pixels_scaled", "darkest"], [taken]),
    ]
    after = [
        helper.make_node("Sub", [given, "darkest"], ["result_shifted"]),
        *(_quantised() if depth == "uint8" else _rounded(kind)),
        helper.make_node("Transpose", ["result_nchw"], ["result"], perm=LAYOUTS["out"]),
        helper.make_node("ReduceSum", [given], [TOTAL], keepdims=0),
    ]
    constants = {"level_step": step, "darkest": darkest, "zero": 0.0, "top": BRIGHTEST[depth]}
    nodes = [*before, *graph.node, *after]
    used = {name for node in nodes for name in node.input}
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        helper.make_tensor(name, onnx.TensorProto.FLOAT, [], [value])
        for name, value in constants.items()
        if name in used
    )
    graph.input[0].CopyFrom(helper.make_tensor_value_info("pixels", kind, ["n", "h", "w", 3]))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("result", kind, ["n", "H", "W", 3]))
    graph.output.append(helper.make_tensor_value_info(TOTAL, onnx.TensorProto.FLOAT, []))
    return model


def _quantised() -> list[onnx.NodeProto]:
    """Division, rounding, clipping and cast as one node; opset 18 has it for uint8 only."""
    from onnx import helper

    return [helper.make_node("QuantizeLinear", ["result_shifted", "level_step"], ["result_nchw"])]


def _rounded(kind: int) -> list[onnx.NodeProto]:
    from onnx import helper

    return [
        helper.make_node("Div", ["result_shifted", "level_step"], ["result_float"]),
        helper.make_node("Clip", ["result_float", "zero", "top"], ["result_clipped"]),
        helper.make_node("Round", ["result_clipped"], ["result_rounded"]),
        helper.make_node("Cast", ["result_rounded"], ["result_nchw"], to=kind),
    ]

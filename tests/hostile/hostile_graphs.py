"""Model files that mean harm, or were never models: each is made when it is asked for, none large.

A table from a name to what makes the file at a path, and a part of the line that refuses it.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

import models
from gantool.runtime.contract import Contract

Build = Callable[[Path], object]
PICTURES = ["n", 3, "h", "w"]
FRAME = (64, 96)
"""Height and width of the picture that models are tried on."""


def blur(path: Path) -> ModelProto:
    return onnx.load(models.wide_blur(path, radius=1))


def changed(change: Callable[[ModelProto], object]) -> Build:
    """A plain model after `change`."""

    def build(path: Path) -> None:
        model = blur(path)
        change(model)
        path.write_bytes(model.SerializeToString())

    return build


def graph(*nodes: NodeProto, contract: Contract | None = None, **constants: object) -> Build:
    """A model of `nodes` from x to y."""
    return lambda path: models.save(path, list(nodes), contract or Contract("run"), **constants)


def node(operator: str, inputs: str, outputs: str = "y", **attributes: object) -> NodeProto:
    """Names by spaces; `-` for an input that is left out."""
    names = ["" if each == "-" else each for each in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def beside(*nodes: NodeProto, **constants: object) -> Build:
    """A harmless picture, and `nodes` whose result `r` is in it by its mean."""
    last = [node("Cast", "r", "f", to=1), node("ReduceMean", "f", "m", keepdims=0)]
    return graph(*nodes, *last, node("Add", "x m"), **constants)


def squared(*nodes: NodeProto, times: int = 1, **constants: object) -> Build:
    """`nodes` are told their size by `s`, of four sides, which only a run finds out."""
    own = [node("Shape", "x", "s0"), node("Mul", "s0 by", "s1"), node("Add", "s1 more", "s")]
    sizes = {"by": np.array([0, 0, 0, 0]), "more": np.array([1, 1, times, times])}
    return beside(*own, *nodes, **sizes, **constants)


def outside(location: str, *, link: Callable[[Path, Path], object] | None = None) -> Build:
    """The weights are in another file, perhaps behind a link."""

    def build(path: Path) -> None:
        kernel = path.with_name("w.bin")
        kernel.write_bytes(bytes(3 * 9 * 4))
        if link:
            link(kernel, path.with_name("link.bin"))
        model = blur(path)
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        path.write_bytes(model.SerializeToString())

    return build


def told(**values: object) -> Build:
    """A contract with other `values`."""

    def change(model: ModelProto) -> None:
        said = {**json.loads(model.metadata_props[0].value), **values}
        model.metadata_props[0].value = json.dumps(said)

    return changed(change)


def metadata(text: str) -> Build:
    return changed(lambda model: setattr(model.metadata_props[0], "value", text))


def opset(version: int) -> Build:
    return changed(lambda model: setattr(model.opset_import[0], "version", version))


def weight(name: str, value: object, kind: type = np.float32) -> Build:
    tensor = numpy_helper.from_array(np.asarray(value, kind), name)
    return changed(lambda model: model.graph.initializer.append(tensor))


def sides(*dims: int) -> Build:
    """Weights that announce another size than they have."""

    def change(model: ModelProto) -> None:
        model.graph.initializer[0].dims[:] = dims

    return changed(change)


def end(name: str, kind: int, shape: list[object] | None) -> Build:
    def change(model: ModelProto) -> None:
        info = helper.make_tensor_value_info(name, kind, shape)
        (model.graph.input if name == "x" else model.graph.output)[0].CopyFrom(info)

    return changed(change)


def branch(inner: NodeProto | None = None) -> GraphProto:
    ends = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    return helper.make_graph([inner or node("Identity", "x", "b")], "branch", [], ends)


def function(name: str, *nodes: NodeProto) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a"], ["b"], list(nodes), opsets)


def calling(first: str, *functions: onnx.FunctionProto) -> Build:
    """The model calls `first` of its own functions."""

    def change(model: ModelProto) -> None:
        model.graph.node[0].output[0] = "before"
        model.graph.node.append(helper.make_node(first, ["before"], ["y"], domain="own"))
        model.functions.extend(functions)
        model.opset_import.append(helper.make_opsetid("own", 1))

    return changed(change)


def call(name: str) -> NodeProto:
    return helper.make_node(name, ["a"], ["b"], domain="own")


def laughing(depth: int) -> Build:
    """Ten calls of ten calls of ten calls."""
    steps = [function(f"F{at}", *[call(f"F{at + 1}")] * 10) for at in range(depth)]
    return calling("F0", *steps, function(f"F{depth}", node("Relu", "a", "b")))


def deep(levels: int) -> Build:
    """Graphs in attributes of nodes of graphs, as protobuf writes them."""

    def build(path: Path) -> None:
        inner = b""
        for _ in range(levels):
            for tag in (b"\x32", b"\x2a", b"\x0a"):  # an attribute's graph, attribute, node
                inner = tag + varint(len(inner)) + inner
        path.write_bytes(b"\x3a" + varint(len(inner)) + inner)  # a model's graph

    return build


def varint(number: int) -> bytes:
    held = bytearray()
    while number > 127:
        held.append(number & 127 | 128)
        number >>= 7
    return bytes([*held, number])


def empty_parts(tag: bytes, count: int) -> Build:
    """So many empty messages in the graph, two bytes each."""
    parts = (tag + b"\0") * count
    return lambda path: path.write_bytes(b"\x3a" + varint(len(parts)) + parts)


def many(change: Callable[[ModelProto, int], object], count: int = 200_000) -> Build:
    def build(path: Path) -> None:
        model = blur(path)
        for at in range(count):
            change(model, at)
        path.write_bytes(model.SerializeToString())

    return build


def chain(operator: str, count: int) -> Build:
    """Each takes what the one before it gives."""

    def build(path: Path) -> None:
        names = ["x", *(f"n{at}" for at in range(count - 1)), "y"]
        pairs = zip(names, names[1:], strict=False)
        nodes = [helper.make_node(operator, [one], [two]) for one, two in pairs]
        models.save(path, nodes, Contract("run"))

    return build


def doubling(times: int) -> Build:
    """Each joins two of the one before it."""
    pairs = [node("Concat", f"d{at} d{at}", f"d{at + 1}", axis=3) for at in range(times)]
    return beside(node("Identity", "x", "d0"), *pairs, node("Identity", f"d{times}", "r"))


def endless() -> Build:
    """Hours of multiplications in a gigabyte."""
    side = 4096
    steps = [node("MatMul", f"m{at} m{at}", f"m{at + 1}") for at in range(500)]
    return squared(
        node("Slice", "s two four", "sides"),
        node("Expand", "third sides", "m0"),
        *steps,
        node("Identity", "m500", "r"),
        times=side,
        third=np.float32(1 / side),
        two=np.array([2]),
        four=np.array([4]),
    )


def huge(size: int) -> Build:
    """Zeros that take no room on the disk."""

    def build(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return build


def gigabyte_of_metadata(path: Path) -> None:
    """Behind a plain model; on the disk it is a hole."""
    content = models.wide_blur(path, radius=1).read_bytes()
    size = 2**30
    entry = b"\x0a\x01k\x12" + varint(size)
    with path.open("wb") as file:
        file.write(content + b"\x72" + varint(len(entry) + size) + entry)
        file.truncate(file.tell() + size)


def cut(path: Path) -> None:
    content = models.wide_blur(path, radius=1).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def zipped(path: Path) -> None:
    path.write_bytes(gzip.compress(models.wide_blur(path, radius=1).read_bytes()))


def inputs(count: int) -> Build:
    def change(model: ModelProto) -> None:
        for at in range(count):
            model.graph.input.append(helper.make_tensor_value_info(f"i{at}", 1, PICTURES))

    return changed(change)


def training(model: ModelProto) -> None:
    model.training_info.add().algorithm.node.append(node("Identity", "x", "z"))


def circle(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "z"
    model.graph.node.append(node("Add", "x y", "z"))


def twice(model: ModelProto) -> None:
    model.graph.node.append(node("Identity", "x", "y"))


def of_another(domain: str) -> Build:
    def change(model: ModelProto) -> None:
        model.graph.node[0].domain = domain
        model.opset_import.append(helper.make_opsetid(domain, 1))

    return changed(change)


def sequence(model: ModelProto) -> None:
    model.graph.node[0].output[0] = "before"
    model.graph.node.append(node("SequenceConstruct", "before"))
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, PICTURES))
    model.graph.output[0].CopyFrom(helper.make_value_info("y", kind))


def optional(model: ModelProto) -> None:
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(1, PICTURES))
    model.graph.input[0].CopyFrom(helper.make_value_info("x", kind))


def sparse(model: ModelProto) -> None:
    value, at = (numpy_helper.from_array(np.array([1], kind), "s") for kind in ("f4", "i8"))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(value, at, [2**40]))


def overlong(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="pads", type=7).ints.extend([2**40] * 4)


NO_MODELS: dict[str, tuple[Build, str]] = {
    "empty": (Path.touch, "not an ONNX model file"),
    "text": (lambda path: path.write_text("weights are here: no\n" * 99), "not an ONNX"),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><html>404"), "a web page"),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/"),
        "git lfs pull",
    ),
    "gzip": (zipped, "not an ONNX model file"),
    "cut": (cut, "not an ONNX model file"),
    "zeros": (huge(10**6), "not an ONNX model file"),
    "a terabyte": (huge(2**40), "1024.0 GiB, and a model may have 2"),
    "folder": (Path.mkdir, "a folder"),
    "pipe": (os.mkfifo, "a pipe or a device"),
    "zero device": (lambda path: path.symlink_to("/dev/zero"), "a pipe or a device"),
    "link to itself": (lambda path: path.symlink_to(path.name), "no such model file"),
    "claims of two gigabytes": (
        lambda path: path.write_bytes(b"\x3a" + varint(2**31 - 9) + b"\x0a\x02"),
        "not an ONNX model file",
    ),
    "claims without end": (lambda path: path.write_bytes(b"\x3a" + b"\xff" * 9), "not an ONNX"),
    "nested": (deep(20_000), "not an ONNX model file"),
    "ten million empty nodes": (empty_parts(b"\x0a", 10**7), "not an ONNX model file"),
    "ten million empty weights": (empty_parts(b"\x2a", 10**7), "not an ONNX model file"),
    "gigabyte of metadata": (gigabyte_of_metadata, "refused"),
}
GRAPHS: dict[str, tuple[Build, str]] = {
    "weights at /": (outside("/etc/passwd"), "is in another file"),
    "weights above": (outside("../../w.bin"), "is in another file"),
    "weights behind a link": (outside("link.bin", link=lambda a, b: b.symlink_to(a)), "another"),
    "weights behind a hard link": (outside("link.bin", link=os.link), "is in another file"),
    "custom operator": (of_another("com.evil"), "not one of ONNX"),
    "operator of a vendor": (of_another("com.microsoft"), "not one of ONNX"),
    "terminal's orders": (of_another("\x1b]0;evil\x07\n"), "not one of ONNX"),
    "loop": (
        beside(node("Loop", "n c x", "r", body=branch()), n=2**40, c=True),
        "repeats or branches",
    ),
    "scan": (beside(node("Scan", "x", "r", body=branch(), num_scan_inputs=1)), "repeats"),
    "branch": (
        beside(node("If", "c", "r", then_branch=branch(), else_branch=branch()), c=True),
        "repeats or branches",
    ),
    "branch in a function": (
        calling("F", function("F", node("If", "a", "b", then_branch=branch()))),
        "repeats or branches",
    ),
    "function of itself": (calling("F", function("F", call("F"))), "calls itself"),
    "functions in a circle": (
        calling("F", function("F", call("G")), function("G", call("F"))),
        "calls itself or others",
    ),
    "functions of functions": (laughing(9), "more than 100,000 operators"),
    "sparse": (changed(sparse), "is sparse"),
    "training": (changed(training), "parts for training"),
    "weight NaN": (weight("w2", [0, np.nan]), "is not finite"),
    "weight infinite": (weight("w2", [np.inf]), "is not finite"),
    "half infinite": (weight("w2", [np.inf], np.float16), "is not finite"),
    "sides of 2³²": (sides(2**32, 2**32), "holds another number"),
    "sides below zero": (sides(-3, -1, 3, 3), "holds another number"),
    "weights that are texts": (weight("w2", [b"text"], object), "is of type STRING"),
    "weights that are there twice": (
        changed(lambda model: model.graph.initializer.append(model.graph.initializer[0])),
        "have the same name",
    ),
    "eight gigabytes of zeros": (beside(node("ConstantOfShape", "s", "r"), s=[2**31]), "asks for"),
    "eight gigabytes expanded": (
        beside(node("Expand", "o s", "r"), o=np.float32(1), s=[2**31]),
        "asks",
    ),
    "eight gigabytes tiled": (
        beside(node("Tile", "o s", "r"), o=np.ones(8, "f"), s=[2**28]),
        "asks",
    ),
    "eight gigabytes of numbers": (
        beside(node("Range", "a b c", "r"), a=0, b=2**31, c=1),
        "asks for",
    ),
    "eight gigabytes of edge": (
        beside(node("Pad", "x p", "r"), p=[0, 0, 0, 0, 0, 0, 0, 2**23]),
        "asks for",
    ),
    "noise without end": (beside(node("RandomNormal", "", "r", shape=[2**31])), "asks for"),
    "view of 10⁶ × 10⁶": (
        squared(node("Expand", "o s", "r"), times=10**6, o=np.ones(1, "f")),
        "needs more than",
    ),
    "zeros of 10⁶ × 10⁶": (squared(node("ConstantOfShape", "s", "r"), times=10**6), "needs more"),
    "sides whose product is 2⁶⁴": (
        squared(node("ConstantOfShape", "s", "r"), times=2**32),
        "fails",
    ),
    "doubled 64 times": (doubling(64), "fails|needs more"),
    "tiled when it runs": (squared(node("Tile", "x s", "r"), times=10**4), "fails on"),
    "enlarged 10⁹ times": (
        graph(node("Resize", "x - scales"), scales=np.array([1, 1, 1e9, 1e9], "f")),
        "asks for",
    ),
    "enlarged when it runs": (squared(node("Resize", "x - - s", "r"), times=10**6), "more"),
    "enlarged by NaN": (
        graph(node("Resize", "x - scales"), scales=np.array([1, 1, np.nan, 1], "f")),
        "not finite",
    ),
    "shrunk to nothing": (
        graph(node("Resize", "x - scales"), scales=np.array([1, 1, 1e-9, 1e-9], "f")),
        "refused",
    ),
    "enlarged by less than nothing": (
        graph(node("Resize", "x - scales"), scales=np.array([1, 1, -2, -2], "f")),
        "refused",
    ),
    "pads of a terapixel": (changed(overlong), "refused: pads of 1099511627776 pixels"),
    "scatters out of bounds": (
        graph(node("ScatterND", "x at v"), at=np.array([[2**40, 0, 0, 0]]), v=np.ones(1, "f")),
        "refused",
    ),
    "gathers out of bounds": (
        beside(node("Gather", "x at", "r", axis=2), at=np.array([2**40])),
        "refused",
    ),
    "gathers before the beginning": (
        beside(node("GatherND", "x at", "r"), at=np.array([[0, -(2**40), 0, 0]])),
        "refused",
    ),
    "blocks of no side": (graph(node("DepthToSpace", "x", blocksize=0)), "refused"),
    "blocks of a side below zero": (graph(node("SpaceToDepth", "x", blocksize=-1)), "refused"),
    "no groups": (graph(node("Conv", "x w", group=0), w=np.ones((3, 1, 1, 1), "f")), "refused"),
    "strides of nothing": (
        graph(node("Conv", "x w", strides=[0, 0]), w=np.ones((3, 3, 1, 1), "f")),
        "refused",
    ),
    "pool of nothing": (graph(node("MaxPool", "x", kernel_shape=[0, 0])), "refused"),
    "the first 10¹²": (beside(node("TopK", "x k", "r i"), k=[10**12]), "refused"),
    "window of 10¹²": (beside(node("HannWindow", "n", "r"), n=10**12), "refused"),
    "views of regions without end": (
        beside(
            node("RoiAlign", "x b i", "r", output_height=10**9, output_width=10**9),
            b=np.ones((1, 4), "f"),
            i=[0],
        ),
        "refused",
    ),
    "hours of multiplications": (endless(), "did not finish"),
    "texts": (
        beside(node("Cast", "x", "t", to=8), node("Cast", "t", "r", to=1)),
        "refused",
    ),
    "gives a sequence": (changed(sequence), "gives"),
    "takes what is optional": (changed(optional), "takes"),
    "circle": (changed(circle), "onnxruntime cannot open it"),
    "two of one name": (changed(twice), "onnxruntime cannot open it"),
    "takes nothing": (changed(lambda model: model.graph.ClearField("input")), "not an ONNX"),
    "gives nothing": (changed(lambda model: model.graph.ClearField("output")), "not an ONNX"),
    "takes a thousand": (inputs(1000), "takes 'i0', 'i1',"),
    "takes three sides": (end("x", 1, ["n", 3, "h"]), r"takes float \?×3×\?,"),
    "gives five sides": (end("y", 1, ["n", 3, "h", "w", "d"]), r"gives float \?×3×\?×\?×\?,"),
    "gives fewer sides than it says": (
        graph(node("ReduceMean", "x a", keepdims=0), a=[2, 3]),
        "refused|onnxruntime cannot open it",
    ),
    "gives any sides": (end("y", 1, None), "gives float"),
    "gives one channel": (graph(node("ReduceMean", "x a"), a=[1]), "refused|cannot open"),
    "gives NaN": (graph(node("Sub", "x x", "z"), node("Div", "z z")), "not finite"),
    "gives infinity": (graph(node("Sub", "x x", "z"), node("Div", "x z")), "not finite"),
    "gives NaN of a constant": (
        graph(node("Constant", "", "c", value_float=np.nan), node("Mul", "x c")),
        "not finite",
    ),
    "operators of 2008": (opset(1), "operator set is 1,"),
    "operators of 2099": (opset(999), "operator set is 999"),
    "format of 2099": (changed(lambda model: setattr(model, "ir_version", 999)), "cannot open it"),
    "a million operators": (chain("Relu", 10**6), "more than 100,000 operators"),
    "200,000 weights": (
        many(lambda model, at: model.graph.initializer.add(name=f"w{at}", data_type=1, dims=[0])),
        "refused",
    ),
    "200,000 sizes": (many(lambda model, at: model.graph.value_info.add(name=f"v{at}")), "refused"),
    "200,000 functions": (
        many(lambda model, at: model.functions.add(name=f"f{at}", domain="own")),
        "refused",
    ),
    "200,000 attributes": (
        many(lambda model, at: model.graph.node[0].attribute.add(name=f"a{at}", type=2, i=1)),
        "refused",
    ),
    "200,000 operator sets": (
        many(lambda model, at: model.opset_import.add(domain=f"d{at}", version=1)),
        "refused",
    ),
}
CONTRACTS: dict[str, tuple[Build, str]] = {
    "none": (changed(lambda model: model.ClearField("metadata_props")), "no gantool contract"),
    "100,000 brackets": (metadata("[" * 10**5), "contract cannot be read"),
    "100,000 objects": (metadata('{"a":' * 10**5), "contract cannot be read"),
    "list": (metadata("[1]"), "contract cannot be read"),
    "number of a million digits": (metadata('{"format":1,"scale":%s}' % ("9" * 10**6)), "contract"),
    "format of 2099": (told(format=99), "contract format 99"),
    "ten megabytes": (told(data="x" * 10**7), "refused|contract"),
    "scale below zero": (told(scale=-1), "gives scale -1"),
    "scale of 10⁹": (told(scale=10**9), "gives scale 1000000000"),
    "scale NaN": (told(scale=float("nan")), "gives scale nan"),
    "scale in words": (told(scale="2"), "gives scale '2'"),
    "scale that is not kept": (told(scale=4), "its contract says 4 times"),
    "tiles that start nowhere": (told(align=0), "gives align 0"),
    "sides of 16 million": (told(multiple=4096, align=4095), "refused"),
    "halo below zero": (told(halo=-5), "gives halo -5"),
    "range of NaN": (told(value_range=[float("nan"), 1]), "empty value range"),
    "range of texts": (told(value_range=["dark", "bright"]), "contract cannot be read"),
    "range without end": (told(value_range=[-1e308, 1e308]), "refused|value range"),
    "conditions that are numbers": (told(conditions={"a": 5}), "the condition 'a'"),
    "condition of a terabyte": (
        told(conditions={"a": {"shape": [2**20, 2**20], "default": 0}}),
        "the condition 'a'",
    ),
    "condition that nobody takes": (told(conditions={"a": {"shape": [], "default": 0}}), "refused"),
    "name that leads away": (told(name="../../../tmp/x"), "cannot be in a file name"),
    "name of orders": (told(name="\x1b[2J\nrm"), "name"),
    "name of a megabyte": (told(name="x" * 10**6), "name"),
}

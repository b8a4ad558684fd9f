"""Law: onnxruntime sees no file but a plain network of finite weights; others are refused by name.

Every refusal is one line that names the file and the thing found, and comes before anything runs.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
from gantool.errors import ModelError
from gantool.runtime import opening, operators, scan, session
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.features import Features
from gantool.runtime.session import Session

PICTURES = ["n", 3, "h", "w"]


@pytest.fixture
def blur(tmp_path) -> Path:
    return models.wide_blur(tmp_path / "model.onnx", radius=1)


def refused(path: Path, model: onnx.ModelProto) -> str:
    """Why `model` is refused: a line that names the file; no graph of it is kept."""
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        Session(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert not list((Path(os.environ["XDG_CACHE_HOME"])).rglob(f"{session.sha256(path)[:32]}*"))
    return line


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> str:
    model = onnx.load(path)
    change(model)
    return refused(path, model)


def outside(tensor: onnx.TensorProto, location: str = "other.bin") -> onnx.TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/etc/passwd", "link.bin", "", "a\nb"])
def test_weights_in_another_file_are_refused_wherever_it_is(location, blur):
    (blur.parent / "w.bin").write_bytes(bytes(108))
    (blur.parent / "link.bin").symlink_to("w.bin")
    line = changed(blur, lambda model: outside(model.graph.initializer[0], location))
    assert "weight 'w' is in another file" in line


def constant(tensor: onnx.TensorProto) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["unused"], value=tensor)


def sparse() -> onnx.SparseTensorProto:
    """A value and where it is, in ten bytes that announce terabytes."""
    value, at = (numpy_helper.from_array(np.array([1], kind), "s") for kind in ("f4", "i8"))
    return helper.make_sparse_tensor(value, at, [2**40])


def function(
    *nodes: onnx.NodeProto, name: str = "Twice", domain: str = "own"
) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function(domain, name, ["a"], ["b"], list(nodes), opsets)


FAR = outside(numpy_helper.from_array(np.ones(3, np.float32), "far"))


def in_a_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(constant(FAR))


def in_a_function(model: onnx.ModelProto) -> None:
    model.functions.append(function(constant(FAR)))


def in_what_a_function_takes_for_granted(model: onnx.ModelProto) -> None:
    model.functions.append(function())
    model.functions[0].attribute_proto.append(helper.make_attribute("given", FAR))


def in_a_sparse_weight(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(FAR)


def in_a_sparse_constant(model: onnx.ModelProto) -> None:
    held = sparse()
    held.indices.CopyFrom(FAR)
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], sparse_value=held))


@pytest.mark.parametrize(
    "corner",
    [
        in_a_constant,
        in_a_function,
        in_what_a_function_takes_for_granted,
        in_a_sparse_weight,
        in_a_sparse_constant,
    ],
)
def test_weights_in_another_file_are_found_in_every_corner(corner, blur):
    assert "weight 'far' is in another file" in changed(blur, corner)


def test_sparse_weights_are_refused(blur):
    line = changed(blur, lambda model: model.graph.sparse_initializer.append(sparse()))
    assert "weight 's' is sparse" in line


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.ml", "evil\x1b[2J\n", "own"])
def test_operators_of_others_are_refused(domain, blur):
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = domain
        model.opset_import.append(helper.make_opsetid(domain, 1))

    line = changed(blur, change)
    assert f"operator 'Conv' of {domain!r} is not one of ONNX" in line
    assert line.isprintable()


def twice(node: onnx.NodeProto, *others: onnx.FunctionProto) -> Callable[[onnx.ModelProto], None]:
    """Let a model end in its own function, whose body is `node` from a to b."""

    def change(model: onnx.ModelProto) -> None:
        model.graph.node[0].output[0] = "before"
        model.graph.node.append(helper.make_node("Twice", ["before"], ["y"], domain="own"))
        model.functions.extend([function(node), *others])
        model.opset_import.append(helper.make_opsetid("own", 1))

    return change


def test_functions_of_the_model_itself_are_taken(blur):
    frame = np.full((6, 6, 3), 100, np.uint8)
    alone = Session(blur)(frame)
    model = onnx.load(blur)
    twice(helper.make_node("Add", ["a", "a"], ["b"]))(model)
    blur.write_bytes(model.SerializeToString())
    assert np.abs(Session(blur)(frame) - 2.0 * alone).max() <= 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (helper.make_node("Custom", ["a"], ["b"], domain="evil"), "'Custom' of 'evil'"),
        (helper.make_node("Twice", ["a"], ["b"], domain="own"), "'Twice' calls itself"),
        (helper.make_node("Loop", ["a"], ["b"]), "'Loop' repeats"),
    ],
)
def test_functions_must_be_clean_too(body, found, blur):
    assert found in changed(blur, twice(body))


def test_functions_that_grow_without_bounds_are_refused(blur):
    """A thousand million operators in a hundred lines."""

    def calling(name: str) -> list[onnx.NodeProto]:
        return [helper.make_node(name, ["a"], ["b"], domain="own") for _ in range(10)]

    plain = helper.make_node("Relu", ["a"], ["b"])
    laughs = [function(*calling(f"F{step + 1}"), name=f"F{step}") for step in range(8)]
    change = twice(calling("F0")[0], *laughs, function(plain, name="F8"))
    assert "more than 100,000 operators" in changed(blur, change)


def test_functions_that_nest_without_bounds_are_refused(blur):
    chain = [
        function(helper.make_node(f"F{step + 1}", ["a"], ["b"], domain="own"), name=f"F{step}")
        for step in range(3000)
    ]
    last = function(helper.make_node("Relu", ["a"], ["b"]), name="F3000")
    first = helper.make_node("F0", ["a"], ["b"], domain="own")
    assert "calls itself or others too deeply" in changed(blur, twice(first, *chain, last))


def test_operators_of_onnx_are_not_redefined(blur):
    relu = function(helper.make_node("Relu", ["a"], ["b"]), name="Conv", domain="")
    line = changed(blur, lambda model: model.functions.append(relu))
    assert "redefines 'Conv'" in line


def branch() -> onnx.GraphProto:
    ends = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    return helper.make_graph([helper.make_node("Identity", ["x"], ["b"])], "branch", [], ends)


@pytest.mark.parametrize("operator", ["Loop", "Scan", "If", "SequenceMap", "Other"])
def test_what_repeats_or_branches_is_refused(operator, blur):
    node = helper.make_node(operator, ["x"], ["unused"], body=branch())
    line = changed(blur, lambda model: model.graph.node.append(node))
    assert f"operator '{operator}' repeats or branches" in line


KINDS = {
    "FLOAT16": np.float16,
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
    "BFLOAT16": None,
}


def weight(kind: str, value: float, *, raw: bool) -> onnx.TensorProto:
    """Three numbers of a type, the last of them `value`."""
    number = getattr(TensorProto, kind)
    if not raw:
        return helper.make_tensor("w", number, [3], [0, 1, value])
    values = np.array([0, 1, value], np.float32)
    if kind == "BFLOAT16":
        return helper.make_tensor(
            "w", number, [3], (values.view("u4") >> 16).astype("u2").tobytes(), raw=True
        )
    return numpy_helper.from_array(values.astype(KINDS[kind]), "w")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(kind, raw, value, blur):
    tensor = weight(kind, value, raw=raw)
    line = changed(blur, lambda model: model.graph.initializer.append(tensor))
    assert "weight 'w' is not finite" in line


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("value", [-3.0, 60000.0, 1e-8])
def test_finite_weights_are_taken(kind, raw, value, blur):
    model = onnx.load(blur)
    tensor = weight(kind, value, raw=raw)
    tensor.name = "unused"
    model.graph.initializer.append(tensor)
    blur.write_bytes(model.SerializeToString())
    Session(blur)


@pytest.mark.parametrize("at", [0, 1, 2**20 - 1, 2**20, 2**20 + 5])
def test_one_number_among_a_million_is_found(at, blur):
    values = np.zeros(2**20 + 6, np.float16)
    values[at] = np.nan
    tensor = numpy_helper.from_array(values, "large")
    assert "not finite" in changed(blur, lambda model: model.graph.initializer.append(tensor))


@pytest.mark.parametrize(
    "dims", [[3, 1, 3, 4], [3, 1, 3], [], [0], [-3, -1, 3, 3], [2**40, 2**40], [2**62, 4, 27]]
)
@pytest.mark.parametrize("raw", [True, False])
def test_sizes_that_lie_are_refused(dims, raw, blur):
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        if not raw:
            tensor.float_data.extend(numpy_helper.to_array(tensor).ravel().tolist())
            tensor.ClearField("raw_data")
        del tensor.dims[:]
        tensor.dims.extend(dims)

    assert "holds another number of values" in changed(blur, change)


def test_numbers_in_two_places_are_refused(blur):
    line = changed(blur, lambda model: model.graph.initializer[0].int32_data.append(1))
    assert "holds another number of values" in line


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.COMPLEX64, 0, 99])
def test_weights_that_are_no_numbers_are_refused(kind, blur):
    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].data_type = kind

    assert "is of type" in changed(blur, change)


def told(operator: str, *constants: object, **attributes: object) -> Callable:
    """Let a model have an operator with constant inputs behind its first."""

    def change(model: onnx.ModelProto) -> None:
        names = [f"c{index}" for index, each in enumerate(constants) if each is not None]
        held = [each for each in constants if each is not None]
        model.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(each), name)
            for name, each in zip(names, held, strict=True)
        )
        left = iter(names)
        inputs = ["" if each is None else next(left) for each in constants]
        model.graph.node.append(helper.make_node(operator, inputs, ["unused"], **attributes))

    return change


ABSURD = [
    told("ConstantOfShape", [2**20, 2**20]),
    told("Expand", np.float32(1), [2**62]),
    told("Range", 0, 2**40, 1),
    told("Range", np.float32(0), np.float32(1), np.float32(1e-12)),
    told("Tile", np.ones(1, np.float32), [2**20]),
    told("Resize", None, None, np.array([1, 1, 1e9, 1e9], np.float32)),
    told("Resize", None, None, np.array([1, 1, np.inf, 0], np.float32)),
    told("Resize", None, None, None, [1, 3, 2**20, 2**20]),
    told("Pad", None, [0, 0, 0, 0, 0, 0, 0, 2**40]),
    told("OneHot", [1], 2**40, [0, 1]),
    told("RandomNormal", shape=[2**20, 2**20]),
    told("MaxPool", kernel_shape=[1, 2**40]),
    told("Conv", None, pads=[0, 0, 0, 2**40]),
    told("ConvTranspose", None, strides=[1, 2**40]),
]


@pytest.mark.parametrize("change", ABSURD, ids=range(len(ABSURD)))
def test_operators_told_to_make_the_absurd_are_refused(change, blur):
    assert "refused: " in changed(blur, change)


@pytest.mark.parametrize("attribute", [{"value_ints": [2**30, 2**30]}, {"value": None}])
def test_sizes_in_constant_nodes_count(attribute, blur):
    if "value" in attribute:
        attribute = {"value": numpy_helper.from_array(np.array([2**30, 2**30]))}

    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Constant", [], ["size"], **attribute))
        model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["unused"]))

    assert "'ConstantOfShape' asks for 1.2e+18 values" in changed(blur, change)


@pytest.mark.parametrize("version", [0, 11, 17, opening.newest_opset() + 1, 2**40])
def test_unknown_operator_sets_are_refused(version, blur):
    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    newest = opening.newest_opset()
    assert f"operator set is {version}, and 18 to {newest} are known" in changed(blur, change)


def test_a_model_needs_an_operator_set(blur):
    assert "operator set is none" in changed(blur, lambda model: model.ClearField("opset_import"))


def test_every_known_operator_set_is_taken(tmp_path):
    assert opening.newest_opset() >= 22
    for version in range(scan.OLDEST, opening.newest_opset() + 1):
        path = models.wide_blur(tmp_path / f"{version}.onnx")
        model = onnx.load(path)
        model.opset_import[0].version = version
        path.write_bytes(model.SerializeToString())
        Session(path)


def ends(**changed: object) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for name, (kind, shape) in changed.items():
            info = helper.make_tensor_value_info(name, kind, shape)
            (model.graph.input if name == "x" else model.graph.output)[0].CopyFrom(info)

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (ends(x=(TensorProto.FLOAT, ["n", 1, "h", "w"])), "takes float ?×1×?×?"),
        (ends(x=(TensorProto.FLOAT, ["n", 3, "h"])), "takes float ?×3×?,"),
        (ends(x=(TensorProto.FLOAT, ["n", 3, 256, 256])), "takes float ?×3×256×256"),
        (ends(x=(TensorProto.FLOAT16, PICTURES)), "takes float16 "),
        (ends(x=(TensorProto.UINT8, PICTURES)), "takes uint8 "),
        (ends(y=(TensorProto.FLOAT, ["n", 1, "h", "w"])), "gives float ?×1×?×?"),
        (ends(y=(TensorProto.INT64, PICTURES)), "gives int64 "),
    ],
)
def test_ends_that_are_no_pictures_are_refused(change, found, blur):
    assert found in changed(blur, change)


def test_another_output_is_refused(blur):
    second = helper.make_tensor_value_info("z", TensorProto.FLOAT, PICTURES)

    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Identity", ["y"], ["z"]))
        model.graph.output.append(second)

    assert "gives float ?×3×?×? and float ?×3×?×?, not" in changed(blur, change)


def test_further_inputs_are_those_of_the_contract(blur):
    age = helper.make_tensor_value_info("age", TensorProto.FLOAT, [1])
    model = onnx.load(blur)
    model.graph.input.append(age)
    assert "takes 'age' beside the picture" in refused(blur, model)
    contract = Contract("blur", conditions={"age": {}})
    model.metadata_props[0].CopyFrom(onnx.StringStringEntryProto(key=KEY, value=contract.to_json()))
    blur.write_bytes(model.SerializeToString())
    Session(blur)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE HTML>\n<html><body>404</body></html>", "a web page"),
        (b"<html><head></head></html>", "a web page"),
        (b"", "or a damaged one"),
        (b"\0" * 1000, "or a damaged one"),
    ],
)
def test_what_is_no_model_is_called_by_its_name(content, found, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    for kind in (Session, Features):
        with pytest.raises(ModelError, match=rf"model\.onnx: not an ONNX model file.*{found}"):
            kind(path)


@pytest.mark.parametrize("kind", [Session, Features])
def test_pipes_folders_and_devices_are_not_even_opened(kind, tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    for path, what in [
        (tmp_path / "pipe.onnx", "a pipe or a device"),
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a pipe or a device"),
    ]:
        with pytest.raises(ModelError, match=f"{path}: cannot be read: {what}"):
            kind(path)


@pytest.mark.parametrize("kind", [Session, Features])
def test_too_large_a_file_is_refused_before_it_is_read(kind, tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(scan.LARGEST + 2**29)
    start = time.process_time()
    with pytest.raises(ModelError, match=r"huge\.onnx: 2\.5 GiB, and a model may have 2"):
        kind(path)
    assert time.process_time() - start < 0.2


def test_links_to_a_model_are_the_model(blur):
    """Package installers make hard links, model hubs symbolic ones."""
    os.link(blur, blur.with_name("hard.onnx"))
    blur.with_name("soft.onnx").symlink_to(blur.name)
    for name in ("hard.onnx", "soft.onnx"):
        assert Session(blur.with_name(name)).contract == Session(blur).contract


def test_features_are_of_a_clean_file_too(blur):
    model = onnx.load(blur)
    outside(model.graph.initializer[0])
    blur.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="is in another file"):
        Features(blur)


def test_no_file_is_looked_through_twice_in_one_start(blur, monkeypatch):
    seen = []
    check = operators.check
    monkeypatch.setattr(operators, "check", lambda model: (seen.append(1), check(model)))
    model = onnx.load(blur)
    model.doc_string = "a file of this test alone"
    blur.write_bytes(model.SerializeToString())
    opened = Session(blur)
    for depth in (np.uint8, np.uint16):
        opened(np.zeros((4, 4, 3), depth) + np.arange(4, dtype=depth)[:, None, None] * 20)
    Session(blur)
    assert seen == [1]


def test_a_file_that_changes_while_it_is_read_is_refused(blur):
    with pytest.raises(ModelError, match=r"model\.onnx: changed while it was read"):
        scan.load(blur, "0" * 64)


def test_seventy_megabytes_take_no_time(tmp_path):
    weights = np.zeros(35 * 2**20, np.float16)
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    path = models.save(tmp_path / "large.onnx", nodes, Contract("none"), w=weights)
    model = onnx.load(path)
    start = time.process_time()
    scan.check(model)
    assert time.process_time() - start < 1  # 0.1 where it was written

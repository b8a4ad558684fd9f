"""Laws of strangers' graphs: what they take and give is found out, or asked for, never guessed."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from foreign_graphs import BYTES, SIGNED, UNIT, Curve, Line, end
from gantool.api.probes import probes
from gantool.errors import ModelError
from gantool.runtime import finding, foreign_graph, graphs, scan

CURVES = {
    "as ours": Curve(),
    "old": Curve(opset=11),
    "new": Curve(opset=18),
    "bytes": Curve(taken=BYTES, given=BYTES),
    "signed": Curve(taken=SIGNED, given=SIGNED),
    "signed to unit": Curve(taken=SIGNED),
    "unit to bytes": Curve(given=BYTES),
    "channels last": Curve(layout="nhwc", taken=BYTES, given=BYTES),
    "halves": Curve(kind="half"),
    "integers": Curve(kind="uint8", taken=BYTES, given=BYTES, layout="nhwc"),
    "one size announced": Curve(size=(64, 64)),
    "one size alone": Curve(size=(48, 80), baked=True, layout="nhwc"),
}


def found(path: Path, **told: str) -> finding.Found:
    model = foreign_graph.plain(scan.load(path, oldest=7))
    return finding.find(model, probes(), **told)[0]


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_ends_and_sizes_are_those_of_the_graph(curve, tmp_path):
    seen = found(curve.save(tmp_path / "x.onnx"))
    assert (seen.layout, seen.taken, seen.given) == (curve.layout, curve.taken, curve.given)
    assert (seen.scale, seen.multiple, seen.align) == (2, 1, 1)
    assert seen.window == (curve.size if curve.baked else (0, 0))
    assert seen.batch == (1 if curve.baked else 0)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_with_our_ends_it_gives_the_same_picture(curve, tmp_path):
    path = curve.save(tmp_path / "x.onnx")
    model = foreign_graph.plain(scan.load(path, oldest=7))
    seen, ours = finding.find(model, probes())
    scan.check(ours)
    frame = finding.part(probes()[1], seen)
    (result,) = graphs.Graph(ours, "nchw").run(graphs.floats(frame, seen.taken))
    low, high = seen.taken
    levels = np.clip((result - low) / (high - low) * 255, 0, 255)
    assert np.abs(levels - curve.levels(frame)).max() <= (0.51 if curve.kind == "uint8" else 0.2)
    (theirs, *_) = finding.results(path, seen, [probes()[1]])
    assert np.abs(levels - theirs).max() <= 0.5


def blocks(path: Path) -> Path:
    """Means of 4×4 in blocks: another picture where the grid lies otherwise."""
    line = Line()
    line.add("AveragePool", kernel_shape=[4, 4], strides=[4, 4])
    line.add("Resize", None, np.array([1, 1, 4, 4], np.float32), mode="nearest")
    return line.save(path, end("input"), end("output"))


def test_strides_are_found(tmp_path):
    seen = found(blocks(tmp_path / "x.onnx"))
    assert (seen.multiple, seen.align, seen.minimum, seen.scale) == (4, 4, 4, 1)


def test_ranges_that_make_no_difference_are_not_asked_for(tmp_path):
    line = Line()
    line.add("Mul", 1.0)
    assert found(line.save(tmp_path / "x.onnx", end("input"), end("output"))).taken == UNIT


def brighter(path: Path) -> Path:
    """By a hundredth: much of 0..1, nothing of 0..255."""
    line = Line()
    line.add("Add", 0.01)
    return line.save(path, end("input"), end("output"))


def negative(path: Path) -> Path:
    line = Line()
    line.add("Mul", -1.0)
    line.add("Add", 1.0)
    return line.save(path, end("input"), end("output"))


def either(path: Path) -> Path:
    """Of three pixels and as many channels: it takes both layouts."""
    line = Line()
    line.add("Mul", 1.0)
    return line.save(path, end("input", "n", "a", "b", "c"), end("output", "n", "a", "b", "c"))


def grey(path: Path) -> Path:
    line = Line()
    line.add("Mul", 1.0)
    return line.save(path, end("input", "n", 1, "h", "w"), end("output", "n", 1, "h", "w"))


def whole_numbers(path: Path) -> Path:
    line = Line()
    line.add("Mul", np.array(1))
    kind = TensorProto.INT64
    return line.save(path, end("input", kind=kind), end("output", kind=kind))


def half_as_large_again(path: Path) -> Path:
    line = Line()
    line.add("Resize", None, np.array([1, 1, 1.5, 1.5], np.float32), mode="nearest")
    return line.save(path, end("input"), end("output"))


def vector(path: Path) -> Path:
    line = Line()
    line.add("GlobalAveragePool")
    return line.save(path, end("input"), end("output", "n", 3, 1, 1))


REFUSED = {
    brighter: "both look right: add --range 0..1, 0..255, -1..1",
    negative: "another picture than it takes in every range: add --range",
    either: "add --layout nchw or nhwc",
    grey: "takes float ?×1×?×?, not 3 channels",
    whole_numbers: "takes int64 ?×3×?×?, not pictures of float32, float16 or uint8",
    half_as_large_again: "gives 96×96 of 64×64, which is no whole enlargement",
    vector: "gives 1×1 of 64×64",
}


@pytest.mark.parametrize(("make", "said"), REFUSED.items(), ids=lambda each: str(each)[:20])
def test_what_cannot_be_told_is_asked_for(make, said, tmp_path):
    with pytest.raises(ModelError) as refusal:
        found(make(tmp_path / "x.onnx"))
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_told_is_not_asked_for(tmp_path):
    assert found(brighter(tmp_path / "x.onnx"), taken="0..255").taken == BYTES
    assert found(negative(tmp_path / "x.onnx"), taken="0..1").taken == UNIT
    assert found(either(tmp_path / "x.onnx"), layout="nhwc").layout == "nhwc"

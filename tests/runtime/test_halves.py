"""Laws of float16: taken for 8-bit pictures where it is as good, never for deeper ones."""

import itertools
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator

import models
from gantool.errors import ItemError
from gantool.runtime import halves, pixel_io
from gantool.runtime.contract import Contract
from gantool.runtime.opened import Opened, OutOfMemoryError
from gantool.runtime.providers import CPU
from gantool.runtime.session import LEAST, Session, sha256

HALF = replace(CPU, precision="fp16")
"""The CPU, asked for halves: onnxruntime casts around what it cannot compute in them."""
FRAME = np.random.default_rng(0).integers(0, 256, (300, 280, 3), np.uint8)


def shared(path):
    """Two resizes by one constant, which a converter casts twice."""
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["z"], mode="nearest"),
        helper.make_node("Resize", ["z", "", "scales"], ["w"], mode="linear"),
        helper.make_node("Mul", ["w", "one"], ["y"]),
    ]
    scales = np.array([1, 1, 2, 2], np.float32)
    one = np.array(1, np.float32)
    return models.save(path, nodes, Contract("superres", scale=4, halo=1), scales=scales, one=one)


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided, shared])
def test_between_its_ends_all_is_float16(make, tmp_path):
    model = pixel_io.read_model(make(tmp_path / "model.onnx"))[0]
    half = halves.halved(model)
    onnx.checker.check_model(half)
    types = {
        each.name: each.type.tensor_type.elem_type
        for each in shape_inference.infer_shapes(half).graph.value_info
    }
    assert TensorProto.FLOAT16 in types.values()
    assert TensorProto.FLOAT not in types.values()
    ends = [half.graph.input[0], half.graph.output[0]]
    assert {each.type.tensor_type.elem_type for each in ends} == {TensorProto.FLOAT}


def test_it_computes_the_same_but_more_coarsely(tmp_path):
    path = models.wide_blur(tmp_path / "model.onnx", 2)
    x = np.random.default_rng(1).random((1, 3, 20, 20), np.float32)
    fine, coarse = (
        ReferenceEvaluator(make(pixel_io.read_model(path)[0])).run(None, {"x": x})[0]
        for make in (lambda model: model, halves.halved)
    )
    assert 1e-6 < np.abs(fine - coarse).max() < 2e-3


def test_a_session_takes_halves_for_8_bits_alone(tmp_path, monkeypatch):
    graphs: list[tuple[str, bool]] = []
    wrapped = pixel_io.wrapped

    def seen(path, digest, depth, *, half=False):
        graphs.append((depth, half))
        return wrapped(path, digest, depth, half=half)

    monkeypatch.setattr(pixel_io, "wrapped", seen)
    path = models.wide_blur(tmp_path / "model.onnx")
    session = Session(path, HALF, tile=64)
    for frame in (FRAME, FRAME.astype(np.uint16) * 257):
        difference = np.abs(session(frame).astype(int) - Session(path, tile=64)(frame))
        assert difference.max() <= 1
    mine = [each for each in graphs if each[1]]
    assert mine == [("uint8", True)]
    assert session.device == HALF


def test_halves_that_are_too_coarse_are_not_taken_and_it_is_said(tmp_path, monkeypatch):
    path, compared = models.bilinear(tmp_path / "model.onnx"), []
    monkeypatch.setattr(halves, "alike", lambda *given: bool(compared.append(given)))
    session = Session(path, HALF)
    for _ in range(3):
        assert np.array_equal(session(FRAME), Session(path)(FRAME))
    assert len(compared) == 1
    assert "float16 is too coarse" in str(session.device)
    assert session.device.precision == "fp32"


def test_alike_is_within_few_levels():
    fine = np.full((1, 8, 8, 3), 100, np.uint8)
    assert halves.alike(fine, fine)
    assert not halves.alike(fine + 1, fine)
    one = fine.copy()
    one[0, 0, 0, 0] += halves.MOST
    assert halves.alike(one, fine)
    one[0, 0, 0, 0] += 1
    assert not halves.alike(one, fine)


def short_of(pixels: int, monkeypatch):
    """Runs of more pixels than that fail; the sizes of all are kept."""
    sizes: list[int] = []
    outputs = Opened.outputs

    def limited(self, batch, **conditions):
        sizes.append(batch.shape[0] * batch.shape[1] * batch.shape[2])
        if sizes[-1] > pixels:
            raise OutOfMemoryError("more memory than there is")
        return outputs(self, batch, **conditions)

    monkeypatch.setattr(Opened, "outputs", limited)
    return sizes


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided])
def test_where_memory_is_short_tiles_are_halved_for_good_and_it_is_said(
    make, tmp_path, monkeypatch
):
    path = make(tmp_path / "model.onnx")
    wanted = Session(path)(FRAME).astype(int)
    sizes, session = short_of(200 * 200, monkeypatch), Session(path, tile=280)
    for _ in range(2):
        assert np.abs(session(FRAME).astype(int) - wanted).max() <= 1
    assert session.tile == 140
    assert sum(size > 200 * 200 for size in sizes) == 1
    assert str(session.device).count("memory is short") == 1
    assert "tiles of 140" in str(session.device)


def test_what_does_not_fit_in_any_tile_fails(tmp_path, monkeypatch):
    sizes = short_of(100, monkeypatch)
    session = Session(models.wide_blur(tmp_path / "model.onnx"))
    with pytest.raises(ItemError, match="more memory than there is"):
        session(FRAME)
    assert len(sizes) == len([*itertools.takewhile(lambda side: side >= LEAST, (280, 140, 70))])
    assert sha256(session.path) == session.sha256

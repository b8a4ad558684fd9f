"""Laws of the graph around the graph: pixels in, pixels out; other files are refused by name."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import models
from gantool import caches
from gantool.errors import ModelError
from gantool.runtime import pixel_io
from gantool.runtime.contract import Contract
from gantool.runtime.session import Session

RANGES = [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-2.5, 0.3)]
LEVELS = {np.uint8: 256, np.uint16: 65536}


def identity(path: Path, value_range: tuple[float, float] = (0.0, 1.0)) -> Path:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return models.save(path, nodes, Contract("none", value_range=value_range))


def affine(path: Path, factor: float, shift: float, **contract: object) -> Path:
    """y = factor·x + shift."""
    nodes = [
        helper.make_node("Mul", ["x", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["y"]),
    ]
    constants = {"factor": np.float32(factor), "shift": np.float32(shift)}
    return models.save(path, nodes, Contract("affine", **contract), **constants)


def every_level(depth: type) -> np.ndarray:
    """A frame in which every level of every channel comes once, channels in different orders."""
    levels = np.arange(LEVELS[depth], dtype=depth)
    channels = [levels, levels[::-1], np.roll(levels, 77)]
    return np.stack(channels, axis=-1).reshape(16, -1, 3)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_identity_gives_the_same_pixels(depth, value_range, tmp_path):
    session = Session(identity(tmp_path / "model.onnx", value_range))
    frame = every_level(depth)
    result = session(frame)
    assert result.dtype == depth
    assert np.array_equal(result, frame)


@pytest.mark.parametrize("value_range", RANGES)
def test_the_network_sees_the_value_range(value_range, tmp_path):
    low, high = value_range
    path = affine(tmp_path / "model.onnx", -1, low + high, value_range=value_range)
    frame = every_level(np.uint8)
    assert np.array_equal(Session(path)(frame), 255 - frame)


def test_results_are_rounded_not_cut(tmp_path):
    path = affine(tmp_path / "model.onnx", 1, 0.6 / 255)
    frame = np.full((2, 2, 3), 100, np.uint8)
    assert (Session(path)(frame) == 101).all()


@pytest.mark.parametrize(("shift", "wanted"), [(2.0, 255), (-2.0, 0)])
def test_results_beyond_the_range_are_clipped_not_wrapped(shift, wanted, tmp_path):
    path = affine(tmp_path / "model.onnx", 1, shift)
    assert (Session(path).run(every_level(np.uint8)[None]) == wanted).all()


def test_channels_and_axes_stay_in_place(tmp_path):
    nodes = [helper.make_node("Mul", ["x", "gain"], ["y"])]
    gain = np.array([1, 0.5, 0], np.float32).reshape(1, 3, 1, 1)
    path = models.save(tmp_path / "model.onnx", nodes, Contract("tint"), gain=gain)
    frame = np.zeros((2, 5, 3), np.uint8)
    frame[1, 3] = 200
    result = Session(path)(frame)
    assert result[1, 3].tolist() == [200, 100, 0]
    assert result.sum() == 300


def test_the_contract_travels_with_the_pixel_graph(tmp_path):
    model, contract = pixel_io.read_model(models.bilinear(tmp_path / "model.onnx", scale=3))
    assert contract == Contract("superres", scale=3, halo=1)
    onnx.checker.check_model(pixel_io.pixel_graph(model, contract, "uint16"))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, this is text\n", b"<!DOCTYPE html><html><body>404</body></html>", b'{"a": 1}'],
    ids=["empty", "text", "html", "json"],
)
@pytest.mark.parametrize("suffix", [".onnx", ".txt", ".json", ".onnxtxt", ".textproto", ""])
def test_other_files_are_refused_by_name(content, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"model{suffix}: not an ONNX model file"):
        Session(path)


def test_every_cut_of_a_model_is_refused(tmp_path):
    content = models.wide_blur(tmp_path / "model.onnx", radius=1).read_bytes()
    path = tmp_path / "cut.onnx"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.onnx"):
            pixel_io.read_model(path)


def outcome(path: Path) -> str:
    """What becomes of a file: nothing to say, or the error."""
    try:
        pixel_io.wrapped(path, hashlib.sha256(path.read_bytes()).hexdigest(), "uint8")
    except ModelError as error:
        return "" if path.name in str(error) else f"{error} does not name the file"
    except Exception as error:
        return repr(error)
    return ""


def test_damage_raises_model_errors_only(tmp_path):
    content = models.bilinear(tmp_path / "model.onnx").read_bytes()
    path, random = tmp_path / "damaged.onnx", np.random.default_rng(0)
    outcomes = set()
    for _ in range(1500):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] = random.integers(256)
        path.write_bytes(bytes(damaged))
        outcomes.add(outcome(path))
    assert outcomes == {""}


def test_a_model_without_a_contract_is_refused(tmp_path):
    path = models.bilinear(tmp_path / "model.onnx")
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"model\.onnx: no gantool contract"):
        Session(path)


def test_a_bad_contract_is_named_with_its_file(tmp_path):
    path = models.save(
        tmp_path / "model.onnx",
        [helper.make_node("Identity", ["x"], ["y"])],
        Contract("none", scale=0),
    )
    with pytest.raises(ModelError, match=r"model\.onnx: its contract gives scale 0"):
        Session(path)


def test_a_model_that_onnxruntime_refuses_is_named(tmp_path, capfd):
    nodes = [helper.make_node("NoSuchOperator", ["x"], ["y"])]
    path = models.save(tmp_path / "model.onnx", nodes, Contract("none"))
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime cannot open it"):
        Session(path)
    assert capfd.readouterr().out == ""  # standard output is for results


@pytest.mark.parametrize("kind", ["a file", "read-only"])
def test_no_cache_is_no_hindrance(kind, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    if kind == "a file":
        cache.write_text("in the way")
    else:
        cache.mkdir(mode=0o500)
        if os.access(cache, os.W_OK):
            pytest.skip("this user may write everywhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    frame = every_level(np.uint8)
    assert np.array_equal(Session(identity(tmp_path / "model.onnx"))(frame), frame)


def test_a_damaged_cache_is_no_hindrance(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path, frame = identity(tmp_path / "model.onnx"), every_level(np.uint8)
    Session(path)
    (kept,) = caches.folder("graphs").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert np.array_equal(Session(path)(frame), frame)


def test_a_changed_model_is_not_taken_from_the_cache(tmp_path):
    path = affine(tmp_path / "model.onnx", 1, 0)
    frame = every_level(np.uint8)
    Session(path)
    affine(path, -1, 1)
    assert np.array_equal(Session(path)(frame), 255 - frame)


@pytest.mark.parametrize("home", ["", "set"])
def test_where_the_cache_is(home, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path) if home else "")
    root = tmp_path if home else Path.home() / ".cache"
    assert caches.folder("graphs") == root / "gantool" / "graphs"

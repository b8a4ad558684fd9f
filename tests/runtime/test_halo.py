"""Law: the halo that is measured is the distance at which a pixel still has an influence."""

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import models
from gantool.api.probes import probes
from gantool.errors import ModelError
from gantool.runtime import halo, tiling
from gantool.runtime.contract import Contract
from gantool.runtime.halo import Reach


def convolution(path: Path, kernel: np.ndarray) -> Path:
    """Each channel by itself with a square `kernel`, zeros beyond the edge."""
    weights = np.broadcast_to(kernel, (3, 1, *kernel.shape)).astype(np.float32)
    pads = [len(kernel) // 2] * 4
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], group=3, pads=pads)]
    return models.save(path, nodes, Contract("filter"), w=weights)


def whole_mean(path: Path) -> Path:
    """Takes the mean of the frame off it, as normalisations do."""
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    return models.save(path, nodes, Contract("normalise"), axes=np.array([2, 3]))


def dead_unit(path: Path) -> Path:
    """A wide branch that gives nothing unless its sum is high, which a NaN is not."""
    kernel = np.full((3, 1, 11, 11), 1.0, np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["sum"], group=3, pads=[5] * 4),
        helper.make_node("Greater", ["sum", "threshold"], ["high"]),
        helper.make_node("Where", ["high", "sum", "nothing"], ["glow"]),
        helper.make_node("Add", ["x", "glow"], ["y"]),
    ]
    constants = {"threshold": np.float32(200), "nothing": np.float32(0)}
    return models.save(path, nodes, Contract("glow"), w=kernel, **constants)


def picky(path: Path, multiple: int) -> Path:
    """Folds rows into groups of `multiple` and back: fails on other heights."""
    nodes = [
        helper.make_node("Reshape", ["x", "folds"], ["folded"]),
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("Reshape", ["folded", "size"], ["y"]),
    ]
    return models.save(path, nodes, Contract("folds"), folds=np.array([-1, multiple, multiple]))


def one_pixel(size: int, at: int) -> np.ndarray:
    kernel = np.zeros((size, size))
    kernel[at, at] = 1
    return kernel


@pytest.mark.parametrize(
    ("make", "scale", "reach"),
    [
        (partial(models.bilinear, scale=2), 2, 1),
        (partial(models.bilinear, scale=4), 4, 1),
        (partial(models.wide_blur, radius=1), 1, 1),
        (partial(models.wide_blur, radius=7), 1, 7),
        (partial(models.wide_blur, radius=40), 1, 40),  # more than the smallest frame can show
        (partial(convolution, kernel=one_pixel(1, 0)), 1, 0),
        (partial(convolution, kernel=one_pixel(9, 4)), 1, 4),  # the outer weights are all zero
        (partial(convolution, kernel=one_pixel(9, 0)), 1, 4),
        (dead_unit, 1, 5),
    ],
)
def test_reach_is_that_of_the_network(make, scale, reach, tmp_path):
    path = make(tmp_path / "model.onnx")
    assert halo.measure(path, Contract("any", scale=scale)) == Reach(reach, whole=False)


def test_a_strided_network_is_tried_at_every_phase(tmp_path):
    """Windows of 8 every 4 pixels from −2, each filling a block of 4.

    Pixel 4j + 1 is the last in the window of block j − 1, which begins 5 pixels before it, and
    4j + 2 the first in that of block j + 1, which ends 5 after it; the other phases see 4.
    """
    path = models.strided(tmp_path / "model.onnx")
    assert halo.measure(path, Contract("blocks", align=4)) == Reach(5, whole=False)
    assert halo.measure(path, Contract("blocks")).halo < 5


def test_frames_are_of_sizes_that_the_network_takes(tmp_path):
    path = picky(tmp_path / "model.onnx", multiple=48)
    with pytest.raises(Exception, match="Reshape"):
        halo.measure(path, Contract("folds"))
    assert halo.measure(path, Contract("folds", multiple=48)) == Reach(0, whole=False)


def test_a_mean_over_the_frame_is_no_halo(tmp_path):
    path = whole_mean(tmp_path / "model.onnx")
    assert halo.measure(path, Contract("normalise")) == Reach(0, whole=True)


def test_a_wrong_scale_is_refused(tmp_path):
    path = models.bilinear(tmp_path / "model.onnx", scale=2)
    with pytest.raises(ModelError, match="gives 128 rows for 64, not 4 times"):
        halo.measure(path, Contract("superres", scale=4))


def test_the_float_graph_runs_as_it_is(tmp_path):
    path = convolution(tmp_path / "model.onnx", one_pixel(3, 1) * 2.5)
    batch = np.random.default_rng(0).random((3, 3, 5, 7), np.float32)
    assert halo.run_float(path, batch) == pytest.approx(batch * 2.5)


def fading(path: Path, length: float, reach: int = 90) -> Path:
    """Looks `reach` pixels far, at less and less: `length` is that of the decay."""
    at = np.abs(np.arange(-reach, reach + 1))
    row = np.exp(-at / length)
    row /= row.sum()
    weights = [
        np.broadcast_to(each, (3, 1, *each.shape)).astype(np.float32)
        for each in (row[None], row[:, None])
    ]
    nodes = [
        helper.make_node("Conv", ["x", "right"], ["z"], group=3, pads=[0, reach] * 2),
        helper.make_node("Conv", ["z", "down"], ["y"], group=3, pads=[reach, 0] * 2),
    ]
    return models.save(path, nodes, Contract("fade"), right=weights[0], down=weights[1])


def test_a_network_that_hardly_sees_what_is_far_gets_the_halo_that_pictures_need(tmp_path):
    path = fading(tmp_path / "model.onnx", length=6)
    reach = halo.measure(path, Contract("fade"), probes())
    assert not reach.whole
    assert 6 < reach.halo < halo.NEAR
    assert 0 < reach.beyond <= halo.FAINT
    contract = reach.within(Contract("fade"))
    assert contract.metrics == {"beyond_halo": round(reach.beyond, 3)}
    frame = np.tile(probes()[1], (2, 1, 1))

    def run(batch: np.ndarray) -> np.ndarray:
        floats = halo.run_float(path, np.concatenate([halo.as_batch(e, contract) for e in batch]))
        return np.round(halo.levels(floats, contract)).astype(np.uint8)

    whole, tiled = (tiling.tiled(frame, run, contract, tile) for tile in (None, 48))
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    near = dataclasses.replace(contract, halo=2)
    assert np.abs(whole.astype(int) - tiling.tiled(frame, run, near, 48)).max() > 1


def test_pictures_do_not_shorten_what_they_show(tmp_path):
    path = fading(tmp_path / "model.onnx", length=80)
    assert halo.measure(path, Contract("fade"), probes()) == Reach(90, whole=False)


def test_a_normalisation_is_whole_whatever_pictures_show(tmp_path):
    nodes = [helper.make_node("InstanceNormalization", ["x", "gain", "shift"], ["y"])]
    constants = {"gain": np.zeros(3, np.float32), "shift": np.ones(3, np.float32)}
    path = models.save(tmp_path / "model.onnx", nodes, Contract("even"), **constants)
    assert halo.measure(path, Contract("even"), probes()).whole


def test_halo_of_one_size_leaves_a_quarter(tmp_path):
    """Or what looks so far is whole; where it is faint there, pictures tell."""
    contract = Contract("any", window=(64, 64))
    near = models.wide_blur(tmp_path / "near.onnx", radius=24)
    assert halo.measure(near, contract, probes()) == Reach(24, whole=False)
    far = models.wide_blur(tmp_path / "far.onnx", radius=30)
    assert halo.measure(far, contract, probes()).whole
    faint = fading(tmp_path / "faint.onnx", length=2)
    assert 2 < halo.measure(faint, contract, probes()).halo <= 24


def test_the_float_graph_has_the_defaults_of_its_conditions(tmp_path):
    """One that has no default is 0."""
    conditions = {"gain": {"shape": [1], "default": 3.0}, "more": {"shape": [1]}}
    nodes = [
        helper.make_node("Mul", ["x", "gain"], ["much"]),
        helper.make_node("Add", ["much", "more"], ["y"]),
    ]
    path = models.save(tmp_path / "m.onnx", nodes, Contract("filter", conditions=conditions))
    model = onnx.load(path)
    for name in conditions:
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]))
    onnx.save(model, path)
    batch = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
    assert halo.run_float(path, batch) == pytest.approx(batch * 3)

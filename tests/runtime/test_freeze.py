"""Laws of held statistics: tiles equal the whole, films do not pump, memory stays bounded."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import skimage.data
import torch
from onnx import TensorProto, helper

import gantool
import models
from gantool.errors import ItemError
from gantool.export import to_onnx
from gantool.pipeline import SCENE
from gantool.runtime import freeze, session, tiling
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.providers import CPU
from gantool.runtime.session import Session
from gantool.training.networks.resnet import ResnetGenerator

RESNET = Contract("translate", multiple=4, align=4, minimum=16, value_range=(-1, 1))
REACH = {3: 36, 6: 60}
"""How far an output pixel of a ResnetGenerator looks, by its residual blocks."""


def clouds(height: int, width: int, depth: type = np.uint8) -> np.ndarray:
    """A picture with as much contrast at every scale, as real ones have, getting redder."""
    random = np.random.default_rng(height * 1000 + width)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    waves = np.fft.fft2(random.standard_normal((3, height, width))) / np.hypot(rows, columns).clip(
        1 / width
    )
    values = np.fft.ifft2(waves).real.transpose(1, 2, 0)
    values = values / values.std() * 0.15 + 0.5
    values[..., 0] += np.linspace(-0.3, 0.3, width)
    return (values.clip(0, 1) * np.iinfo(depth).max).astype(depth)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory) -> Callable[[int], Path]:
    """resnet(blocks): the model file of an untrained generator with that many, made once."""
    folder = tmp_path_factory.mktemp("resnets")

    def make(blocks: int) -> Path:
        path = folder / f"{blocks}.onnx"
        if not path.exists():
            torch.manual_seed(blocks)
            model = to_onnx(ResnetGenerator(channels=8, blocks=blocks).eval(), RESNET.multiple)
            contract = dataclasses.replace(RESNET, statistics="global")
            model.metadata_props.add(key=KEY, value=contract.to_json())
            path.write_bytes(model.SerializeToString())
        return path

    return make


def limited(path: Path, pixels: int) -> Session:
    """A session that may not run more than about `pixels` at once."""
    return Session(path, tile=int(pixels**0.5) - 2 * freeze.HALO)


def difference(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one.astype(float) - other) ** 2) / 255**2))


def tiles_of(path: Path, held_from: np.ndarray, halo: int = freeze.HALO) -> Callable:
    """A Predict in tiles of 128 pixels with the true statistics of a frame of any size."""
    held = Session(path, tile=None).frozen(held_from)
    contract = dataclasses.replace(held.contract, halo=halo)
    return lambda frame: tiling.tiled(frame, held._opened.run, contract, 128)


def test_on_a_device_tiles_have_one_shape_whatever_the_frames(resnet):
    there = dataclasses.replace(CPU, memory="cpu")  # its memory taken for that of a device
    path, tile, shapes = resnet(3), 64, []
    for size in [(300, 420), (260, 333)]:
        frame = clouds(*size)
        held = Session(path, there, tile).frozen(frame)
        run = held._opened.run
        held._opened.run = lambda batch, run=run: shapes.append(batch.shape) or run(batch)
        assert difference(held(frame), Session(path, tile=tile).frozen(frame)(frame)) <= 1
    assert len(set(shapes)) == 1 < len(shapes)


@pytest.mark.parametrize("blocks", [3, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [(256, 384), (150, 381)])
def test_tiles_with_the_frames_own_statistics_equal_the_whole(blocks, size, resnet):
    """Up to the very edge: there a tile ends where the frame ends."""
    path, frame = resnet(blocks), clouds(*size)
    whole = Session(path, tile=None)(frame)
    assert whole.std() > 10
    assert difference(tiles_of(path, frame)(frame), whole) <= 1
    assert difference(tiles_of(path, frame, halo=8)(frame), whole) > 20  # the law can be broken


def test_the_halo_is_more_than_three_blocks_need_and_six():
    assert REACH[3] < REACH[6] <= freeze.HALO


def test_no_seam_shows_in_a_frame_that_is_too_large(resnet):
    """Columns differ from their neighbours where tiles meet as much as anywhere."""
    path, frame = resnet(3), cv2.GaussianBlur(clouds(160, 512), (0, 0), 9)
    whole = Session(path, tile=None)
    naive = dataclasses.replace(whole.contract, statistics="local", halo=freeze.HALO)

    def seams(picture: np.ndarray) -> float:
        jumps = np.abs(np.diff(picture.astype(float), axis=1)).mean(axis=(0, 2))
        return float(jumps[63::64].mean() / jumps.mean())

    assert seams(tiling.tiled(frame, whole.run, naive, 64)) > 2
    assert seams(Session(path, tile=64)(frame)) < 1.1


def test_held_statistics_keep_a_pan_from_pumping(resnet):
    """The same things look the same in every frame, wherever in it they are.

    The camera moves by 8 pixels: a stride of 4 sees the same grid.
    """
    path, scene = resnet(3), clouds(160, 160 + 20 * 8)
    frames = [scene[:, left : left + 160] for left in range(0, 20 * 8, 8)]
    moving = Session(path)
    inner = slice(REACH[3] + 4, -REACH[3] - 4)

    def pumping(predict: Callable[[np.ndarray], np.ndarray]) -> int:
        results = [predict(frame)[inner] for frame in frames]
        return max(
            difference(before[:, 8:][:, inner], after[:, :-8][:, inner])
            for before, after in zip(results, results[1:], strict=False)
        )

    assert pumping(moving.frozen(frames[0])) <= 1
    assert pumping(moving) > 5


def test_frames_of_a_film_may_be_larger_than_what_they_were_measured_on(resnet):
    """Whole or in tiles, held statistics give one picture."""
    small, large = clouds(96, 96), clouds(200, 320)
    whole = Session(resnet(3), tile=None).frozen(small)
    cut = limited(resnet(3), 200 * 200).frozen(small)
    assert difference(whole(large), cut(large)) <= 1


@pytest.mark.parametrize(
    "share", [0.5, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.25, 0.8))]
)
def test_statistics_of_copies_come_near_and_their_trend_nearer(share, resnet, monkeypatch):
    frame = skimage.data.astronaut()[:400]
    path, pixels = resnet(3), share * 400 * 512
    whole = Session(path, tile=None)(frame)
    followed = limited(path, pixels)(frame)
    monkeypatch.setattr(freeze, "BEYOND", 1.0)
    plain = limited(path, pixels)(frame)
    assert psnr(followed, whole) > psnr(plain, whole) + 1 > 28


def test_a_frame_just_too_large_has_about_its_own_statistics():
    def record(frame: np.ndarray) -> freeze.Statistics:
        return ((frame.mean((0, 1)), frame.var((0, 1))),)

    frame = clouds(200, 300)
    true, near = (freeze.statistics_of(frame, record, RESNET, n) for n in (60000, 59500))
    np.testing.assert_allclose(near[0][0], true[0][0], rtol=0.001)
    np.testing.assert_allclose(near[0][1], true[0][1], rtol=0.04)


def test_the_trend_is_a_line_for_means_and_a_ratio_for_variances():
    far, near = (
        (np.full(1, m, np.float32), np.full(1, v, np.float32)) for m, v in ((1, 4), (3, 5))
    )
    ((mean, variance),) = freeze.extrapolated((near,), (far,), 0.5)
    np.testing.assert_allclose((mean[0], variance[0]), (4, 5 * 1.25**0.5), rtol=1e-6)


def test_a_pattern_too_fine_for_the_copies_is_not_followed_into_the_absurd():
    far = ((np.zeros(2, np.float32), np.array([0, 1e-3], np.float32)),)
    near = ((np.zeros(2, np.float32), np.array([1, 1e-9], np.float32)),)
    ((_, variance),) = freeze.extrapolated(near, far, 1.0)
    np.testing.assert_allclose(variance, [freeze.MOST, 1e-9 / freeze.MOST], rtol=1e-6)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(170, 200), (31, 900)])
def test_no_more_is_run_at_once_than_the_limit(size, depth, resnet, monkeypatch):
    seen: list[int] = []
    outputs = session.Opened.outputs

    def watched(self: session.Opened, batch: np.ndarray, **conditions: object) -> list:
        seen.append(batch.shape[1] * batch.shape[2])
        return outputs(self, batch, **conditions)

    monkeypatch.setattr(session.Opened, "outputs", watched)
    result = Session(resnet(3), tile=32)(clouds(*size, depth))
    assert (result.shape, result.dtype) == ((*size, 3), depth)
    assert max(seen) <= (32 + 2 * freeze.HALO) ** 2 < size[0] * size[1]


def test_auto_cuts_from_two_million_pixels_on(resnet, monkeypatch):
    assert 1920 * 1088 <= session.WHOLE <= 1920 * 1200
    monkeypatch.setattr(session, "WHOLE", 200 * 200)
    frames = clouds(200, 200), clouds(200, 208)
    whole, auto = Session(resnet(3), tile=None), Session(resnet(3))
    assert np.array_equal(auto(frames[0]), whole(frames[0]))
    assert not np.array_equal(auto(frames[1]), whole(frames[1]))


def test_16_bit_means_the_same(resnet):
    frame = clouds(150, 160)
    deep = frame.astype(np.uint16) * 257
    cut = Session(resnet(3), tile=64)
    assert difference(cut(frame), (cut(deep) / 257).round()) <= 1
    held = cut.frozen(frame)  # the depth of the film need not be that of the frame
    assert difference(held(frame), (held(deep) / 257).round()) <= 1


def test_four_threads_give_what_one_gives(tmp_path):
    frames = [clouds(100, 120), clouds(180, 160), clouds(100, 120, np.uint16)] * 4
    cut = Session(network(tmp_path / "model.onnx", [standardised()]), tile=16)
    held = cut.frozen(frames[0])
    for predict in (cut, held, gantool.frozen(cut, frames[1])):
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(predict, frames))
        for frame, result in zip(frames, together, strict=True):
            assert np.array_equal(result, predict(frame))


def network(path: Path, nodes: list[onnx.NodeProto], **constants: object) -> Path:
    """A model file of `nodes` that says it normalises over the frame."""
    constants = {"ones": np.ones(3, np.float32), "zeros": np.zeros(3, np.float32)} | constants
    return models.save(path, nodes, Contract("any", statistics="global"), **constants)


def standardised(given: str = "x", result: str = "y") -> onnx.NodeProto:
    return helper.make_node(
        "InstanceNormalization", [given, "ones", "zeros"], [result], epsilon=0.02
    )


def test_the_recorder_finds_mean_and_variance_and_changes_nothing(tmp_path):
    plain = Session(network(tmp_path / "model.onnx", [standardised()]))
    frame = clouds(40, 56)
    recorder = plain._of(lambda depth: freeze.recorder(plain._opened.graph(depth)))
    picture, outputs = recorder.outputs(frame[None])
    assert difference(picture[0], plain(frame)) <= 1
    ((mean, variance),) = freeze.as_statistics(outputs)
    np.testing.assert_allclose(mean, (frame / 255).mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, (frame / 255).var((0, 1)), rtol=1e-4)


def test_normalisations_of_groups_are_held_too(tmp_path):
    """As torch exports them: every group a row."""
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["grouped"]),
        helper.make_node("InstanceNormalization", ["grouped", "one", "half"], ["normal"]),
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("Reshape", ["normal", "size"], ["y"]),
    ]
    constants = {"one": np.full(1, 0.2, np.float32), "half": np.full(1, 0.5, np.float32)}
    path = network(tmp_path / "model.onnx", nodes, rows=np.array([0, 1, -1]), **constants)
    frame = clouds(90, 70)
    whole = Session(path)(frame)
    assert whole.std() > 10
    assert difference(tiles_of(path, frame)(frame), whole) <= 1


@pytest.mark.parametrize("opset", [18, 20, 22])
def test_later_operator_sets(opset, tmp_path):
    path = network(tmp_path / "model.onnx", [standardised()])
    model = onnx.load(path)
    model.opset_import[0].version = opset
    onnx.save(model, path)
    frame = clouds(40, 56)
    assert difference(Session(path).frozen(frame)(frame), Session(path)(frame)) <= 1


def conditional(path: Path) -> Path:
    """A model with a further input, `gain`."""
    nodes = [helper.make_node("Mul", ["x", "gain"], ["louder"]), standardised("louder")]
    model = onnx.load(network(path, nodes))
    model.graph.input.append(helper.make_tensor_value_info("gain", TensorProto.FLOAT, [1]))
    contract = Contract("any", statistics="global", conditions={"gain": {}})
    model.metadata_props[0].value = contract.to_json()
    onnx.save(model, path)
    return path


def test_statistics_are_taken_under_the_conditions_that_are_given(tmp_path):
    path = conditional(tmp_path / "model.onnx")
    plain, frame = Session(path, tile=16), clouds(50, 60)
    loud, soft = ({"gain": np.full(1, gain, np.float32)} for gain in (3, 0.3))
    held = gantool.frozen(plain, frame, **loud)
    assert difference(held(frame, **loud), plain(frame, **loud)) <= 1
    assert difference(held(frame, **soft), plain(frame, **soft)) > 20
    large = clouds(200, 220)
    assert plain(large, **loud).shape == large.shape


def test_a_model_with_local_statistics_has_nothing_to_hold(tmp_path):
    local = Session(models.bilinear(tmp_path / "x2.onnx"))
    assert gantool.frozen(local, clouds(20, 20)) is local


def test_a_plain_function_has_nothing_to_hold():
    def inverted(frame: gantool.Frame) -> gantool.Frame:
        return 255 - frame

    assert gantool.frozen(inverted, clouds(20, 20)) is inverted


def test_a_model_that_cannot_be_cut_says_so_where_it_must_be(tmp_path):
    nodes = [
        standardised(result="normal"),
        helper.make_node("GlobalAveragePool", ["normal"], ["mean"]),
        helper.make_node("Add", ["normal", "mean"], ["y"]),
    ]
    path = network(tmp_path / "attentive.onnx", nodes)
    cut, small, large = Session(path, tile=16), clouds(140, 140), clouds(150, 140)
    assert difference(cut.frozen(small)(small), cut(small)) <= 1
    line = (
        r"attentive\.onnx: 140×150 is too large for one piece, and GlobalAveragePool .*--tile off"
    )
    for attempt in (cut, cut.frozen(small), lambda frame: cut.frozen(frame)):
        with pytest.raises(ItemError, match=line):
            attempt(large)
    assert Session(path, tile=None)(large).shape == large.shape


def test_what_looks_at_sizes_and_conditions_only_can_be_cut(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("ReduceMax", ["size"], ["longest"]),
        helper.make_node("MatMul", ["zeros", "ones"], ["nothing"]),
        helper.make_node("Add", ["x", "nothing"], ["sum"]),
        standardised("sum"),
    ]
    path = network(tmp_path / "model.onnx", nodes)
    assert freeze.obstacles(Session(path)._opened.graph("uint8")) == []


def test_the_cache_holds_no_statistics(tmp_path, monkeypatch):
    """They are of one picture; what is kept is of the model."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = network(tmp_path / "model.onnx", [standardised()])
    first, second = clouds(40, 40), clouds(60, 60)
    results = [Session(path).frozen(frame)(first) for frame in (first, second, first)]
    assert np.array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[1])
    assert len(list((tmp_path / "cache").rglob("*.graph"))) == 1


def film(count: int) -> list[np.ndarray]:
    """Frames of one scene that fades by a third."""
    frame = clouds(80, 96)
    return [(frame * (1 - 0.33 * step / (count - 1))).astype(np.uint8) for step in range(count)]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_steady_still_is_its_plain_result(depth, resnet):
    plain, frame = Session(resnet(3)), clouds(90, 110, depth)
    steady = gantool.steady(plain, {})
    for _ in range(4):
        assert difference(steady(frame), plain(frame)) <= np.iinfo(depth).max // 255


def test_a_scene_begins_with_its_frames_own_statistics(resnet):
    """Once what is known of a scene is forgotten; before that it goes a tenth of the way."""
    plain, memory = Session(resnet(3)), {}
    one, other = film(2)
    steady = gantool.steady(plain, memory)
    assert difference(steady(one), plain.frozen(one)(one)) <= 1
    assert difference(steady(other), plain.frozen(other)(other)) > 5
    memory.clear()
    assert difference(steady(other), plain.frozen(other)(other)) <= 1


def test_steady_statistics_follow_a_fade_without_jumps(tmp_path):
    """Each step goes a tenth of the way to the frame's own."""
    path = network(tmp_path / "model.onnx", [standardised()])
    memory: dict[str, np.ndarray] = {}
    steady, frames = gantool.steady(Session(path), memory), film(30)
    mean, results = (frames[0] / 255).mean((0, 1)), []
    for frame in frames:
        mean = mean + 0.1 * ((frame / 255).mean((0, 1)) - mean)
        results.append(steady(frame))
        (found,) = (values for name, values in memory.items() if "mean" in name)
        np.testing.assert_allclose(found.ravel(), mean, rtol=1e-4)
    steps = np.diff([float(each.mean()) for each in results])
    assert np.abs(np.diff(steps)).max() < 1.5
    assert difference(results[-1], Session(path)(frames[-1])) > 5  # so they do lag


def test_steady_statistics_never_lag_far_where_a_picture_comes_up_from_black(resnet):
    """A variance of black would blow the first frames up."""
    plain, frame = Session(resnet(3)), clouds(80, 96)
    steady = gantool.steady(plain, {})
    steady(np.full_like(frame, 3))
    for step in range(1, 6):
        risen = (frame * (step / 5)).astype(np.uint8)
        assert steady(risen).std() < 2 * plain(risen).std()


def test_a_steady_film_goes_on_from_its_memory_bit_for_bit(resnet, tmp_path):
    frames, memory = film(6), {}
    straight = list(map(gantool.steady(Session(resnet(3)), {}), frames))
    begun = gantool.steady(Session(resnet(3)), memory)
    results = [begun(frame) for frame in frames[:3]]
    assert all(name.startswith(SCENE) for name in memory)
    np.savez(tmp_path / "memory.npz", **memory)
    with np.load(tmp_path / "memory.npz") as kept:
        resumed = gantool.steady(Session(resnet(3)), dict(kept))
    results += [resumed(frame) for frame in frames[3:]]
    for one, other in zip(straight, results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frames_too_large_for_one_piece_have_the_statistics_of_the_first(resnet):
    """Also where a film goes on from its memory."""
    cut, memory = limited(resnet(3), 200 * 200), {}
    one, other = clouds(200, 320), clouds(208, 320)
    held, steady = cut.frozen(one), gantool.steady(cut, memory)
    np.testing.assert_array_equal(steady(one), held(one))
    np.testing.assert_array_equal(steady(other), held(other))
    resumed = gantool.steady(cut, {name: values.copy() for name, values in memory.items()})
    np.testing.assert_array_equal(resumed(other), held(other))
    memory.clear()
    np.testing.assert_array_equal(steady(other), cut.frozen(other)(other))


def test_two_models_share_the_memory_of_a_film(resnet, tmp_path):
    paths = resnet(3), network(tmp_path / "model.onnx", [standardised()])
    frames = film(3)
    alone = [gantool.steady(Session(path), {}) for path in paths]
    memory: dict[str, np.ndarray] = {}
    together = [gantool.steady(Session(path), memory) for path in paths]
    for frame in frames:
        for one, both in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one(frame), both(frame))


def test_steady_statistics_are_taken_under_the_conditions_that_are_given(tmp_path):
    path = conditional(tmp_path / "model.onnx")
    plain, frame = Session(path), clouds(50, 60)
    loud = {"gain": np.full(1, 3, np.float32)}
    assert difference(gantool.steady(plain, {})(frame, **loud), plain(frame, **loud)) <= 1


def test_what_has_no_statistics_is_steady_as_it_is(tmp_path):
    local = Session(models.bilinear(tmp_path / "x2.onnx"))
    for predict in (local, np.copy):
        assert gantool.steady(predict, {}) is predict


@pytest.mark.parametrize("frame", [None, np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_frame_is_an_item_error(frame, tmp_path):
    plain = Session(network(tmp_path / "model.onnx", [standardised()]))
    with pytest.raises(ItemError, match=r"model\.onnx: "):
        plain.frozen(clouds(20, 20))(frame)
    with pytest.raises(ItemError, match=r"model\.onnx: "):
        plain.frozen(frame)

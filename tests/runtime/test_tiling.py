"""Law: a frame cut into tiles gives what the whole frame gives."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from gantool.runtime import tiling
from gantool.runtime.contract import Contract
from gantool.runtime.providers import CPU
from gantool.runtime.session import Session

SIZES = [(1, 1), (1, 7), (5, 3), (37, 53), (64, 64), (129, 131)]
THERE = replace(CPU, memory="cpu")
"""Its memory taken for that of a device."""


def picture(height: int, width: int, depth: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(
        0, np.iinfo(depth).max, (height, width, 3), depth, endpoint=True
    )


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided])
@pytest.mark.parametrize("tile", [5, 16, 50])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("device", [CPU, THERE], ids=["cpu", "there"])
def test_tiled_equals_whole(make, tile, size, device, tmp_path):
    path = make(tmp_path / "model.onnx")
    frame = picture(*size)
    whole = Session(path, tile=None)(frame).astype(int)
    tiles = Session(path, device, tile)(frame).astype(int)
    assert np.abs(whole - tiles).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_tiled_equals_whole_in_16_bit(size, tmp_path):
    path = models.wide_blur(tmp_path / "model.onnx")
    frame = picture(*size, np.uint16)
    whole = Session(path, tile=None)(frame)
    tiles = Session(path, tile=16)(frame)
    assert whole.dtype == tiles.dtype == np.uint16
    assert np.abs(whole.astype(int) - tiles.astype(int)).max() <= 15


@pytest.mark.parametrize("tile", [None, 16])
def test_bilinear_model_is_bilinear_interpolation(tile, tmp_path):
    frame = picture(37, 53)
    ours = Session(models.bilinear(tmp_path / "model.onnx"), tile=tile)(frame)
    theirs = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    inner = (slice(2, -2), slice(2, -2))  # at the very edge the model has zeros and OpenCV repeats
    assert np.abs(ours[inner].astype(int) - theirs[inner].astype(int)).max() <= 1


def test_too_small_a_halo_shows(tmp_path):
    """The law's own test: without the halo the tiles do not fit together."""
    path = models.wide_blur(tmp_path / "model.onnx")
    frame = picture(64, 64)
    right = Session(path, tile=None)
    run = right.run
    whole = tiling.tiled(frame, run, right.contract, None).astype(int)
    wrong = tiling.tiled(frame, run, Contract("blur", halo=2), 16).astype(int)
    assert np.abs(whole - wrong).max() > 10


def test_tiles_are_equal_and_aligned():
    rows = tiling.cut(1000, 300, Contract("x", align=4, halo=5, multiple=16))
    assert (rows.core % 4, rows.halo, rows.read % 16) == (0, 8, 0)
    assert rows.core * rows.count >= 1000 > rows.core * (rows.count - 1)
    assert rows.read >= rows.core + 2 * rows.halo


def test_on_a_device_tiles_have_one_shape_whatever_the_frames(tmp_path):
    session, shapes = Session(models.strided(tmp_path / "model.onnx"), THERE, 32), []
    run = session._opened.run
    session._opened.run = lambda batch: shapes.append(batch.shape) or run(batch)
    for size in [(41, 99), (64, 57), (200, 43), (33, 300)]:
        session(picture(*size))
    assert set(shapes) == {(1, 40, 40, 3)}
    shapes.clear()
    session(picture(38, 40))
    assert shapes == [(1, 40, 40, 3)]  # one reads it all


@pytest.mark.parametrize("length", [1, 15, 16, 33, 34, 35, 99, 100, 257])
@pytest.mark.parametrize("tile", [None, 16, 50])
@pytest.mark.parametrize("alike", [False, True])
def test_pieces_stay_within_the_frame_and_what_sizes_demand(length, tile, alike):
    contract = Contract("x", align=4, halo=9, multiple=8, minimum=16)
    axis = tiling.cut(length, tile, contract, alike=alike)
    assert axis.core * axis.count >= length > axis.core * (axis.count - 1)
    end = max(-(-length // 8) * 8, 16)
    for index in range(axis.count):
        start, kept = axis.start(index), axis.kept(index)
        assert 0 <= start <= start + axis.read <= end
        assert (start % 4, axis.read % 8) == (0, 0)
        assert start <= max(kept.start - 9, 0)
        assert start + axis.read >= min(kept.stop + 9, end)


def test_a_frame_in_one_piece_is_padded_to_what_sizes_demand():
    contract = Contract("x", multiple=8, minimum=16, statistics="global")
    frame = picture(9, 21)
    piece = tiling.in_one_piece(frame, contract)
    assert piece.shape == (1, 16, 24, 3)
    assert np.array_equal(piece[0, :9, :21], frame)
    assert np.array_equal(piece[0, 9:16, :21], frame[1:8][::-1])


def test_reflection_repeats_no_edge():
    assert tiling.mirrored(np.arange(-4, 8), 3).tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert tiling.mirrored(np.arange(-2, 3), 1).tolist() == [0] * 5


def test_same_graph_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = models.bilinear(tmp_path / "model.onnx")
    Session(path)
    kept: list[Path] = list((tmp_path / "cache").rglob("*.graph"))
    stamp = kept[0].stat().st_mtime_ns
    Session(path)
    assert [file.stat().st_mtime_ns for file in kept] == [stamp]


@pytest.mark.parametrize("size", [(1, 1), (20, 33), (48, 80), (131, 97)])
def test_a_network_of_one_size_sees_that_alone_and_gives_the_whole(size, tmp_path):
    """But where a frame is smaller, and what is beyond its edges is its mirror image."""
    contract = Contract("blur", halo=7, window=(48, 80))
    session = Session(models.wide_blur(tmp_path / "blur.onnx", radius=7), tile=None)
    frame, seen = picture(*size), set()

    def run(batch: np.ndarray) -> np.ndarray:
        seen.add(batch.shape)
        return session.run(batch)

    tiled = tiling.tiled(frame, run, contract, None)
    alike = tuple(
        slice(n if n >= m else max(n - 7, 0)) for n, m in zip(size, (48, 80), strict=True)
    )
    assert tiled.shape == frame.shape
    assert np.abs(tiled[alike].astype(int) - session(frame)[alike]).max(initial=0) <= 1
    assert seen == {(1, 48, 80, 3)}

"""Laws of a session: a function of frames, from any number of threads."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

import models
from gantool.errors import ItemError, ModelError
from gantool.runtime.contract import Contract
from gantool.runtime.session import Session, sha256


def picture(height: int, width: int, depth: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(height * 1000 + width)
    return random.integers(0, np.iinfo(depth).max, (height, width, 3), depth, endpoint=True)


FRAMES = [
    picture(height, width, depth)
    for height, width in [(1, 1), (9, 40), (33, 21), (64, 64), (50, 70)]
    for depth in (np.uint8, np.uint16)
] * 4


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided])
def test_four_threads_give_what_one_gives(make, tmp_path):
    path = make(tmp_path / "model.onnx")
    alone = Session(path, tile=16)
    wanted = [alone(frame) for frame in FRAMES]
    session, start = Session(path, tile=16), threading.Barrier(4)

    def run(offset: int) -> list[np.ndarray]:
        start.wait()  # all open their first graph at once
        return [session(frame) for frame in FRAMES[offset::4]]

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(run, range(4)))
    for offset, part in enumerate(parts):
        for mine, right in zip(part, wanted[offset::4], strict=True):
            assert mine.dtype == right.dtype
            assert np.array_equal(mine, right)


def test_the_input_is_left_alone(tmp_path):
    frame = picture(40, 30)
    before = frame.copy()
    Session(models.bilinear(tmp_path / "model.onnx"), tile=16)(frame)
    assert np.array_equal(frame, before)


def test_frames_of_any_layout_in_memory(tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"), tile=16)
    frame = picture(30, 40)
    wanted = session(frame)
    assert np.array_equal(session(np.asfortranarray(frame)), wanted)
    assert np.array_equal(session(frame[:, ::-1][:, ::-1]), wanted)
    frame.flags.writeable = False
    assert np.array_equal(session(frame), wanted)


def test_depth_is_kept_and_means_the_same(tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"))
    shallow = picture(20, 30)
    deep = session(shallow.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - session(shallow)).max() <= 0.51


def test_a_batch_is_its_frames(tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"))
    batch = np.stack([picture(12, 8), picture(12, 8)[::-1], picture(12, 8) // 2])
    together = session.run(batch)
    for index in range(3):
        assert np.array_equal(together[index], session.run(batch[index : index + 1])[0])


def test_a_model_with_global_statistics_is_run_whole_where_it_fits(tmp_path):
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["centred"]),
        helper.make_node("Add", ["centred", "half"], ["y"]),
    ]
    contract = Contract("normalise", statistics="global")
    constants = {"axes": np.array([2, 3]), "half": np.float32(0.5)}
    path = models.save(tmp_path / "model.onnx", nodes, contract, **constants)
    frame = picture(60, 60) // 2
    assert np.array_equal(Session(path, tile=16)(frame), Session(path, tile=None)(frame))


def test_the_contract_is_that_of_the_file(tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx", scale=3))
    assert session.contract == Contract("superres", scale=3, halo=1)


def test_the_hash_is_that_of_the_file(tmp_path):
    path = models.bilinear(tmp_path / "model.onnx")
    assert Session(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == sha256(path)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(kind, tmp_path):
    path: Path = tmp_path / "model.onnx"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be read"):
        Session(path)


def test_a_picture_is_needed(tmp_path):
    with pytest.raises(ItemError, match=r"model\.onnx: this model needs a picture"):
        Session(models.bilinear(tmp_path / "model.onnx"))(None)


def test_a_condition_that_it_has_not_is_the_failure_of_that_item(tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"))
    with pytest.raises(ItemError, match="takes no age"):
        session(picture(8, 8), age=np.zeros(1, np.float32))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_frame_is_an_item_error(shape, tmp_path):
    session = Session(models.bilinear(tmp_path / "x2.onnx"))
    with pytest.raises(ItemError, match=r"x2\.onnx: needs H×W×3"):
        session(np.zeros(shape, np.uint8))

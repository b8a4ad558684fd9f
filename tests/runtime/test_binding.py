"""Laws of buffers on a device, on the CPU's own memory: the same results, nothing made twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import models
from gantool.runtime import binding, opened
from gantool.runtime.providers import CPU
from gantool.runtime.session import Session

THERE = replace(CPU, memory="cpu")
"""The CPU, its memory taken for that of a device."""


def picture(height: int, width: int, depth: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(height * 1000 + width)
    return random.integers(0, np.iinfo(depth).max, (height, width, 3), depth, endpoint=True)


FRAMES = [
    picture(*size, depth)
    for size in [(40, 60), (33, 21), (40, 60), (7, 7), (64, 64), (9, 90)]
    for depth in (np.uint8, np.uint16)
]


@pytest.fixture
def made(monkeypatch):
    """The sets of buffers that are made."""
    sets: list[object] = []
    make = binding.Buffers._made

    def counting(self, given):
        sets.append(make(self, given))
        return sets[-1]

    monkeypatch.setattr(binding.Buffers, "_made", counting)
    return sets


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided])
def test_results_are_those_without_buffers(make, tmp_path):
    path = make(tmp_path / "model.onnx")
    plain, bound = (Session(path, device, tile=16) for device in (CPU, THERE))
    for frame in FRAMES:
        assert np.array_equal(bound(frame), plain(frame))


def test_pictures_of_one_size_go_through_one_set(made, tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"), THERE, tile=None)
    results = [session(picture(20, 30) // (1 + number)) for number in range(5)]
    assert len(made) == 1
    assert len({result.tobytes() for result in results}) == 5  # each has memory of its own


def test_few_sets_are_kept(made, tmp_path):
    session = Session(models.bilinear(tmp_path / "model.onnx"), THERE, tile=None)
    for side in range(8, 8 + 3 * binding.KEPT):
        session(picture(side, side))
    (buffers,) = session._opened._buffers.values()
    assert len(buffers._sets) == binding.KEPT
    session(picture(side, side))
    assert len(made) == 3 * binding.KEPT


def test_threads_do_not_share_a_set(tmp_path):
    path = models.wide_blur(tmp_path / "model.onnx")
    wanted = [Session(path, tile=16)(frame) for frame in FRAMES]
    session = Session(path, THERE, tile=16)
    with ThreadPoolExecutor(4) as pool:
        for result, right in zip(pool.map(session, FRAMES * 4), wanted * 4, strict=True):
            assert np.array_equal(result, right)


def test_conditions_and_what_else_a_graph_gives_go_the_same_way(tmp_path):
    path = models.bilinear(tmp_path / "model.onnx")
    graph = Session(path, THERE)._opened
    pixels = picture(8, 8)[None]
    (result, others), wanted = graph.outputs(pixels), Session(path)._opened.run(pixels)
    assert np.array_equal(result, wanted)
    assert others == []


def test_a_large_run_on_the_host_is_written_into_our_own_memory(tmp_path, monkeypatch):
    path, frame = models.bilinear(tmp_path / "model.onnx"), picture(40, 60)
    wanted = Session(path)(frame)
    monkeypatch.setattr(opened, "LARGE", 10)
    assert np.array_equal(Session(path)(frame), wanted)

"""Laws of batches: each thread gets what it would have got alone, whatever ran beside it."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import models
from gantool.errors import ItemError
from gantool.runtime import batch_sizes, batching, missing
from gantool.runtime.batch_sizes import BatchSizes
from gantool.runtime.batching import Batches, _Shape
from gantool.runtime.opened import OutOfMemoryError
from gantool.runtime.providers import CPU, Device
from gantool.runtime.session import Session

FEW = 16


def tile(value: int, side: int = 4) -> np.ndarray:
    return np.full((1, side, side, 3), value, np.uint8)


class Machine:
    """Inverts, notes the sizes of its batches, and is held until so many tiles wait."""

    def __init__(self, most: int = FEW, broken: int | None = None):
        self.most, self.broken = most, broken
        self.sizes: list[int] = []
        self.open = threading.Event()

    def __call__(self, batch):
        self.open.wait(5)
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise OutOfMemoryError("more memory than there is")
        if self.broken is not None and (batch == self.broken).all((1, 2, 3)).any():
            raise ItemError("broken")
        return 255 - batch


class Nothing:
    """Knows of no size, and remembers none."""

    def get(self, shape: str) -> int:
        return 0

    def put(self, shape: str, size: int) -> None: ...


def together(machine: Machine, tiles: list[np.ndarray], batches: Batches | None = None):
    """What each of as many threads gets: its result or its error."""
    batches = batches or Batches(machine, Nothing())

    def one(each):
        try:
            return batches(each)
        except ItemError as error:
            return error

    with ThreadPoolExecutor(len(tiles)) as pool:
        waiting = [pool.submit(one, each) for each in tiles]
        until = threading.Event()
        for _ in range(500):
            if sum(len(shape.waiting) for shape in batches._shapes.values()) >= len(tiles) - 1:
                break
            until.wait(0.01)
        machine.open.set()
        return [each.result(10) for each in waiting]


@pytest.fixture
def growing(monkeypatch):
    """A larger batch always pays, and is best."""
    monkeypatch.setattr(batching, "BETTER", np.inf)
    monkeypatch.setattr(_Shape, "_best", lambda shape: max(shape.costs, default=1))


def test_each_thread_gets_its_own(growing):
    machine = Machine()
    results = together(machine, [tile(value) for value in range(FEW)])
    for value, result in enumerate(results):
        assert np.array_equal(result, tile(255 - value))
    assert sum(machine.sizes) == FEW
    assert machine.sizes == [1, 1, 2, 2, 4, 4, 2]


def test_shapes_and_depths_are_not_mixed(growing):
    tiles = [tile(number, side) for number in range(4) for side in (4, 5)]
    tiles += [tile(number).astype(np.uint16) for number in range(4)]
    machine = Machine()
    for given, result in zip(tiles, together(machine, tiles), strict=True):
        assert result.dtype == given.dtype
        assert np.array_equal(result, 255 - given)
    assert len(machine.sizes) >= 3


def test_one_that_fails_fails_alone(growing):
    machine = Machine(broken=5)
    results = together(machine, [tile(value) for value in range(FEW)])
    for value, result in enumerate(results):
        if value == 5:
            assert str(result) == "broken"
        else:
            assert np.array_equal(result, tile(255 - value))


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_where_memory_is_short_batches_are_halved_and_results_the_same(growing, most):
    machine = Machine(most)
    batches = Batches(machine, Nothing())
    results = together(machine, [tile(value) for value in range(FEW)], batches)
    for value, result in enumerate(results):
        assert np.array_equal(result, tile(255 - value))
    (shape,) = batches._shapes.values()
    assert shape.most <= max(most, 2) or max(machine.sizes) <= most  # no more ever met
    machine.sizes.clear()
    together(machine, [tile(value) for value in range(FEW)], batches)
    assert max(machine.sizes) <= max(most, shape.most)


def test_a_tile_alone_that_fails_is_tried_once():
    machine = Machine(broken=5)
    (result,) = together(machine, [tile(5)])
    assert str(result) == "broken"
    assert machine.sizes == [1]


def test_a_tile_alone_for_which_memory_is_short_says_so():
    machine = Machine(0)
    (result,) = together(machine, [tile(1)])
    assert isinstance(result, OutOfMemoryError)


def measured(most: int = FEW, **costs: float) -> _Shape:
    """A shape of which batches `of1`, `of2` … have cost so much a tile."""
    shape = _Shape("4x4 uint8", most=most)
    for name, cost in costs.items():
        size = int(name.removeprefix("of"))
        for _ in range(2):
            shape.ran(size, cost * size)
    return shape


def test_the_size_grows_as_long_as_it_pays():
    assert measured().size() == 1
    assert measured(of1=1).size() == 2
    assert measured(of1=1, of2=0.8).size() == 4
    assert (shape := measured(of1=1, of2=0.8, of4=0.79)).size() == shape.found == 4
    assert (shape := measured(of1=1, of2=0.8, of4=0.9)).size() == shape.found == 2
    assert (shape := measured(2, of1=1, of2=0.8)).size() == shape.found == 2
    assert measured(of1=1, of2=0.8).found == 0


def test_the_first_batch_of_a_size_does_not_count():
    shape = _Shape("4x4 uint8")
    shape.ran(1, 50.0)
    assert not shape.costs
    assert shape.size() == 1
    shape.ran(1, 1.0)
    shape.ran(2, 50.0)
    assert (shape.size(), shape.found) == (2, 0)
    shape.ran(2, 1.0)
    assert shape.size() == 4


def test_what_was_found_is_used_from_the_first_tile_on(growing, tmp_path):
    file = tmp_path / "cache" / "sizes.json"
    tiles = [tile(value) for value in range(FEW)]
    machine = Machine(most=4)
    first = Batches(machine, BatchSizes(file))
    for _ in range(2):
        together(machine, tiles, first)
        machine.open.clear()
    assert json.loads(file.read_text()) == {"4x4 uint8": 4}
    machine = Machine(most=4)
    results = together(machine, tiles, Batches(machine, BatchSizes(file)))
    assert [result.max() for result in results] == [255 - value for value in range(FEW)]
    assert machine.sizes[1:4] == [4, 4, 4]  # the first came before all others waited


def test_a_remembered_size_for_which_memory_is_short_is_forgotten(tmp_path):
    (file := tmp_path / "sizes.json").write_text('{"4x4 uint8": 16, "5x5 uint8": 2}')
    machine = Machine(most=2)
    together(machine, [tile(value) for value in range(FEW)], Batches(machine, BatchSizes(file)))
    assert json.loads(file.read_text())["4x4 uint8"] <= 3
    assert json.loads(file.read_text())["5x5 uint8"] == 2


SAYS = '{"4x4 uint8": %s}'


@pytest.mark.parametrize("text", ["", "[]", "no", *(SAYS % n for n in ('"16"', "true", "0", "-3"))])
def test_a_file_that_says_nothing_is_as_none(text, tmp_path):
    (file := tmp_path / "sizes.json").write_text(text)
    sizes = BatchSizes(file)
    assert sizes.get("4x4 uint8") == 0
    sizes.put("4x4 uint8", 8)
    assert sizes.get("4x4 uint8") == 8


def test_without_a_place_to_remember_it_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    sizes = BatchSizes(tmp_path / "file" / "sizes.json")
    sizes.put("4x4 uint8", 8)
    assert sizes.get("4x4 uint8") == 0


def test_each_model_and_device_has_its_own(monkeypatch):
    monkeypatch.setattr(missing, "gpus", lambda: ("NVIDIA H100 80GB HBM3", "Tesla T4"))
    there = Device("cuda", "CUDAExecutionProvider", {"device_id": "1"}, memory="cuda")
    files = {
        batch_sizes.of(sha256, device)._file.name
        for sha256 in ("a" * 64, "b" * 64)
        for device in (there, replace(there, options={}), replace(there, precision="fp16"))
    }
    assert len(files) == 6
    assert sum("Tesla-T4" in name for name in files) == 4


def test_large_tiles_are_not_batched():
    batches = Batches(Machine(), Nothing())
    side = 2**10
    batches._run.open.set()
    batches(np.zeros((1, side, side, 3), np.uint8))
    (shape,) = batches._shapes.values()
    assert shape.most == 1


@pytest.mark.parametrize("make", [models.bilinear, models.wide_blur, models.strided])
def test_a_session_of_many_threads_gives_what_one_gives(make, tmp_path, growing):
    there = replace(CPU, memory="cpu")  # its memory taken for that of a device
    session = Session(make(tmp_path / "model.onnx"), there, tile=32)
    frames = np.random.default_rng(0).integers(0, 256, (24, 60, 44, 3), np.uint8)
    wanted = [session(frame) for frame in frames]
    sizes: list[int] = []
    run = session._batches._run

    def slowly(batch):
        sizes.append(len(batch))
        time.sleep(0.005)  # the others come to wait
        return run(batch)

    session._batches._run = slowly
    with ThreadPoolExecutor(8) as pool:
        for result, right in zip(pool.map(session, frames), wanted, strict=True):
            assert np.array_equal(result, right)
    assert max(sizes) > 1

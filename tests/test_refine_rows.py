"""The measures of refine-synthetic in the benchmark, at pictures whose answer is known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool_refine_synthetic.eyes import Label, eye

FILE = Path(__file__).parent.parent / "benchmarks" / "refine.py"
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("refine_rows", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def disc(x: float, y: float, radius: float = 8.0) -> np.ndarray:
    """A dark disc on white, 35×55, its edge drawn over one pixel."""
    down, across = np.mgrid[:35, :55] + 0.5
    gap = np.hypot(across - x, down - y) - radius
    return np.round(200 * np.clip(gap + 0.5, 0, 1) + 30).astype(np.uint8)


def test_earth_movers_distance_is_how_far_values_move(benchmark):
    values = np.random.default_rng(0).normal(100, 20, 5000).astype(np.float32)
    assert benchmark.moving(values, values[::-1]) == 0
    assert benchmark.moving(values, values + 7) == pytest.approx(7, abs=1e-3)


def test_distances_vanish_between_equal_sets_and_grow_with_contrast(benchmark):
    pictures = np.stack([eye(0, number)[0] for number in range(8)])
    same = benchmark.distances(pictures, np.roll(pictures, 1, axis=0))
    assert max(same.values()) == pytest.approx(0, abs=1e-4)
    steps = [
        np.clip(128 + f * (pictures.astype(int) - 128), 0, 255).astype(np.uint8) for f in (1.3, 2)
    ]
    near, far = (benchmark.distances(each, pictures) for each in steps)
    assert all(0 < near[name] < far[name] for name in near)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (1.5, 0), (-2, 1), (0.5, -1)])
def test_centre_and_edge_of_an_iris_are_found_where_it_was_moved(benchmark, dx, dy):
    label = Label(0, 0, 0, 0, 28.0, 17.0, 8.0)
    before, after = disc(28, 17)[None], disc(28 + dx, 17 + dy)[None]
    assert benchmark.centre(before[0], label) == pytest.approx((28, 17), abs=0.3)
    found = benchmark.moved(before, after, [label])
    assert found["centre"] == pytest.approx(np.hypot(dx, dy), abs=0.3)
    if dy == 0:  # to both sides the edge goes as far
        assert found["edge"] == pytest.approx(abs(dx), abs=0.2)
    assert found["within"] == (np.hypot(dx, dy) < 1)


def test_a_larger_iris_is_seen_at_its_edge(benchmark):
    label = Label(0, 0, 0, 0, 28.0, 17.0, 8.0)
    found = benchmark.moved(disc(28, 17)[None], disc(28, 17, 9)[None], [label])
    assert found["edge"] == pytest.approx(1, abs=0.2)


def test_error_is_the_angle_between_directions(benchmark):
    labels = [Label(yaw, 0, 0, 0, 0, 0, 0) for yaw in (10.0, -20.0)]
    pictures = np.zeros((2, 35, 55), np.uint8)
    pictures[:, 0, 0] = 9
    straight = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(35 * 55, 2))
    torch.nn.init.zeros_(straight[1].weight)
    torch.nn.init.zeros_(straight[1].bias)
    assert benchmark.error(straight, pictures, labels) == pytest.approx(15, abs=1e-3)


def test_an_estimator_learns_the_gaze(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "EPOCHS", 8)
    pictures, labels = benchmark.drawn(5, 160)
    network = benchmark.learnt(pictures, labels, 0)
    blind = benchmark.error(network, np.zeros_like(pictures) + 9, labels)
    assert benchmark.error(network, pictures, labels) < 0.7 * blind


def test_of_several_pictures_for_a_label_as_many_are_seen_as_of_one(benchmark, monkeypatch):
    pictures, labels = benchmark.drawn(5, 64)
    monkeypatch.setattr(benchmark, "EPOCHS", 4)
    steps = []
    plain = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda it: (steps.append(1), plain(it)))
    for several in (pictures, np.concatenate([pictures, pictures])):
        benchmark.learnt(several, labels, 0)
        assert len(steps) == 8
        steps.clear()


def test_the_camera_is_a_function_of_chance_and_keeps_the_picture_in_range(benchmark):
    picture = eye(0, 0)[0]
    one, again, other = (benchmark.camera(picture, np.random.default_rng(n)) for n in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert (one.shape, one.dtype) == (picture.shape, np.uint8)

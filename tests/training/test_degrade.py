"""Laws of the reductions that make training pairs and benchmarks."""

import numpy as np
import pytest
from PIL import Image

from gantool.training import degrade


def picture(height: int, width: int) -> np.ndarray:
    """Noise that no overshoot drives to 0 or 255."""
    return np.random.default_rng(height).integers(64, 192, (height, width, 3), np.uint8)


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys, «Cubic convolution interpolation», 1981, with a = −0.5."""
    x = np.abs(distance)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def reduction(length: int, scale: int) -> np.ndarray:
    """The matrix length/scale × length of antialiased bicubic reduction."""
    centres = (np.arange(length // scale) + 0.5) * scale
    weights = cubic((np.arange(length) + 0.5 - centres[:, None]) / scale)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduce_is_antialiased_bicubic(scale):
    frame = picture(12 * scale, 17 * scale)
    down, right = (reduction(side, scale) for side in frame.shape[:2])
    wanted = np.einsum("ah,hwc,bw->abc", down, frame, right)
    got = degrade.reduce(frame, scale)
    assert got.dtype == np.uint8
    assert np.abs(got - wanted).max() < 1.2  # Pillow rounds after each of the two directions


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduce_is_that_of_pillow(scale):
    frame = picture(12 * scale, 17 * scale)
    theirs = Image.fromarray(frame).resize((17, 12), Image.Resampling.BICUBIC)
    assert np.array_equal(degrade.reduce(frame, scale), np.asarray(theirs))


def test_what_is_beyond_a_multiple_of_the_scale_is_cut_off():
    frame = picture(31, 42)
    assert np.array_equal(degrade.reduce(frame, 4), degrade.reduce(frame[:28, :40], 4))


def test_the_same_size_leaves_pixels_alone():
    frame = picture(9, 11)
    assert np.array_equal(degrade.resize(frame, 9, 11), frame)
    assert np.array_equal(degrade.reduce(frame, 1), frame)


def test_a_flat_picture_stays_flat_whatever_the_size():
    frame = np.full((24, 36, 3), 77, np.uint8)
    assert np.array_equal(degrade.resize(frame, 7, 50), np.full((7, 50, 3), 77))


def test_grey_is_luma_three_times():
    frame = picture(8, 9)
    wanted = frame @ np.array([0.299, 0.587, 0.114])
    assert np.abs(degrade.grey(frame) - wanted[..., None]).max() <= 1


def test_lowres_has_the_size_but_not_the_detail():
    frame = picture(32, 48)
    small = degrade.lowres(frame, 4)
    assert small.shape == frame.shape
    assert np.array_equal(small, degrade.resize(degrade.reduce(frame, 4), 32, 48))
    assert small.std() < frame.std() / 2


def test_edges_are_black_lines_where_brightness_jumps():
    frame = np.full((40, 40, 3), 40, np.uint8)
    assert degrade.edges(frame).min() == 255
    frame[:, 20:] = 220
    lines = degrade.edges(frame)
    assert set(np.unique(lines)) == {0, 255}
    assert (lines[5:-5, 17:23].min(axis=(1, 2)) == 0).all()
    assert (lines[:, :15] == 255).all()
    assert (lines[:, 25:] == 255).all()


def test_everything_that_can_be_made_from_a_picture_keeps_its_size():
    for make in degrade.FROM.values():
        made = make(picture(24, 32))
        assert (made.shape, made.dtype) == ((24, 32, 3), np.uint8)

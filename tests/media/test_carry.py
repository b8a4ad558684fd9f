"""Laws of what is taken off a picture and put back."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.media.carry import Carry, attach, carry_through, detach, filled


def enlarged(frame: Any) -> Any:
    return np.repeat(np.repeat(frame, 4, axis=0), 4, axis=1)


def disc(dtype: Any = np.uint8, size: int = 48) -> NDArray[Any]:
    """A red disc with a soft edge on black that is fully transparent."""
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    cover = np.clip(size / 3 - np.hypot(x, y) + 0.5, 0, 1)
    top = np.iinfo(dtype).max
    pixels = np.zeros((size, size, 4))
    pixels[..., 0] = np.where(cover > 0, top, 0)
    pixels[..., 3] = np.round(cover * top)
    return pixels.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_detached_and_attached_is_the_same(channels: int, dtype: Any) -> None:
    pixels = np.random.default_rng(0).integers(1, np.iinfo(dtype).max, (9, 7, channels), dtype)
    frame, carry = detach(pixels, Carry())
    assert frame.shape == (9, 7, 3)
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(attach(frame, carry), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_of_grey_stays(dtype: Any) -> None:
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(16, -1, 1)
    np.testing.assert_array_equal(attach(*detach(levels, Carry())), levels)


def test_hidden_pixels_take_the_nearest_colour() -> None:
    frame = np.zeros((1, 6, 3), np.uint8)
    frame[0, 1], frame[0, 5] = (200, 10, 10), (10, 10, 200)
    alpha = np.array([[0, 255, 0, 0, 0, 1]], np.uint8)
    reds = filled(frame, alpha)[0, :, 0]
    assert reds[[0, 1, 2, 4, 5]].tolist() == [200, 200, 200, 10, 10]


@pytest.mark.parametrize("level", [0, 255])
def test_an_alpha_of_one_level_leaves_the_colours(level: int) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(filled(frame, np.full((5, 5), level, np.uint8)), frame)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", ["resize", "model"])
def test_an_enlarged_edge_has_no_fringe(alpha: Any, dtype: Any) -> None:
    frame, carry = detach(disc(dtype), Carry())
    through = carry_through(enlarged, frame, carry, grey="keep", alpha=alpha)
    result, kept = through[""]
    assert kept.alpha is not None
    assert kept.alpha.shape == result.shape[:2]
    assert kept.alpha.dtype == dtype
    assert (result[kept.alpha > 0] == disc(dtype)[24, 24, :3]).all()
    assert (kept.alpha.min(), kept.alpha.max()) == (0, np.iinfo(dtype).max)


def test_alpha_is_fitted_to_a_smaller_result_and_to_its_depth() -> None:
    def halved(given: Any) -> Any:
        return (given[::2, ::2] >> 8).astype(np.uint8)

    frame, carry = detach(disc(np.uint16), Carry())
    result, kept = carry_through(halved, frame, carry, grey="keep", alpha="resize")[""]
    together = attach(result, kept)
    assert together.shape == (24, 24, 4)
    assert together.dtype.name == "uint8"


def test_grey_is_dropped_for_a_task_that_colours() -> None:
    frame, carry = detach(np.full((4, 4, 1), 9, np.uint8), Carry())
    for wish, channels in (("keep", 1), ("colour", 3)):
        through = carry_through(lambda given: given, frame, carry, grey=wish, alpha="resize")  # type: ignore[arg-type] # the literals of a loop are plain strings
        assert attach(*through[""]).shape[2] == channels


def test_several_results_keep_their_suffixes_and_their_alpha() -> None:
    frame, carry = detach(disc(), Carry(exif=b"kept"))
    through = carry_through(
        lambda given: {"a": given, "b": enlarged(given)}, frame, carry, grey="keep", alpha="model"
    )
    assert set(through) == {"a", "b"}
    for result, kept in through.values():
        assert kept.exif == b"kept"
        assert kept.alpha is not None
        assert kept.alpha.shape == result.shape[:2]


def test_a_flat_alpha_costs_no_second_run() -> None:
    runs = []
    frame, carry = detach(np.full((4, 4, 4), 255, np.uint8), Carry())

    def process(given: Any) -> Any:
        runs.append(given)
        return enlarged(given)

    _, kept = carry_through(process, frame, carry, grey="keep", alpha="model")[""]
    assert len(runs) == 1
    np.testing.assert_array_equal(kept.alpha, np.full((16, 16), 255))

"""Laws of noise as cameras make it: its strength, its colours, where there is most of it."""

import numpy as np
import pytest

from gantool.training.camera_noise import (
    add_chroma,
    add_gaussian,
    add_photons,
    through_sensor,
    to_bytes,
)


def flat(level: int = 128, size: int = 96) -> np.ndarray:
    return np.full((size, size, 3), level, np.uint8)


def off(change, level: int = 128, sigma: float = 8.0, **more) -> np.ndarray:
    """What `change` adds to a flat picture."""
    return change(flat(level), sigma, np.random.default_rng(1), **more).astype(float) - level


@pytest.mark.parametrize("change", [add_gaussian, add_photons, add_chroma, through_sensor])
def test_one_draw_gives_one_picture_and_keeps_the_level(change):
    frame = flat()
    one, other = (change(frame, 8.0, np.random.default_rng(3)) for _ in range(2))
    assert (one.dtype, one.shape) == (np.uint8, frame.shape)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, change(frame, 8.0, np.random.default_rng(4)))
    assert abs(one.mean() - 128) < 0.5
    assert (frame == 128).all()


@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_sigma_is_the_deviation_at_mid_grey(sigma):
    for change in (add_gaussian, add_photons):
        assert off(change, sigma=sigma).std() == pytest.approx(sigma, rel=0.05)


def test_grey_noise_is_one_for_all_channels():
    noise = off(add_gaussian, grey=True)
    assert (noise[..., 0] == noise[..., 1]).all()
    assert (noise[..., 0] == noise[..., 2]).all()


def test_noise_of_photons_grows_with_the_root_of_the_light_and_is_skewed_in_the_dark():
    dark, bright = off(add_photons, 8), off(add_photons, 200)
    assert bright.std() / dark.std() == pytest.approx((200 / 8) ** 0.5, rel=0.15)
    assert ((dark / dark.std()) ** 3).mean() > 0.2


def test_chroma_noise_is_in_the_colours_and_in_blotches():
    noise = off(add_chroma)
    luma = noise @ (0.299, 0.587, 0.114)
    cb = 0.564 * (noise[..., 2] - luma)
    assert cb.std() == pytest.approx(8, rel=0.2)
    assert luma.std() < 0.5 * cb.std()
    beside = np.corrcoef(cb[:, 1:].ravel(), cb[:, :-1].ravel())[0, 1]
    assert beside > 0.2


def test_a_sensor_without_noise_keeps_colours_and_loses_detail():
    colour = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    assert (through_sensor(colour, 0.0, np.random.default_rng(0)) == colour).all()
    lines = flat(0, 32)
    lines[:, ::2] = 255
    seen = through_sensor(lines, 0.0, np.random.default_rng(0))
    assert np.abs(seen.astype(int) - lines).mean() > 10


def test_demosaicing_spreads_noise_over_its_neighbours():
    plain, seen = off(add_gaussian), off(through_sensor)

    def beside(noise: np.ndarray) -> float:
        return np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]

    assert abs(beside(plain)) < 0.05
    assert beside(seen) > 0.2


def test_bytes_are_rounded_and_clipped():
    assert to_bytes(np.array([-3.0, 1.4, 1.6, 300.0])).tolist() == [0, 1, 2, 255]

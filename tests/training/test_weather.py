"""Laws of the rain and the snow that are drawn over clean photographs."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gantool.training.weather import (
    DRAWS,
    Rain,
    Snow,
    flakes,
    rainy,
    snowy,
    streaks,
    veiled,
    weathered,
)

RAIN = Rain(20.0, 0.0, 30.0, 0.8, 0.1, 0.5, layers=3, cover=0.5)
SNOW = Snow(-30.0, 4.0, 3.0, 0.08, 0.9, 0.3)
KINDS = {"rain": (rainy, RAIN), "snow": (snowy, SNOW)}


def seeded(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def photo(height: int = 96, width: int = 80) -> np.ndarray:
    """Shades and detail of every size, from black to white."""
    rough = np.random.default_rng(1).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(rough, (0, 0), 2)
    return (255 * (soft - soft.min()) / max(np.ptp(soft), 1e-3)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", DRAWS)
def test_the_same_draw_gives_the_same_pictures(kind):
    frame = photo()
    before = frame.copy()

    def drawn(number):
        random = seeded(number)
        return weathered(frame, DRAWS[kind](random), random)

    one, other = ([drawn(number) for number in range(10)] for _ in range(2))
    assert np.array_equal(one, other)
    assert len({seen.tobytes() for seen, _ in one}) == 10
    assert {(each.shape, each.dtype.name) for pair in one for each in pair} == {
        (frame.shape, "uint8")
    }
    assert np.array_equal(frame, before)


@pytest.mark.parametrize("side", [(1, 1), (1, 9), (7, 3)])
@pytest.mark.parametrize("kind", DRAWS)
def test_pictures_of_any_size_have_weather(kind, side):
    for number in range(8):
        random = seeded(number)
        seen, behind = weathered(photo(*side), DRAWS[kind](random), random)
        assert seen.shape == behind.shape == (*side, 3)


@pytest.mark.parametrize("nothing", [{"brightness": 0.0}, {"density": 0.0}])
def test_without_strength_rain_leaves_the_picture(nothing):
    assert np.array_equal(rainy(photo(), replace(RAIN, **nothing), seeded()), photo())


@pytest.mark.parametrize("nothing", [{"opacity": 0.0}, {"density": 0.0}])
def test_without_strength_snow_leaves_the_picture(nothing):
    assert np.array_equal(snowy(photo(), replace(SNOW, **nothing), seeded()), photo())


@pytest.mark.parametrize("kind", KINDS)
def test_what_falls_is_light(kind):
    """It never darkens, white stays white, and on black it is to be seen."""
    fall, how = KINDS[kind]
    frame = photo()
    assert (fall(frame, how, seeded()) >= frame).all()
    white, black = np.full_like(frame, 255), np.zeros_like(frame)
    assert np.array_equal(fall(white, how, seeded()), white)
    assert fall(black, how, seeded()).max() > 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_veil_is_on_both_pictures(kind):
    _, how = KINDS[kind]
    nothing = replace(how, density=0.0, veil=0.25)
    seen, behind = weathered(photo(), nothing, seeded())
    assert np.array_equal(seen, behind)
    assert np.abs(behind - (0.75 * photo() + 0.25 * 0.8 * 255)).max() <= 0.5
    assert np.array_equal(veiled(photo(), 0.0), photo())


@pytest.mark.parametrize("angle", [-40, 0, 25])
def test_streaks_fall_along_their_angle(angle):
    """The direction in which their light changes least; positive leads down and to the right."""
    layer = streaks((256, 256), replace(RAIN, angle=angle), seeded())
    found = least_change(layer)
    assert abs(found - angle) < 2


@pytest.mark.parametrize("angle", [-60, 10])
def test_drift_draws_flakes_out_along_the_angle(angle):
    layer = flakes((256, 256), replace(SNOW, angle=angle, drift=10.0, density=0.02), seeded())
    assert abs(least_change(layer) - angle) < 6


def test_streaks_have_their_length_and_width():
    few = replace(RAIN, angle=0.0, density=0.002, brightness=0.8)
    spots = pieces(streaks((1500, 1500), few, seeded()), 0.02)
    heights, widths = spots[:, cv2.CC_STAT_HEIGHT], spots[:, cv2.CC_STAT_WIDTH]
    assert np.percentile(heights, 95) < 1.4 * 30 + 6
    assert 0.6 * 30 < np.median(heights) < 1.2 * 30
    assert 2 <= np.median(widths) <= 6  # pixels, about 5 σ


def test_flakes_have_their_size():
    few = replace(SNOW, drift=0.0, density=0.01, opacity=1.0, radius=6.0)
    areas = pieces(flakes((800, 800), few, seeded()), 0.4)[:, cv2.CC_STAT_AREA]
    assert 0.7 * np.pi * 36 < np.median(areas) < 1.3 * np.pi * 36


@pytest.mark.parametrize("density", [0.03, 0.1, 0.2])
def test_density_is_the_share_that_is_covered(density):
    rain = streaks((600, 600), replace(RAIN, density=density, brightness=1.0), seeded())
    snow = flakes((600, 600), replace(SNOW, density=density, drift=0.0), seeded())
    assert 0.5 * density < (rain > 0.03).mean() < 2 * density
    assert 0.5 * density < (snow > 0.3).mean() < 1.5 * density


def test_layers_have_the_strength_that_is_theirs():
    assert streaks((200, 200), RAIN, seeded()).max() <= RAIN.brightness
    assert flakes((200, 200), SNOW, seeded()).max() <= SNOW.opacity
    hard = replace(RAIN, sharpness=3.0)
    even = [np.mean(streaks((200, 200), each, seeded()) > 0.45) for each in (RAIN, hard)]
    assert even[1] > 4 * even[0]


@pytest.mark.parametrize(("kind", "low", "high"), [("rain", 0.04, 0.2), ("snow", 0.08, 0.35)])
def test_what_is_drawn_is_sparse(kind, low, high):
    """Most of a picture is left as it is: too heavy rain would teach to darken."""
    frame = np.full((160, 160, 3), 90, np.uint8)
    shares = []
    for number in range(60):
        random = seeded(number)
        seen, behind = weathered(frame, DRAWS[kind](random), random)
        shares.append((seen.astype(int) - behind > 8).any(axis=2).mean())
    assert low < np.median(shares) < high
    assert np.percentile(shares, 90) < 0.65


@pytest.mark.parametrize("kind", DRAWS)
def test_a_crop_takes_milliseconds(kind):
    frame = photo(128, 128)
    begin = time.process_time()
    for number in range(20):
        random = seeded(number)
        weathered(frame, DRAWS[kind](random), random)
    assert (time.process_time() - begin) / 20 < 0.03  # 1 and 2 ms on a quiet machine


def least_change(layer: np.ndarray) -> float:
    """Degrees off the vertical, from the structure tensor."""
    y, x = (cv2.Sobel(layer, cv2.CV_64F, *order) for order in ((0, 1), (1, 0)))
    tensor = np.array([[np.sum(y * y), np.sum(x * y)], [np.sum(x * y), np.sum(x * x)]])
    down, right = np.linalg.eigh(tensor)[1][:, 0]
    return float(np.degrees(np.arctan(right / down)))


def pieces(layer: np.ndarray, threshold: float) -> np.ndarray:
    """Statistics of what hangs together above the threshold, as OpenCV counts, specks left out."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((layer > threshold).astype(np.uint8))
    found = stats[1:]
    return found[found[:, cv2.CC_STAT_AREA] > 8]

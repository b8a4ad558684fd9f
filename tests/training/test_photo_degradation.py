"""Laws of what is done to photographs before they are to be enlarged."""

import io
import time

import cv2
import numpy as np
import pytest
from PIL import Image

from gantool.training import degrade, photo_degradation
from gantool.training.photo_degradation import blur, degraded, jpeg, noise, twice


def seeded(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def photo(height: int = 96, width: int = 96) -> np.ndarray:
    """Shades and detail of every size, far from black and white."""
    rough = np.random.default_rng(1).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(rough, (0, 0), 2) * 3 + 0.3 * rough
    return (64 + 128 * (soft - soft.min()) / np.ptp(soft)).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_same_draw_gives_the_same_picture(scale):
    frame = photo(24 * scale, 20 * scale)
    before = frame.copy()
    one, other = (
        [degraded(frame, scale, seeded(n), clean=0.2, light=0.2) for n in range(12)]
        for _ in range(2)
    )
    assert all(map(np.array_equal, one, other))
    assert len({each.tobytes() for each in one}) > 6
    assert {(each.shape, each.dtype.name) for each in one} == {((24, 20, 3), "uint8")}
    assert np.array_equal(frame, before)


def test_the_shares_are_kept(monkeypatch):
    monkeypatch.setattr(photo_degradation, "twice", lambda frame, scale, random: "twice")
    monkeypatch.setattr(photo_degradation, "jpeg", lambda frame, quality, random: "jpeg")
    frame, random, count = photo(32, 32), seeded(), 1000
    kinds = [degraded(frame, 4, random, clean=0.3, light=0.2) for _ in range(count)]
    wanted = {"twice": 0.5, "jpeg": 0.2}
    shares = {name: sum(kind is name for kind in kinds) / count for name in wanted}
    for name, share in wanted.items():
        assert abs(shares[name] - share) < 4 * np.sqrt(share * (1 - share) / count)


def test_clean_is_the_plain_reduction():
    frame = photo()
    plain = degrade.reduce(frame, 4)
    everything = [degraded(frame, 4, seeded(n), clean=1, light=0) for n in range(20)]
    assert all(np.array_equal(each, plain) for each in everything)


def test_light_is_the_reduced_picture_as_a_jpeg_gives_it_back():
    frame = photo()
    small, found = Image.fromarray(degrade.reduce(frame, 4)), set()
    possible = {}
    for quality in range(45, 96):
        for subsampling in (0, 2):
            file = io.BytesIO()
            small.save(file, "JPEG", quality=quality, subsampling=subsampling)
            possible[np.asarray(Image.open(file)).tobytes()] = quality, subsampling
    for number in range(60):
        found.add(possible[degraded(frame, 4, seeded(number), clean=0, light=1).tobytes()])
    assert min(found)[0] < 55
    assert max(found)[0] > 85
    assert {subsampling for _, subsampling in found} == {0, 2}


def test_the_second_order_ends_in_a_jpeg(monkeypatch):
    """What was saved last is not changed any more, and what was saved before it was reduced."""
    saved = []

    def kept(frame, quality, random):
        saved.append((frame.shape, quality, jpeg(frame, quality, random)))
        return saved[-1][2]

    monkeypatch.setattr(photo_degradation, "jpeg", kept)
    for number in range(30):
        saved.clear()
        result = twice(photo(), 4, seeded(number))
        (_, first, _), (shape, second, last) = saved
        assert shape == (24, 24, 3)
        assert result is last
        assert 40 <= first <= 95
        assert 50 <= second <= 95


@pytest.mark.parametrize("level", [60, 128, 200])
def test_levels_stay_where_they_are(level):
    frame = np.full((96, 96, 3), level, np.uint8)
    means = [twice(frame, 4, seeded(number)).mean() for number in range(40)]
    assert abs(np.mean(means) - level) < 0.5


def test_nothing_moves():
    """The brightest spot of the original is the brightest of what is made of it."""
    frame = np.full((96, 96, 3), 30, np.uint8)
    frame[40:48, 56:64] = 220
    for number in range(30):
        small = cv2.GaussianBlur(twice(frame, 4, seeded(number)).sum(axis=2) / 3, (0, 0), 1)
        assert np.unravel_index(small.argmax(), small.shape) in {
            (row, column) for row in (10, 11) for column in (14, 15)
        }


def test_blur_keeps_the_mean_and_takes_detail_away():
    frame = photo()
    for number in range(8):
        soft = blur(frame, seeded(number), (1.0, 2.0))
        assert abs(soft.mean() - frame.mean()) < 1
        assert soft.std() < 0.95 * frame.std()


def test_half_of_the_blurs_are_longer_in_one_direction():
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    y, x = np.mgrid[-20:21, -20:21]
    longer = 0
    for number in range(60):
        spot = blur(point, seeded(number), (1.0, 3.0))[..., 0].astype(float)
        moments = np.cov(np.stack([y.ravel(), x.ravel()]), aweights=spot.ravel())
        low, high = np.linalg.eigvalsh(moments)
        longer += high > 1.2 * low
    assert 12 < longer < 42


def test_noise_has_its_strength_and_is_grey_in_some():
    frame = np.full((64, 64, 3), 128, np.uint8)
    off = [noise(frame, seeded(number), (4, 4)).astype(float) - 128 for number in range(40)]
    assert all(3.7 < each.std() < 4.3 for each in off)
    grey = [np.array_equal(each[..., 0], each[..., 1]) for each in off]
    assert 6 < sum(grey) < 28


def test_noise_of_photons_is_stronger_where_it_is_bright():
    frame = np.full((64, 128, 3), 32, np.uint8)
    frame[:, 64:] = 200
    ratios = []
    for number in range(30):
        off = noise(frame, seeded(number), (6, 6)).astype(float) - frame
        ratios.append(off[:, 64:].std() / off[:, :64].std())
    assert all(abs(each - 1) < 0.1 or abs(each - np.sqrt(200 / 32)) < 0.25 for each in ratios)
    assert 6 < sum(each > 2 for each in ratios) < 24


def test_a_crop_takes_milliseconds():
    random, frame = seeded(), photo(192, 192)
    twice(frame, 4, random)
    begin = time.process_time()
    for _ in range(20):
        twice(frame, 4, random)
    assert (time.process_time() - begin) / 20 < 0.02  # 2 ms on a quiet machine

"""Laws of photographs as they are found, and of their twins without noise."""

import cv2
import numpy as np
import pytest

from gantool.training import degrade, found_photos
from gantool.training.found_photos import harm, plan


def photo(side: int = 96) -> np.ndarray:
    """Shades and detail of every size, far from black and white."""
    rough = np.random.default_rng(1).random((side, side, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(rough, (0, 0), 3)
    return (64 + 128 * (soft - soft.min()) / np.ptp(soft)).astype(np.uint8)


def harmed(number: int, frame: np.ndarray, clean: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    return harm(frame, 4, np.random.default_rng(number), clean=clean)


def test_one_draw_gives_one_pair_and_leaves_the_original():
    frame = photo()
    before = frame.copy()
    for number in range(20):
        one, other = harmed(number, frame), harmed(number, frame)
        assert all(map(np.array_equal, one, other))
        assert {(each.shape, each.dtype.name) for each in one} == {((24, 24, 3), "uint8")}
    assert np.array_equal(frame, before)


def test_clean_ones_are_reduced_and_are_their_own_twins():
    frame = photo()
    found, twin = harmed(0, frame, clean=1.0)
    assert found is twin
    assert np.array_equal(found, degrade.reduce(frame, 4))
    kinds = [found is twin for found, twin in (harmed(n, frame, 0.35) for n in range(300))]
    assert 0.25 < np.mean(kinds) < 0.45


def test_a_twin_has_no_noise():
    """A flat picture stays flat through blur, resize and mosaic: all else is noise or JPEG."""
    frame, deviations = np.full((96, 96, 3), 120, np.uint8), []
    for number in range(60):
        found, twin = harmed(number, frame)
        assert np.ptp(twin) <= 1
        assert abs(float(twin.mean()) - 120) <= 1
        deviations.append(found.std())
    assert max(deviations) > 12
    assert min(deviations) < 1


def test_a_twin_shows_the_same_as_the_picture():
    """The same blur, in the same place: their difference has no edges."""
    frame = np.full((192, 192, 3), 60, np.uint8)
    frame[:, 96:] = 190
    for number in range(40):
        found, twin = (each.astype(float).mean(axis=(0, 2)) for each in harmed(number, frame))
        assert np.abs(found - twin)[4:-4].max() < 25
        assert np.argmax(np.diff(twin)) in range(22, 26)


def test_kinds_have_their_shares(monkeypatch):
    monkeypatch.setattr(found_photos, "_two_rounds", lambda *given: ["twice"])
    random, lengths = np.random.default_rng(0), []
    for _ in range(1000):
        stages = plan(24, 24, 4, random)
        lengths.append("twice" if stages == ["twice"] else "noisy" if len(stages) > 3 else "")
    assert lengths.count("twice") / 1000 == pytest.approx(found_photos.SHARES["twice"], abs=0.06)
    assert sum(found_photos.SHARES.values()) == pytest.approx(1)
    assert sum(found_photos.NOISES.values()) == pytest.approx(1)
    assert found_photos.ADD.keys() == found_photos.NOISES.keys()


def test_all_but_the_clean_end_in_a_jpeg(monkeypatch):
    saved = []

    def kept(frame, quality, random):
        saved.append(quality)
        return frame

    monkeypatch.setattr(found_photos, "jpeg", kept)
    counts = []
    for number in range(80):
        saved.clear()
        harmed(number, photo())
        counts.append(len(saved))
        assert all(30 <= quality <= 95 for quality in saved)
    assert set(counts) == {1, 2}

"""Laws of samples of pictures as they are found: what the wanted share of noise asks for."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from gantool.training import found_pairs
from gantool.training.found_pairs import FoundPairs, blend, draw, wanted_share, with_noise
from gantool.training.teacher import enlarged


def crop(random: np.random.Generator, size: int) -> np.ndarray:
    rough = random.random((size, size, 3), np.float32)
    return (60 + 130 * cv2.GaussianBlur(rough, (0, 0), 2)).astype(np.uint8)


SCENES = SimpleNamespace(crop=crop)


def test_a_sample_depends_on_seed_step_and_item_alone():
    data = FoundPairs(SCENES, 4, crop=8, size=2, clean=0.3)
    one, again, other = data.sample(1, 2, 3), data.sample(1, 2, 3), data.sample(1, 2, 4)
    assert {name: tuple(each.shape) for name, each in one.items()} == {
        "low": (3, 8, 8), "high": (3, 32, 32), "denoise": (1,),
    }  # fmt: skip
    assert all(torch.equal(each, again[name]) for name, each in one.items())
    assert not torch.equal(one["low"], other["low"])


def test_the_input_is_of_the_original_without_its_margin(monkeypatch):
    seen = []

    def harm(frame, scale, random, *, clean):
        seen.append(frame)
        small = frame[::scale, ::scale]
        return small, small + np.uint8(3)

    monkeypatch.setattr(found_pairs, "harm", harm)
    high, low, twin = draw(SCENES, 4, 8, 0.3, np.random.default_rng(0))
    assert np.array_equal(high, seen[0][16:-16, 16:-16])
    assert np.array_equal(low, high[::4, ::4])
    assert np.array_equal(twin, low + np.uint8(3))
    monkeypatch.setattr(found_pairs, "harm", lambda frame, *_, **__: [frame[::4, ::4]] * 2)
    _, low, twin = draw(SCENES, 4, 8, 0.3, np.random.default_rng(0))
    assert low is twin


def test_noise_is_what_the_twin_lacks_enlarged():
    random = np.random.default_rng(0)
    high, twin = crop(random, 32), crop(random, 8)
    low = (twin + random.integers(-9, 9, twin.shape)).astype(np.uint8)
    noise = low.astype(np.float32) - twin
    wanted = high + enlarged(noise, 32, 32)
    assert np.abs(with_noise(high, low, twin) - wanted).max() <= 0.5001
    assert np.array_equal(with_noise(high, twin, twin), high)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_targets_are_blended_by_the_share(share):
    random = np.random.default_rng(0)
    low, target, noisy = crop(random, 4), crop(random, 16), crop(random, 16)
    batch = blend(low, target, noisy, share)
    wanted = (share * target + (1 - share) * noisy).transpose(2, 0, 1) / 255
    assert np.abs(batch["high"].numpy() - wanted).max() < 1e-6
    assert batch["denoise"].tolist() == [share]


def test_half_lose_all_noise_and_a_quarter_none():
    random = np.random.default_rng(0)
    shares = np.array([wanted_share(random) for _ in range(2000)])
    assert (shares == 1).mean() == pytest.approx(0.5, abs=0.04)
    assert (shares == 0).mean() == pytest.approx(0.25, abs=0.04)
    between = shares[(shares > 0) & (shares < 1)]
    assert between.mean() == pytest.approx(0.5, abs=0.05)
    assert between.std() == pytest.approx(12**-0.5, abs=0.03)

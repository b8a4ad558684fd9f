"""Metrics against closed forms and against scikit-image."""

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from gantool.training import metrics


def picture(seed: int = 0, size: tuple[int, int] = (48, 61)) -> np.ndarray:
    """Smooth structure under a little noise, away from 0 and 255."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = np.dstack([np.sin(x / 5), np.cos(y / 7), np.sin((x + y) / 9)]) * 60 + 128
    return (waves + np.random.default_rng(seed).integers(-20, 21, waves.shape)).astype(np.uint8)


def flat(level: int, size: tuple[int, int] = (20, 20)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


@pytest.mark.parametrize("error", [1, 3, 10])
def test_psnr_rgb_of_a_known_error(error):
    result = picture() + np.uint8(error)
    assert metrics.psnr_rgb(result, picture()) == pytest.approx(20 * math.log10(255 / error))


@pytest.mark.parametrize("error", [1, 3, 10])
def test_psnr_y_sees_grey_errors_in_the_narrow_range_of_luma(error):
    result = picture() + np.uint8(error)
    narrow = error * 219 / 255
    wanted = pytest.approx(20 * math.log10(255 / narrow), abs=1e-4)
    assert metrics.psnr_y(result, picture(), crop=0) == wanted


def test_equal_pictures_have_infinite_psnr():
    assert metrics.psnr_rgb(picture(), picture()) == math.inf
    assert metrics.psnr_y(picture(), picture(), crop=4) == math.inf


def test_cropped_edges_do_not_count():
    result = picture()
    result[:4] = result[-4:] = 0
    result[:, :4] = result[:, -4:] = 0
    assert metrics.psnr_y(result, picture(), crop=4) == math.inf
    assert metrics.psnr_y(result, picture(), crop=3) < 40
    assert metrics.ssim_y(result, picture(), crop=4) == pytest.approx(1)
    assert metrics.ssim_y(result, picture(), crop=3) < 0.995


def test_luma_runs_from_16_to_235():
    assert metrics.luma(flat(0)) == pytest.approx(16)
    assert metrics.luma(flat(255)) == pytest.approx(235)


def test_ssim_of_a_picture_with_itself_is_1():
    assert metrics.ssim_y(picture(), picture(), crop=0) == pytest.approx(1)


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize("strength", [5, 40])
def test_ssim_is_that_of_scikit_image(crop, strength):
    original = picture()
    noise = np.random.default_rng(1).integers(-strength, strength + 1, original.shape)
    result = np.clip(original + noise, 0, 255).astype(np.uint8)
    inner = (slice(crop, -crop or None),) * 2
    theirs = structural_similarity(
        metrics.luma(result)[inner],
        metrics.luma(original)[inner],
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim_y(result, original, crop=crop) == pytest.approx(theirs, abs=1e-6)


def test_ssim_rgb_is_that_of_scikit_image():
    original = picture()
    noise = np.random.default_rng(1).integers(-20, 21, original.shape)
    result = np.clip(original + noise, 0, 255).astype(np.uint8)
    theirs = structural_similarity(
        result,
        original,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim_rgb(result, original) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("error", [1, 3, 10])
def test_l1_of_a_known_error_is_that_error(error):
    assert metrics.l1(picture() + np.uint8(error), picture()) == error


def features(seed: int, count: int, shift: float = 0.0, width: int = 8) -> np.ndarray:
    """Rows of independent normal numbers around `shift`."""
    return np.random.default_rng(seed).normal(shift, 1, (count, width)).astype(np.float32)


def test_mmd2_is_that_of_a_double_loop():
    x, y = features(0, 5), features(1, 4, 0.5)

    def mean(a, b, *, others: bool = False):
        values = [
            (float(one.astype(float) @ other.astype(float)) / 8 + 1) ** 3
            for i, one in enumerate(a)
            for j, other in enumerate(b)
            if not others or i != j
        ]
        return sum(values) / len(values)

    wanted = mean(x, x, others=True) + mean(y, y, others=True) - 2 * mean(x, y)
    assert metrics.mmd2(x, y) == pytest.approx(wanted, rel=1e-9)


def test_mmd2_is_unbiased_however_few_the_rows():
    found = [metrics.mmd2(features(2 * i, 3), features(2 * i + 1, 3)) for i in range(4000)]
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(len(found))


def test_kid_of_equal_distributions_is_0_within_its_deviation():
    mean, deviation = metrics.kid(features(0, 200), features(1, 200), size=100)
    assert abs(mean) < 2 * deviation
    assert deviation < 0.2


def test_kid_grows_with_a_shift():
    found = [
        metrics.kid(features(0, 100), features(1, 100, shift), size=50)[0]
        for shift in (0, 0.3, 0.6, 1.2)
    ]
    assert found == sorted(found)
    assert found[-1] > found[0] + 1


@pytest.mark.parametrize("paired", [False, True])
def test_kid_does_not_depend_on_the_order_of_the_rows(paired):
    x, y = features(0, 20), features(1, 20, 0.3)
    turn = np.random.default_rng(2).permutation(20)
    other = turn if paired else turn[::-1]
    wanted = metrics.kid(x, y, size=5, paired=paired)
    assert metrics.kid(x[turn], y[other], size=5, paired=paired) == wanted


def test_paired_rows_that_are_equal_are_as_far_as_the_halves_of_a_set():
    x = features(0, 60)
    mean, deviation = metrics.kid(x, x, size=30, paired=True)
    assert abs(mean) < 2 * deviation
    assert metrics.kid(x, x, size=30)[0] < -0.01  # rows that meet themselves look too near

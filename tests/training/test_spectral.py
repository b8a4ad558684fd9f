"""Distances of spectra and of repeating patterns, at pictures whose right answer is known."""

import math

import pytest
import torch

from gantool.training.spectral import spectral_distance, stride_distance


def test_a_constant_gap_is_all_in_one_coefficient():
    """4×6 pixels 0.5 apart: F(0, 0) = 0.5·√24, all else 0; 4·4 coefficients of two parts."""
    one, other = torch.full((2, 3, 4, 6), 0.75), torch.full((2, 3, 4, 6), 0.25)
    wanted = 0.5 * math.sqrt(24) / (4 * 4 * 2)
    assert spectral_distance(one, other).item() == pytest.approx(wanted)


def test_a_wave_is_one_coefficient_too():
    """cos(2πx/8) over 8×8: half of 8 at ±1, of which the transform of real pictures keeps one."""
    wave = torch.cos(torch.arange(8) * 2 * math.pi / 8).expand(1, 1, 8, 8)
    wanted = 4 / (8 * 5 * 2)
    assert spectral_distance(wave, torch.zeros(1, 1, 8, 8)).item() == pytest.approx(wanted)


def test_equal_pictures_are_at_zero_and_the_order_does_not_matter():
    random = torch.Generator().manual_seed(0)
    one, other = (torch.rand(2, 3, 9, 7, generator=random) for _ in range(2))
    assert spectral_distance(one, one).item() == 0
    assert spectral_distance(one, other).item() == pytest.approx(
        spectral_distance(other, one).item()
    )


def test_it_is_float32_amid_half_precision():
    one, other = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = spectral_distance(one.bfloat16(), other)
    assert found.dtype == torch.float32


def checked(height, width, level=0.5):
    """+level and −level, a board whose cell is 2×2."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (level * (1 - 2 * ((rows + columns) % 2))).expand(1, 3, height, width)


def test_a_board_of_the_stride_is_seen_in_full():
    flat = torch.zeros(1, 3, 16, 24)
    assert stride_distance(checked(16, 24, 0.25), flat, 2).item() == pytest.approx(0.25)
    assert stride_distance(flat, checked(16, 24, 0.25), 4).item() == pytest.approx(0.25)


def test_what_has_another_period_cancels_out():
    """A board of stride 2 moves through the cells of 3: alternating ones have the other sign."""
    flat = torch.zeros(1, 3, 24, 24)
    assert stride_distance(checked(24, 24), flat, 3).item() == pytest.approx(0, abs=1e-6)


def test_levels_and_what_is_the_same_in_all_places_do_not_count():
    flat = torch.zeros(1, 3, 16, 16)
    assert stride_distance(flat + 0.5, flat, 4).item() == 0
    large = torch.rand(1, 3, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert stride_distance(large, flat, 4).item() == pytest.approx(0, abs=1e-6)


def test_noise_counts_a_quarter_of_a_pattern_as_strong():
    """The mean of 16 repetitions has a quarter of their deviation."""
    noise = torch.randn(4, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    flat = torch.zeros_like(noise)
    ratio = (stride_distance(noise, flat, 4) / noise.abs().mean()).item()
    assert ratio == pytest.approx(0.25 * math.sqrt(15 / 16), rel=0.05)

"""Laws of HDR on common screens: what they can show stays, the rest is rolled off, hues stay."""

import numpy as np
import pytest

from gantool.media.video.colour import Colour
from gantool.media.video.tonemap import PEAK, WHITE, mapper

M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq(nits):
    """The code of so many nits, as frames have it."""
    power = (np.asarray(nits, float) / 10_000) ** M1
    return np.rint(((C1 + C2 * power) / (1 + C3 * power)) ** M2 * 65_280).astype(np.uint16)


def shown(nits, *, deep=True):
    """What a grey of so many nits becomes, 0 to 1."""
    codes = np.repeat(pq(nits).reshape(1, -1, 1), 3, axis=2)
    mapped = mapper(Colour(9, 9, 16, full=False))(codes, deep=deep)
    assert mapped.dtype == (np.uint16 if deep else np.uint8)
    assert np.ptp(mapped.astype(int), axis=2).max() <= (30 if deep else 1)
    return mapped[0, :, 0] / (65_535 if deep else 255)


@pytest.mark.parametrize("nits", [0, 1, 5, 20, 50, 80])
def test_what_a_screen_can_show_is_as_bright_as_it_was(nits):
    assert shown([nits])[0] == pytest.approx((nits / WHITE) ** (1 / 2.4), abs=0.004)


def test_highlights_rise_up_to_the_peak_and_are_white_from_there():
    light = shown(np.linspace(0, PEAK, 500))  # of which a table has steps
    assert np.diff(light).min() > -3e-4
    assert 0.8 < light[round(WHITE / PEAK * 500)] < 0.95
    assert light[-1] == pytest.approx(1, abs=0.003)
    assert shown([4000, 10_000], deep=False).tolist() == [1, 1]


def test_a_bright_colour_keeps_its_hue():
    bright, dark = ([[[1.0, 0.6, 0.5]]] * np.array(scale) for scale in (600, 60))
    mapped = [
        mapper(Colour(9, 9, 16, full=False))(pq(each), deep=True)[0, 0] for each in (bright, dark)
    ]
    ratios = [(each / each.max()) ** 2.4 for each in mapped]
    assert np.abs(ratios[0] - ratios[1]).max() < 0.01


def test_hlg_is_mapped_too():
    codes = np.linspace(0, 65_280, 300).astype(np.uint16)[None, :, None].repeat(3, 2)
    light = mapper(Colour(9, 9, 18, full=False))(codes, deep=False)[0, :, 0].astype(int)
    assert (np.diff(light) >= 0).all()
    assert (light[0], light[-1]) == (0, 255)
    assert 180 < light[225] < 235  # 75 % is its diffuse white

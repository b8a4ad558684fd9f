"""HDR for common screens: light of PQ or HLG film in BT.2020, as a BT.709 picture.

Highlights are rolled off by the curve of Report ITU-R BT.2390-8, section 5.4.1, applied to the
strongest channel so that hues stay; colours outside BT.709 are cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gantool.media.video.colour import HLG

if TYPE_CHECKING:
    from gantool.media.video.colour import Colour
    from gantool.pipeline import Frame

Values: TypeAlias = NDArray[np.float32]
PEAK = 1000.0
"""Nits that films of either kind are usually graded for."""
WHITE = 203.0
"""Nits of a diffuse white, Report ITU-R BT.2408: becomes that of the screen, highlights above."""
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_BT2020_TO_709 = np.array(
    [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ],
    np.float32,
)
_STEPS = 1 << 14


def mapper(colour: Colour) -> Callable[..., Frame]:
    """(H×W×3 uint16 as decoded, deep) → H×W×3 BT.709, uint16 where deep, else uint8."""
    codes = np.arange(1 << 16, dtype=np.float64) / 65_280  # where swscale puts white
    light = (_of_hlg(codes) if colour.transfer == HLG else _of_pq(codes)).astype(np.float32)
    grid = np.linspace(0, 1, _STEPS) ** 2 * (PEAK / WHITE)  # finer where the eye is
    gains = (_rolled_off(grid) / np.maximum(grid, 1e-9)).astype(np.float32)

    def mapped(frame: Frame, *, deep: bool) -> Frame:
        linear = cv2.transform(np.minimum(light[frame], PEAK / WHITE), _BT2020_TO_709)
        strongest = np.clip(linear.max(axis=2), 0, PEAK / WHITE)
        place = np.sqrt(strongest * (WHITE / PEAK)) * (_STEPS - 1)
        shown = np.clip(linear * gains[place.astype(np.int32)][..., None], 0, 1)
        most = 65_535 if deep else 255
        return cast("Frame", np.rint(_coded(shown) * most).astype(np.uint16 if deep else np.uint8))

    return mapped


def _of_pq(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in units of white, SMPTE ST 2084."""
    root = np.clip(codes, 0, 1) ** (1 / _M2)
    light = (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return light * (10_000 / WHITE)


def _of_hlg(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same by ARIB STD-B67 on a screen of PEAK nits; its gamma by channel."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    codes = np.clip(codes, 0, 1)
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    return scene**1.2 * (PEAK / WHITE)


def _to_pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.clip(light * (WHITE / 10_000), 0, 1) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _rolled_off(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light up to PEAK into light up to white: straight below the knee, a Hermite spline above."""
    top = float(_to_pq(np.array(PEAK / WHITE)))
    most = float(_to_pq(np.array(1.0))) / top
    knee = 1.5 * most - 0.5
    x = _to_pq(light) / top
    t = np.clip((x - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return _of_pq(np.where(x < knee, x, spline) * top)


def _coded(light: Values) -> Values:
    """Light to the signal of a screen with gamma 2.4, Recommendation ITU-R BT.1886."""
    return cast(Values, np.power(light, np.float32(1 / 2.4)))

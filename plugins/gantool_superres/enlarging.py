"""Frames enlarged by models: in turn, by two at once, and reduced to the size that is wanted."""

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gantool import Frame, ItemError, Predict

Floats: TypeAlias = NDArray[np.float32]
LUMA = (0.299, 0.587, 0.114)
"""Y′ of Rec.601."""
PLAIN = 0.15
"""Share of a cubic enlargement in a blend half and half, the most there is."""
REACH = 3
"""Rows beyond its own that a cubic looks at, and one more."""
COARSE = 2.0
"""Deviation of the blur, pixels, that takes the specks off differences of colour."""
MARGIN = 8
"""Rows that it looks beyond its own."""
STRIP = 256
"""Rows that are blended at once: a large result needs no second one in memory."""


def blended(predicts: tuple[Predict, ...], share: float, frame: Frame) -> Frame:
    """Return what the second model gives, moved by `share` towards what the first, sharp one gives.

    Luma moves as it is. Colours move by what is coarse in their difference, twice as far: the
    sharp model removes the colour blocks of JPEG, but its own colours have fine specks. A little
    of a cubic enlargement calms what both models make of noise (+0.07 dB where there is some).
    """
    sharp, true = (predict(frame) for predict in predicts)
    above = true[:0].copy()  # the last rows as they were before they were blended
    for top in range(0, len(true), STRIP):
        rows = slice(top, min(top + STRIP, len(true)))
        part = np.concatenate([above, true[top : rows.stop + MARGIN]])
        wide = slice(top - len(above), top - len(above) + len(part))
        inner = slice(len(above), len(above) + rows.stop - top)
        apart = _apart(_rows(sharp, wide, true), part)
        shift = share * _luma(apart[inner]) + min(1, 2 * share) * _coarse_colour(apart)[inner]
        shift += plain_share(share) * _luma(_apart(_enlarged_rows(frame, rows, true), part[inner]))
        true[rows] = _shifted(part[inner], shift)
        above = part[max(0, inner.stop - MARGIN) : inner.stop]
    return true


def plain_share(share: float) -> float:
    """Return the weight of the cubic: none at the ends, where one model is alone.

    So the true model's weight, (1 − share)(1 − 4·PLAIN·share), is never negative.
    """
    return 4 * PLAIN * share * (1 - share)


def _rows(sharp: Frame, rows: slice, like: Frame) -> Frame:
    """Those rows of a result that may be finer than `like`, at its size."""
    finer = len(sharp) // len(like)
    part = sharp[rows.start * finer : rows.stop * finer]
    return reduce(part, rows.stop - rows.start, like.shape[1])


def _enlarged_rows(frame: Frame, rows: slice, like: Frame) -> Frame:
    """Those rows of a cubic enlargement of `frame` to the size of `like`."""
    scale = len(like) // len(frame)
    first = max(0, rows.start // scale - REACH)
    part = frame[first : -(-rows.stop // scale) + REACH]
    size = like.shape[1], len(part) * scale
    large = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC)
    return cast(Frame, large[rows.start - first * scale : rows.stop - first * scale])


def _apart(one: Frame, other: Frame) -> Floats:
    """One less the other, H×W×3 float32."""
    return cast(Floats, cv2.subtract(one, other, dtype=cv2.CV_32F))


def _luma(apart: Floats) -> Floats:
    """Its Y′, in every channel."""
    return cast(Floats, cv2.transform(apart, np.array([LUMA] * 3, np.float32)))


def _coarse_colour(apart: Floats) -> Floats:
    """What is left without its Y′, blurred."""
    return cast(Floats, cv2.GaussianBlur(apart - _luma(apart), (0, 0), COARSE))


def _shifted(frame: Frame, by: Floats) -> Frame:
    depth = cv2.CV_8U if frame.dtype.itemsize == 1 else cv2.CV_16U
    return cast(Frame, cv2.add(frame, by, dtype=depth))


def enlarge(frame: Frame, scale: int, predicts: tuple[Predict, ...]) -> Frame:
    """H×W×3 → sH×sW×3: the models in turn, the last again until it is enough, then reduced."""
    height, width = frame.shape[0] * scale, frame.shape[1] * scale
    large, step = frame, 0
    while large.shape[0] < height:
        before = large.shape[0]
        large = predicts[min(step, len(predicts) - 1)](large)
        step += 1
        if large.shape[0] <= before:
            raise ItemError("this model does not enlarge: choose another with --model")
    return reduce(large, height, width)


def reduce(frame: Frame, height: int, width: int) -> Frame:
    """H×W×3 → height×width×3: what a scale between those of the models needs."""
    if frame.shape[:2] == (height, width):
        return frame
    # Cubic keeps ¾ of the size sharper (+0.1 dB on Set5); below one half it would alias.
    how = cv2.INTER_CUBIC if 2 * height > frame.shape[0] else cv2.INTER_AREA
    return cast(Frame, cv2.resize(frame, (width, height), interpolation=how))

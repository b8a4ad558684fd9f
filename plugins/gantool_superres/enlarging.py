"""Frames enlarged by models: in turn, by two at once, and reduced to the size that is wanted."""

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gantool import Frame, ItemError, Predict

Lumas: TypeAlias = NDArray[np.float32]
LUMA = (0.299, 0.587, 0.114)
"""Y′ of Rec.601."""
PLAIN = 0.15
"""Share of a cubic enlargement in a blend half and half, the most there is."""
REACH = 3
"""Rows beyond its own that a cubic looks at, and one more."""
STRIP = 256
"""Rows that are blended at once: a large result needs no second one in memory."""


def blended(predicts: tuple[Predict, ...], share: float, frame: Frame) -> Frame:
    """Return what the second model gives, its luma moved by `share` towards the first's.

    So the colours are those of the true model alone: the sharp one's have specks. A little of a
    cubic enlargement calms what both models make of noise (+0.07 dB where there is some).
    """
    plain = plain_share(share)
    sharp, true = (predict(frame) for predict in predicts)
    for top in range(0, len(true), STRIP):
        rows = slice(top, min(top + STRIP, len(true)))
        luma = share * _luma_apart(_rows(sharp, rows, true), true[rows])
        luma += plain * _luma_apart(_enlarged_rows(frame, rows, true), true[rows])
        true[rows] = _shifted(true[rows], luma)
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


def _luma_apart(one: Frame, other: Frame) -> Lumas:
    """H×W×3 float32, Y′ of one less that of the other in every channel."""
    apart = cv2.subtract(one, other, dtype=cv2.CV_32F)
    return cast(Lumas, cv2.transform(apart, np.array([LUMA] * 3, np.float32)))


def _shifted(frame: Frame, by: Lumas) -> Frame:
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

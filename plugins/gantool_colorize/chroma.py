"""Luma and chroma of frames (Rec.601, full range), and how chroma is laid on luma.

Lumas are H×W and chromas H×W×2, Cb and Cr, float32; luma in [0, 1], chroma in [−½, ½].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from gantool import Frame

if TYPE_CHECKING:  # the command line starts without it
    import numpy as np
    from numpy.typing import NDArray

    Plane: TypeAlias = NDArray[np.float32]
else:
    Plane = Any

LUMA = (0.299, 0.587, 0.114)
OFFSETS = ((0.0, -0.344136, 1.772), (1.402, -0.714136, 0.0))
"""What Cb and Cr add to luma in R, G and B."""
STRIP = 1 << 21
"""Pixels that are coloured at once."""
RADIUS, EPS = 10, 2e-3
"""Of the guided filter: pixels of the reduced frame, and the variance of luma that is an edge."""


def brightest(frame: Frame) -> float:
    """255 or 65535."""
    import numpy as np

    return float(np.iinfo(frame.dtype).max)


def luma(frame: Frame) -> Plane:
    """H×W×3 → Y′."""
    import numpy as np

    weights = np.array(LUMA, np.float32) / np.float32(brightest(frame))
    return frame.astype(np.float32) @ weights


def chroma(frame: Frame) -> Plane:
    """H×W×3 → Cb and Cr."""
    import numpy as np

    colours, y = frame.astype(np.float32) / np.float32(brightest(frame)), luma(frame)
    pair = (colours[..., 2] - y) / OFFSETS[0][2], (colours[..., 0] - y) / OFFSETS[1][0]
    return cast(Plane, np.stack(pair, 2))


def grey(y: Plane) -> Frame:
    """Three equal channels, uint16: a model loses nothing by it."""
    import numpy as np

    levels = np.round(y.clip(0, 1) * 65535).astype(np.uint16)
    return np.repeat(levels[..., None], 3, axis=2)


def guided(y: Plane, colours: Plane) -> Plane:
    """h×w, h×w×2 → h×w×4, gains and biases so that gain·luma + bias follows `colours` locally.

    Its edges are those of the luma. He et al., «Guided Image Filtering», 2010.
    """
    import numpy as np

    y = np.ascontiguousarray(y)[..., None]
    mean, mean_colours = _mean(y), _mean(colours)
    variance = _mean(y * y) - mean * mean
    gain = (_mean(y * colours) - mean * mean_colours) / (variance + EPS)
    return _mean(np.concatenate([gain, mean_colours - gain * mean], 2))


def _mean(planes: Plane) -> Plane:
    """Over the squares of the guided filter, h×w×C."""
    import cv2

    side = 2 * RADIUS + 1
    means = cv2.blur(planes, (side, side), borderType=cv2.BORDER_REFLECT)
    return cast(Plane, means.reshape(planes.shape))


def merged(frame: Frame, fit: Plane, intensity: float) -> Frame:
    """H×W×3 with its luma and, times `intensity`, the chroma of `fit`, h×w×4 as `guided` gives it.

    The luma stays, to half a level; a chroma that it cannot have is scaled until it can.
    """
    import numpy as np

    result, top = np.empty_like(frame), brightest(frame)
    for rows, gains in _strips(fit, *frame.shape[:2]):
        y = luma(frame[rows])[..., None]
        colours = intensity * (gains[..., :2] * y + gains[..., 2:])
        result[rows] = np.round(in_gamut(y, colours) * np.float32(top))
    return result


def on_luma(frame: Frame, colours: Frame) -> Frame:
    """H×W×3 with the luma of `frame` and the chroma of `colours`, as far as it can have it."""
    import numpy as np

    result, top = np.empty_like(frame), brightest(frame)
    step = max(1, STRIP // frame.shape[1])
    for start in range(0, len(frame), step):
        rows = slice(start, start + step)
        laid = in_gamut(luma(frame[rows])[..., None], chroma(colours[rows]))
        result[rows] = np.round(laid * np.float32(top))
    return result


def in_gamut(y: Plane, colours: Plane) -> Plane:
    """H×W×1, H×W×2 → H×W×3 in [0, 1] of exactly this luma."""
    import numpy as np

    added = colours @ np.array(OFFSETS, np.float32)
    room = np.where(added > 0, 1 - y, y)
    share = (room / np.maximum(np.abs(added), np.float32(1e-6))).min(2, keepdims=True)
    return cast(Plane, (y + np.minimum(share, 1) * added).clip(0, 1))


def _strips(fit: Plane, height: int, width: int) -> Iterator[tuple[slice, Plane]]:
    """`fit` enlarged to height×width between neighbours, some rows at a time: never all of it."""
    import cv2
    import numpy as np

    rows = (np.arange(height, dtype=np.float32) + 0.5) * len(fit) / height - 0.5
    rows = rows.clip(0, len(fit) - 1)
    above = np.minimum(rows.astype(np.intp), max(len(fit) - 2, 0))
    below = np.minimum(above + 1, len(fit) - 1)
    share = (rows - above)[:, None, None]
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        part = slice(top, min(top + step, height))
        some = fit[above[part]] * (1 - share[part]) + fit[below[part]] * share[part]
        wide = cv2.resize(some, (width, len(some)), interpolation=cv2.INTER_LINEAR)
        yield part, cast(Plane, wide.reshape(len(some), width, fit.shape[2]))

"""What an old print does to a grey picture: its tint, and the contrast that it has lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gantool import Frame
from gantool_colorize import chroma

if TYPE_CHECKING:
    from gantool_colorize.chroma import Plane

STEPS = 16
"""Levels of luma, each with a tint of its own."""
USUAL, STRONG = 0.016, 0.045
"""Chroma off the tint, as root mean square and as what a hundredth exceeds, from which on it is
the picture's own: stained and yellowed prints stay below."""
CONTRAST, MARGIN = 0.7, 0.05
"""Range of luma under which a print has faded; what is left dark and bright of a new one."""


def is_coloured(frame: Frame) -> bool:
    """Whether colours vary otherwise than with luma: a sepia print has a tint for each."""
    import numpy as np

    y, found = chroma.luma(frame).ravel(), chroma.chroma(frame).reshape(-1, 2)
    step = np.minimum(y * STEPS, STEPS - 1).astype(np.intp)
    count = np.maximum(np.bincount(step, minlength=STEPS), 1)
    tints = np.stack([np.bincount(step, each, STEPS) / count for each in found.T], 1)
    off = np.hypot(*(found - tints[step]).T)
    return bool(np.sqrt((off**2).mean()) > USUAL or np.quantile(off, 0.99) > STRONG)


def stretched(y: Plane) -> Plane:
    """The luma of a faded print over the whole range; others as they are, flat ones too.

    Not quite black and white, which would have no colours.
    """
    import numpy as np

    dark, bright = np.quantile(y, (0.005, 0.995))
    if not 0.1 < bright - dark < CONTRAST:
        return y
    stretched = MARGIN + (1 - 2 * MARGIN) * (y - dark) / (bright - dark)
    return cast("Plane", stretched.clip(0, 1).astype(np.float32))

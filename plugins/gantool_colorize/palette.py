"""The palette of a photograph, and how colours are moved towards it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gantool import Frame, UsageError
from gantool_colorize import chroma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gantool_colorize.chroma import Plane

BANDS = 6
"""Levels of luma that have a mean colour of their own."""
SIDE = 256
MOST = 4.0
"""Factor by which the spread of colours grows at most."""
TINY = 1e-5


@dataclass(frozen=True)
class Palette:
    """Chroma by luma."""

    means: NDArray[np.float64]
    """BANDS×2, from dark to bright."""
    spread: NDArray[np.float64]
    """2×2: covariance of the chroma about them."""


def read(path: Path) -> Palette:
    """Of a picture file. Raises UsageError."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (SIDE, SIDE))  # a JPEG need not be decoded in full
            small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE))
    except Exception as error:  # whatever Pillow raises for what is no picture
        raise UsageError(f"--reference {path}: cannot be read: {error}") from error
    return of(np.asarray(small))


def of(frame: Frame) -> Palette:
    """H×W×3 → its palette."""
    return measured(chroma.luma(frame), chroma.chroma(frame))


def measured(y: Plane, colours: Plane) -> Palette:
    """A band that few pixels are in has nearly the mean of all."""
    import numpy as np

    weights, pixels = _bands(y), colours.reshape(-1, 2).astype(np.float64)
    few = 0.02 * len(pixels)
    means = (weights.T @ pixels + few * pixels.mean(0)) / (weights.sum(0)[:, None] + few)
    off = pixels - weights @ means
    return Palette(means, off.T @ off / len(off) + TINY * np.eye(2))


def moved(colours: Plane, y: Plane, wanted: Palette) -> Plane:
    """h×w×2 with the palette `wanted`: means by luma, and the covariance about them.

    Linear Monge–Kantorovitch: Pitié and Kokaram, «The Linear Monge-Kantorovitch Linear Colour
    Mapping …», 2007.
    """
    import numpy as np

    had, weights = measured(y, colours), _bands(y)
    off = colours.reshape(-1, 2) - weights @ had.means
    pixels = weights @ wanted.means + off @ _map(had.spread, wanted.spread)
    return cast("Plane", pixels.reshape(colours.shape).astype(np.float32))


def _bands(y: Plane) -> NDArray[np.float64]:
    """pixels×BANDS: how much each pixel belongs to each, linearly from one to the next."""
    import numpy as np

    place = np.clip(y.ravel(), 0, 1).astype(np.float64)[:, None] * (BANDS - 1)
    weights: NDArray[np.float64] = np.maximum(1 - np.abs(place - np.arange(BANDS)), 0)
    return weights


def _map(had: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric matrix M with M·had·M = wanted, nothing of it larger than MOST."""
    import numpy as np

    root = _root(had)
    back = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(back @ _root(root @ wanted @ root) @ back)
    return cast("NDArray[np.float64]", (vectors * values.clip(0, MOST)) @ vectors.T)


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    values, vectors = np.linalg.eigh(matrix)
    return cast("NDArray[np.float64]", (vectors * np.sqrt(values.clip(0))) @ vectors.T)

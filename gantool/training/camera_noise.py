"""Noise as cameras make it. Pictures are H×W×3 uint8, σ is in levels of 255.

Every function draws from the generator that it is given, and from nothing else.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gantool.training.degrade import Bytes

Floats = NDArray[np.float32]
MIDDLE = 128
"""The level at which noise of photons has the σ that is asked for."""
CB = np.array([0, -0.344, 1.772], np.float32)
CR = np.array([1.402, -0.714, 0], np.float32)
"""What Cb and Cr add to red, green and blue."""
LUMA_SHARE = 0.3
"""Of the noise in the chroma, how much there is in the luma."""
READ_SHARE = 0.3
"""Of a sensor's variance at mid grey: what is there in the dark as well."""


def add_gaussian(frame: Bytes, sigma: float, random: Generator, *, grey: bool = False) -> Bytes:
    """Add normal noise, to each channel its own, or one to all three."""
    drawn = random.standard_normal((*frame.shape[:2], 1 if grey else 3), np.float32)
    return to_bytes(frame + sigma * drawn)


def add_photons(frame: Bytes, sigma: float, random: Generator) -> Bytes:
    """Draw each value from a Poisson distribution, whose deviation at mid grey is `sigma`."""
    gain = sigma**2 / MIDDLE
    return to_bytes(random.poisson(frame / gain) * gain)


def add_chroma(frame: Bytes, sigma: float, random: Generator) -> Bytes:
    """Add coloured blotches of a pixel or two: σ of Cb and Cr, and less of the luma."""
    size = random.uniform(0.3, 1.5)
    drawn = random.standard_normal((*frame.shape[:2], 3), np.float32)
    cb, cr = (_blotches(drawn[..., n], size)[..., None] for n in range(2))
    noise = cb * CB + cr * CR + LUMA_SHARE * drawn[..., 2:]
    return to_bytes(frame + sigma * noise)


def through_sensor(frame: Bytes, sigma: float, random: Generator) -> Bytes:
    """Take the picture through a Bayer mosaic: noise on single colours, then demosaicing.

    With σ 0 what remains is the loss of detail. The variance is READ_SHARE of it in the dark, all
    at mid grey, and grows on with the light.
    """
    red, green, blue = (frame[..., n].astype(np.float32) for n in range(3))
    mosaic = green.copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = red[::2, ::2], blue[1::2, 1::2]
    deviation = sigma * np.sqrt(READ_SHARE + (1 - READ_SHARE) * mosaic / MIDDLE)
    noisy = to_bytes(mosaic + deviation * random.standard_normal(mosaic.shape, np.float32))
    aware = random.random() < 0.5
    how = cv2.COLOR_BayerRGGB2RGB_EA if aware else cv2.COLOR_BayerRGGB2RGB
    return cv2.cvtColor(noisy, how).astype(np.uint8)


def to_bytes(values: NDArray[np.floating]) -> Bytes:
    """Round and clip to uint8."""
    levels: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels


def _blotches(drawn: Floats, size: float) -> Floats:
    """Noise blurred by σ `size`, its deviation 1 as before."""
    soft = cv2.GaussianBlur(drawn, (0, 0), size)
    return np.asarray(soft / soft.std(), np.float32)

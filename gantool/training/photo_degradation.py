"""What happens to photographs before they are to be enlarged, made from sharp ones by chance.

After Wang et al., «Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
Data», 2021, with milder strengths. Pictures are H×W×3 uint8; every function takes what it draws
from the generator that it is given, and nothing else.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from gantool.training import degrade
from gantool.training.degrade import Bytes

RESIZES = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
Range = tuple[float, float]


@dataclass(frozen=True)
class Round:
    """One time that a picture is taken, sized and saved; shares are of the pictures it befalls."""

    blurred: float
    blur: Range
    """σ in pixels of the picture as it comes."""
    resize: Range
    noisy: float
    noise: Range
    """σ of 255."""
    quality: tuple[int, int]
    """Of JPEG."""


FIRST = Round(0.8, (0.2, 2.2), (0.4, 1.2), 0.6, (1, 12), (40, 95))
SECOND = Round(0.5, (0.2, 1.0), (0.8, 1.3), 0.4, (1, 6), (50, 95))
"""It befalls a picture that is small already."""
SAVED = (45, 95)
"""Quality where nothing but JPEG has harmed the picture."""


def degraded(frame: Bytes, scale: int, random: Generator, *, clean: float, light: float) -> Bytes:
    """`sH×sW×3 → H×W×3`, one of three kinds.

    A share `clean` of pictures is reduced and nothing else, a share `light` is reduced and saved
    as JPEG, and the others go through blur, resize, noise and JPEG twice.
    """
    kind = random.random()
    if kind < clean:
        return degrade.reduce(frame, scale)
    if kind < clean + light:
        return jpeg(degrade.reduce(frame, scale), _whole(random, SAVED), random)
    return twice(frame, scale, random)


def twice(frame: Bytes, scale: int, random: Generator) -> Bytes:
    """`sH×sW×3 → H×W×3`: the second-order degradation, Wang et al. 2021, section 3.2."""
    height, width = frame.shape[0] // scale, frame.shape[1] // scale
    once = _shaken(frame, FIRST, random, frame.shape[:2])
    once = jpeg(once, _whole(random, FIRST.quality), random)
    again = _shaken(once, SECOND, random, (height, width))
    again = _resized(again, height, width, random)
    return jpeg(again, _whole(random, SECOND.quality), random)


def blur(frame: Bytes, random: Generator, sigma: Range) -> Bytes:
    """By a Gaussian, half of them longer in one direction, at any angle."""
    x, y = sorted(random.uniform(*sigma, 2))
    if random.random() < 0.5:
        return cv2.GaussianBlur(frame, (0, 0), y).astype(np.uint8)
    reach = max(1, round(3 * y))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    angle = random.uniform(0, np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    kernel = np.exp(-0.5 * ((along / y) ** 2 + (across / x) ** 2))
    return cv2.filter2D(frame, -1, kernel / kernel.sum()).astype(np.uint8)


def noise(frame: Bytes, random: Generator, sigma: Range) -> Bytes:
    """Gaussian, or of the photons: then σ is that of mid grey. In four of ten pictures grey."""
    channels = 1 if random.random() < 0.4 else 3
    strength = random.uniform(*sigma)
    drawn = random.standard_normal((*frame.shape[:2], channels), dtype=np.float32) * strength
    values = frame.astype(np.float32)
    if random.random() < 0.5:  # a normal distribution stands for Poisson's
        drawn *= np.sqrt(values.mean(axis=2, keepdims=True) / 128)
    return _bytes(values + drawn)


def jpeg(frame: Bytes, quality: int, random: Generator) -> Bytes:
    """As a JPEG file gives it back; three of four have half the colour resolution."""
    subsampling = 0 if random.random() < 0.25 else 2
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def _shaken(frame: Bytes, how: Round, random: Generator, size: tuple[int, int]) -> Bytes:
    """Blur, resize to about `size`, noise."""
    if random.random() < how.blurred:
        frame = blur(frame, random, how.blur)
    factor = random.uniform(*how.resize)
    height, width = (max(1, round(length * factor)) for length in size)
    frame = _resized(frame, height, width, random)
    return noise(frame, random, how.noise) if random.random() < how.noisy else frame


def _resized(frame: Bytes, height: int, width: int, random: Generator) -> Bytes:
    how = RESIZES[int(random.integers(len(RESIZES)))]
    return cv2.resize(frame, (width, height), interpolation=how).astype(np.uint8)


def _whole(random: Generator, bounds: tuple[int, int]) -> int:
    return int(random.integers(bounds[0], bounds[1] + 1))


def _bytes(values: NDArray[np.float32]) -> Bytes:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

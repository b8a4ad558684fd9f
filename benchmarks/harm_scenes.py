"""Flat scenes for harm.py, kinds of noise, and calm places of photographs.

All is drawn from seeds: two calls give the same pixels. Pictures are H×W×3 uint8, as a model gets
them.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
from gates import Frame  # beside this file
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from gantool.training import degrade, metrics

SIDE = 96
CROP = 64
"""Side of what is taken from a photograph."""
MOST_CROPS = 6
Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]


def seed_generator(*names: object) -> Generator:
    """Return the generator that belongs to these names, on every machine the same."""
    return np.random.default_rng(zlib.crc32(repr(names).encode()))


def to_frame(values: NDArray[np.floating]) -> Frame:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def make_grey() -> Frame:
    return np.full((SIDE, SIDE, 3), 128, np.uint8)


def make_sky() -> Frame:
    """Blue above, pale above the horizon: less than a level a pixel."""
    return _blend_vertically((96, 144, 208), (186, 208, 232))


def make_night() -> Frame:
    """A dark sky over a town: nine small lights, the rest within a few levels."""
    frame = _blend_vertically((12, 14, 24), (30, 26, 30)).astype(np.float64)
    random = seed_generator("night")
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for _ in range(9):
        y, x = random.uniform(8, SIDE - 8, 2)
        spread = random.uniform(0.6, 1.4)
        light = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * spread**2))
        frame += light[..., None] * random.uniform((200, 150, 60), (240, 200, 140))
    return to_frame(frame)


def _blend_vertically(top: Colour, bottom: Colour) -> Frame:
    share = np.linspace(0, 1, SIDE)[:, None, None]
    return to_frame(np.broadcast_to((1 - share) * top + share * np.array(bottom), (SIDE, SIDE, 3)))


SCENES: Mapping[str, Callable[[], Frame]] = {
    "grey": make_grey,
    "sky": make_sky,
    "night": make_night,
}


def find_flat_crops(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """The calmest squares of skies by day and of dark places: at most one of each a photograph."""
    found: dict[str, list[Frame]] = {"photo sky": [], "photo night": []}
    for frame in frames:
        half = degrade.reduce(frame, 2)  # takes the photograph's own noise away
        for name, crops in found.items():
            calm = [crop for crop in _cut_squares(half, name) if _measure_unrest(crop) < 0.7]
            if calm and len(crops) < MOST_CROPS:
                crops.append(min(calm, key=_measure_unrest))
    return {name: crops for name, crops in found.items() if crops}


def _cut_squares(frame: Frame, name: str) -> Iterator[Frame]:
    """Those that may be sky (bluish, from the upper half) or night (dark)."""
    height = frame.shape[0] // 2 if name == "photo sky" else frame.shape[0]
    for top in range(0, height - CROP + 1, CROP):
        for left in range(0, frame.shape[1] - CROP + 1, CROP):
            crop = frame[top : top + CROP, left : left + CROP]
            red, _, blue = crop.mean((0, 1))
            light = crop.mean()
            if (light > 90 and blue >= red) if name == "photo sky" else 8 < light < 45:
                yield crop


def _measure_unrest(frame: Frame) -> float:
    return float(high_pass(frame).std())


def high_pass(frame: Frame, sigma: float = 2) -> NDArray[np.float64]:
    """Luma without what is left of it after a Gaussian."""
    luma = metrics.luma(frame)
    return luma - cv2.GaussianBlur(luma, (0, 0), sigma)


def find_flat_area(clean: Frame) -> Mask:
    """H×W: where nothing is to be seen within 5 pixels, 4 off the edges."""
    energy = np.abs(high_pass(clean)) > 1.5
    area = cv2.dilate(energy.astype(np.uint8), np.ones((11, 11), np.uint8)) == 0
    area[:4] = area[-4:] = area[:, :4] = area[:, -4:] = False
    return area


def add_gaussian(frame: Frame, sigma: float, random: Generator) -> Frame:
    return to_frame(frame + random.normal(0, sigma, frame.shape))


def add_poisson(frame: Frame, sigma: float, random: Generator) -> Frame:
    """Count photons, so many that grey 128 has a deviation of `sigma`: less in the dark."""
    gain = sigma**2 / 128
    return to_frame(gain * random.poisson(frame / gain))


def take_as_camera(frame: Frame, sigma: float, random: Generator) -> Frame:
    """One noisy value a pixel (Bayer's mosaic), demosaiced, saved as JPEG of quality 85."""
    noisy = add_gaussian(frame, sigma, random)
    mosaic = noisy[..., 1].copy()  # green on one diagonal
    mosaic[::2, ::2] = noisy[::2, ::2, 0]
    mosaic[1::2, 1::2] = noisy[1::2, 1::2, 2]
    return save_as_jpeg(cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB).astype(np.uint8), 85)


def save_as_jpeg(frame: Frame, quality: int) -> Frame:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


NOISES: Mapping[str, Callable[[Frame, float, Generator], Frame]] = {
    "gaussian": add_gaussian,
    "poisson": add_poisson,
    "camera": take_as_camera,
}

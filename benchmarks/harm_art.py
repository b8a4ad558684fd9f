"""Art for harm.py whose right answer is known: pages of text and lines, poles, colourful pictures.

All is drawn from seeds: two calls give the same pixels. Pictures are H×W×3 uint8, as a model gets
them; a length is a pixel of these.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from gates import Frame  # beside this file
from harm_scenes import SIDE, Colour, Mask, add_gaussian, save_as_jpeg, seed_generator, to_frame
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gantool.training import degrade

PAGE = 128
FINE = 8
"""Pages are drawn this many times larger, then reduced."""
AWAY = 1.5
"""Paper is judged farther than this from ink: nearer, the reduction itself leaves much grey."""
SLOPES = (-0.0617, 0.0437, 0.0731, 0.1093, 0.1419, 0.1873)
"""None with a step every whole number of rows, which would look like dots."""
PHOTO_SIDE, MOST_PHOTOS = 128, 40


@dataclass(frozen=True)
class Page:
    """Ink of one colour on paper of another."""

    name: str
    frame: Frame
    paper: Colour
    area: Mask
    """H×W: paper that is more than AWAY from any ink."""
    is_grey: bool


INKS: Mapping[str, tuple[Colour, Colour]] = {
    "black on white": ((0, 0, 0), (255, 255, 255)),
    "white on black": ((255, 255, 255), (0, 0, 0)),
    "blue on cream": ((24, 56, 168), (250, 240, 210)),
    "red on grey": ((200, 32, 40), (214, 214, 214)),
}
WORDS = ("Hamburg 1859", "gantool: 4 of 7", "iIlL1 | {ae}", "Quartz & Jinx", "%$#@ 0.36 mm")


def draw_text(draw: ImageDraw.ImageDraw) -> None:
    """Lines of five sizes, 8 to 16 pixels."""
    top = 4
    for size, words in zip((8, 10, 12, 14, 16), WORDS, strict=True):
        font = ImageFont.load_default(size * FINE)
        draw.text((4 * FINE, top * FINE), words, 255, font)
        top += size + 10


def draw_lines(draw: ImageDraw.ImageDraw) -> None:
    """A fan of lines, circles, thin grids of two pitches."""
    for step in range(7):
        draw.line([(32, 32), (32 + 448 * (step / 6), 480)], 255, 6 + 3 * step)
    for radius in (48, 112, 200):
        box = (736 - radius, 248 - radius, 736 + radius, 248 + radius)
        draw.ellipse(box, None, 255, radius // 8)
    for left, pitch, width in ((64, 80, 8), (576, 128, 12)):
        for step in range(0, 385, pitch):
            draw.line([(left, 576 + step), (left + 384, 576 + step)], 255, width)
            draw.line([(left + step, 576), (left + step, 960)], 255, width)


ARTS: Mapping[str, Callable[[ImageDraw.ImageDraw], None]] = {"text": draw_text, "lines": draw_lines}


def make_pages() -> Iterator[Page]:
    """Yield every kind of art in every ink, reduced by bicubic from FINE times its size."""
    for art, draw in ARTS.items():
        cover = Image.new("L", (PAGE * FINE, PAGE * FINE))
        draw(ImageDraw.Draw(cover))
        share = np.asarray(cover)[..., None] / 255
        inked = share.reshape(PAGE, FINE, PAGE, FINE).max((1, 3)) > 0
        distance = cv2.distanceTransform((~inked).astype(np.uint8), cv2.DIST_L2, 5)
        for name, (ink, paper) in INKS.items():
            frame = degrade.reduce(to_frame(share * ink + (1 - share) * paper), FINE)
            is_grey = len({*ink}) == len({*paper}) == 1
            yield Page(f"{art}, {name}", frame, paper, distance > AWAY, is_grey)


@dataclass(frozen=True)
class Poles:
    """Lines from top to bottom, `column = start + slope · row`, pixel centres at halves."""

    name: str
    frame: Frame
    lines: Sequence[tuple[float, float]]
    """Start and slope of each."""


def make_poles() -> Iterator[Poles]:
    """Yield six lines of 1 to 2 pixels, dark ones and light ones."""
    lines = [(12 + 20 * number, slope) for number, slope in enumerate(SLOPES)]
    cover = Image.new("L", (20 * (len(lines) + 1) * FINE, SIDE * FINE))
    draw = ImageDraw.Draw(cover)
    for number, (start, slope) in enumerate(lines):
        half = (0.5 + 0.5 * number / len(lines)) * FINE
        top, bottom = start * FINE, (start + slope * SIDE) * FINE
        corners = [(top - half, 0), (top + half, 0)]
        corners += [(bottom + half, SIDE * FINE), (bottom - half, SIDE * FINE)]
        draw.polygon(corners, 255)
    share = np.asarray(cover)[..., None] / 255
    for name, (ink, paper) in {"dark": (40, 200), "light": (220, 60)}.items():
        fine = to_frame(share * ink + (1 - share) * paper).repeat(3, 2)
        yield Poles(name, degrade.reduce(fine, FINE), lines)


def make_colourful() -> Iterator[Frame]:
    """Yield eight pictures of two colours each: clouds of all sizes between them, with edges."""
    for number in range(8):
        random = seed_generator("colours", number)
        one, other = random.uniform(30, 225, (2, 3))
        share = _draw_clouds(random)
        if number % 2:
            share = np.clip(4 * share - 1.5, 0, 1)  # patches with edges
        yield to_frame(share * one + (1 - share) * other)


def _draw_clouds(random: Generator) -> NDArray[np.float64]:
    """SIDE×SIDE×1 in [0, 1]; its power falls with the frequency cubed: large shapes."""
    across = np.fft.fftfreq(SIDE)
    frequency = np.maximum(np.hypot(across[:, None], across), 1 / SIDE)
    waves = np.fft.fft2(random.standard_normal((SIDE, SIDE))) / frequency**1.5
    clouds = np.fft.ifft2(waves).real[..., None]
    return (clouds - clouds.min()) / (clouds.max() - clouds.min())


def spoil(frame: Frame) -> Frame:
    """As photographs are found: noise of σ 3, JPEG of quality 60."""
    return save_as_jpeg(add_gaussian(frame, 3, seed_generator("found", frame.shape)), 60)


def shrink_photos(frames: Sequence[Frame]) -> list[Frame]:
    """MOST_PHOTOS of them, long sides of at most PHOTO_SIDE: mean colours need no more."""
    step = -(-len(frames) // MOST_PHOTOS)
    return [
        degrade.reduce(frame, max(1, -(-max(frame.shape[:2]) // PHOTO_SIDE)))
        for frame in frames[::step]
    ]

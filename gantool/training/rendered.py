"""Pictures that no camera took: text, line art, and windows as on a screen, drawn by chance.

Pictures are side×side×3 uint8. Everything is drawn from the generator that is given; the letters
are those of Pillow's own font.
"""

import functools
import string

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from gantool.training.degrade import Bytes

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""
LETTERS = string.ascii_lowercase * 4 + string.ascii_uppercase + string.digits * 2 + ".,:;-()%&/?!"
HEIGHTS = (13, 96)
"""Of letters, pixels."""
SMOOTH = 3
"""Lines are drawn this many times as large and then reduced."""
PLAIN: tuple[Colour, ...] = ((255, 255, 255), (0, 0, 0))
CONTRAST = 70
"""Levels, in the mean of the channels, that ink is off its paper at least."""


def render(random: Generator, side: int) -> Bytes:
    """Return one of the three kinds."""
    draw = (text, line_art, screen)[int(random.integers(3))]
    return draw(random, side)


def text(random: Generator, side: int) -> Bytes:
    """Return lines of words that mean nothing, of one size, in one or two colours."""
    paper = _paper(random)
    picture = Image.new("RGB", (side, side), paper)
    _write(ImageDraw.Draw(picture), (0, 0, side, side), random, paper)
    return np.array(picture)


def line_art(random: Generator, side: int) -> Bytes:
    """Return outlines, curves, filled shapes and hatching, their edges smooth."""
    large, paper = side * SMOOTH, _paper(random)
    picture = Image.new("RGB", (large, large), paper)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 16))):
        ink = _ink(random, paper)
        width = int(random.integers(2, 6 * SMOOTH))
        shape = (_stroke, _outline, _hatching)[int(random.choice(3, p=(0.5, 0.35, 0.15)))]
        shape(draw, random, ink, width)
    return np.array(picture.resize((side, side), Image.Resampling.BOX))


def screen(random: Generator, side: int) -> Bytes:
    """Return windows with bars, buttons, rules of one pixel and words, edges hard."""
    picture = Image.new("RGB", (side, side), _paper(random))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(2, 5))):
        _window(draw, random, _box(random, side))
    return np.array(picture)


def _window(draw: ImageDraw.ImageDraw, random: Generator, box: Box) -> None:
    left, top, right, bottom = box
    paper, bar = _paper(random), _any(random)
    draw.rectangle(box, paper, _ink(random, paper), int(random.integers(1, 3)))
    edge = min(bottom, top + int(random.integers(10, 28)))
    draw.rectangle((left, top, right, edge), bar)
    _write(draw, (left + 3, top + 1, right - 3, edge - 1), random, bar)
    for y in range(edge + 12, bottom - 12, int(random.integers(14, 48))):
        draw.line((left + 2, y, right - 2, y), _ink(random, paper, 10))
    for _ in range(int(random.integers(0, 4))):
        x, y = (int(random.integers(low, low + 80)) for low in (left, edge))
        radius, fill = int(random.integers(0, 8)), _any(random)
        button = (x, y, x + int(random.integers(16, 70)), y + int(random.integers(12, 26)))
        draw.rounded_rectangle(button, radius, fill, _ink(random, fill, 20))
        _write(draw, (button[0] + 3, button[1] + 1, button[2] - 2, button[3] - 1), random, fill)
    _write(draw, (left + 4, edge + 2, right - 4, bottom - 2), random, paper)


def _write(draw: ImageDraw.ImageDraw, box: Box, random: Generator, paper: Colour) -> None:
    """Fill `box` with words, most of them in one ink."""
    left, top, right, bottom = box
    most = min(HEIGHTS[1], max(HEIGHTS[0], bottom - top))
    height = int(np.exp(random.uniform(np.log(HEIGHTS[0]), np.log(most))))
    ink, other = _ink(random, paper), _ink(random, paper)
    each = height * 0.55
    """A letter's width, about."""
    for y in range(top, bottom - height // 2, int(height * random.uniform(1.1, 1.7)) + 1):
        count = max(0, int((right - left) / each))
        line = _words(random, count)
        colour = other if random.random() < 0.15 else ink
        draw.text((left + int(random.integers(0, height)), y), line, colour, _font(height))


def _words(random: Generator, count: int) -> str:
    """Return `count` letters in words of one to nine."""
    letters = random.choice(list(LETTERS), count)
    gaps = random.random(count) < 0.18
    return "".join(" " if gap else letter for letter, gap in zip(letters, gaps, strict=True))


@functools.cache
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)


def _stroke(draw: ImageDraw.ImageDraw, random: Generator, ink: Colour, width: int) -> None:
    """A straight line, or one bent twice (a cubic Bézier curve)."""
    side = draw.im.size[0]
    corners = random.uniform(-0.1, 1.1, (4, 2)) * side
    t = np.linspace(0, 1, 2 if random.random() < 0.4 else 40)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points = [(float(x), float(y)) for x, y in weights @ corners]
    draw.line(points, ink, width, "curve")


def _outline(draw: ImageDraw.ImageDraw, random: Generator, ink: Colour, width: int) -> None:
    """An ellipse, a rectangle or a polygon, filled or not."""
    side = draw.im.size[0]
    box, fill = _box(random, side), ink if random.random() < 0.4 else None
    kind = int(random.integers(3))
    if kind == 0:
        draw.ellipse(box, fill, ink, width)
    elif kind == 1:
        draw.rectangle(box, fill, ink, width)
    else:
        corners = random.uniform(0, side, (int(random.integers(3, 6)), 2))
        draw.polygon([(float(x), float(y)) for x, y in corners], fill, ink, width)


def _hatching(draw: ImageDraw.ImageDraw, random: Generator, ink: Colour, width: int) -> None:
    """Parallel lines in any direction."""
    side = draw.im.size[0]
    angle, gap = random.uniform(0, np.pi), width * random.uniform(2, 5) + SMOOTH
    along = np.array([np.cos(angle), np.sin(angle)]) * side * 0.3
    step = np.array([-np.sin(angle), np.cos(angle)]) * gap
    start = random.uniform(0, side, 2)
    for number in range(int(random.integers(4, 20))):
        (x, y), (to_x, to_y) = start + number * step - along, start + number * step + along
        draw.line((x, y, to_x, to_y), ink, width)


def _box(random: Generator, side: int) -> Box:
    """A quarter of the picture or more, partly outside it perhaps."""
    left, top = (int(value) for value in random.uniform(-0.2, 0.6, 2) * side)
    width, height = (int(value) for value in random.uniform(0.25, 0.9, 2) * side)
    return left, top, left + width, top + height


def _paper(random: Generator) -> Colour:
    """White for half of them, or black, or a colour."""
    kind = random.random()
    return PLAIN[0] if kind < 0.5 else PLAIN[1] if kind < 0.6 else _any(random)


def _ink(random: Generator, paper: Colour, contrast: int = CONTRAST) -> Colour:
    """A colour that can be seen on `paper`; for half of them black or white."""
    if random.random() < 0.5:
        return PLAIN[0] if sum(paper) < 384 else PLAIN[1]
    ink = _any(random)
    while abs(sum(ink) - sum(paper)) < 3 * contrast:
        ink = _any(random)
    return ink


def _any(random: Generator) -> Colour:
    """Any colour, a grey for two of five."""
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return (red, green, blue) if random.random() < 0.6 else (red, red, red)

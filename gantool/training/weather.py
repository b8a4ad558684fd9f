"""Rain and snow over clean photographs, made by chance. Pictures are H×W×3 uint8.

Streaks are added in layers of depth over a picture that has its veil already, as in Li et al.,
«Single Image Deraining: A Comprehensive Benchmark Analysis», 2019; flakes are more or less opaque,
as in Liu et al., «DesnowNet», 2018. All is drawn from the generator that is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gantool.training.degrade import Bytes

Weather = Literal["rain", "snow"]
Layer: TypeAlias = NDArray[np.float32]
"""H×W, how much of each pixel is covered, from 0."""
Fall: TypeAlias = "Rain | Snow"
FARTHER = 0.6
"""Size of what falls in one layer over that in the layer before it."""


@dataclass(frozen=True)
class Rain:
    """One rain; lengths are pixels of the nearest layer, angles degrees off the vertical."""

    angle: float
    spread: float
    """Deviation of single streaks from `angle`."""
    length: float
    width: float
    """σ across a streak."""
    density: float
    """Share of the picture that streaks cover."""
    brightness: float
    """Of a bright streak, 0 to 1."""
    sharpness: float = 1.0
    """1: brightest along the middle; 2 and more: even, with hard edges."""
    layers: int = 2
    gathered: float = 0.0
    """Share of the streaks that fall beside another one."""
    cover: float = 0.0
    """How much a streak hides what is behind it: 0 adds light, 1 screens."""
    veil: float = 0.0
    """Share of mist over the whole picture."""


@dataclass(frozen=True)
class Snow:
    """One snowfall; lengths are pixels of the nearest layer, angles degrees off the vertical."""

    angle: float
    drift: float
    """How far a flake moves while the picture is taken."""
    radius: float
    density: float
    """Share of the picture that flakes cover, all layers together."""
    opacity: float
    blur: float
    """σ over the radius of a flake."""
    layers: int = 3
    light: float = 1.0
    """Of the flakes, 0 to 1."""
    veil: float = 0.0


def draw_rain(random: Generator) -> Rain:
    """Drizzle to downpour: as sparse, as steep and as bright as rain is seen in photographs."""
    return Rain(
        angle=float(np.clip(random.normal(0, 18), -45, 45)),
        spread=random.uniform(0, 2),
        length=_between(random, 16, 100),
        width=_between(random, 0.45, 1.5),
        density=_between(random, 0.06, 0.45),
        brightness=_between(random, 0.12, 0.85),
        sharpness=random.uniform(1, 2.5),
        layers=int(random.integers(1, 4)),
        gathered=random.uniform(0, 0.7),
        cover=random.choice([0.0, random.uniform(0, 1)]),
        veil=max(0.0, random.uniform(-0.2, 0.15)),
    )


def draw_snow(random: Generator) -> Snow:
    """Few flakes to a flurry, from specks to blurred discs near the lens."""
    return Snow(
        angle=float(np.clip(random.normal(0, 25), -70, 70)),
        drift=max(0.0, random.uniform(-4, 12)),
        radius=_between(random, 1.2, 6),
        density=_between(random, 0.01, 0.16),
        opacity=random.uniform(0.4, 1),
        blur=random.uniform(0.15, 0.6),
        layers=int(random.integers(1, 5)),
        light=random.uniform(0.85, 1),
        veil=max(0.0, random.uniform(-0.2, 0.15)),
    )


DRAWS: Mapping[Weather, Callable[[Generator], Fall]] = {"rain": draw_rain, "snow": draw_snow}


def weathered(frame: Bytes, fall: Fall, random: Generator) -> tuple[Bytes, Bytes]:
    """The picture in that weather, and the one it is to become again: without what falls.

    A veil is on both, as no model can tell it from a misty day.
    """
    behind = veiled(frame, fall.veil)
    seen = rainy(behind, fall, random) if isinstance(fall, Rain) else snowy(behind, fall, random)
    return seen, behind


def veiled(frame: Bytes, amount: float, light: float = 0.8) -> Bytes:
    """Under mist of `light`: amount·light + (1 − amount)·frame."""
    return frame if amount == 0 else _bytes(frame * (1 - amount) + 255 * light * amount)


def rainy(frame: Bytes, rain: Rain, random: Generator) -> Bytes:
    """With streaks: (1 − cover·s)·frame + 255·s, s the sum of the layers."""
    covered = sum(streaks(frame.shape[:2], each, random) for each in _depths(rain))
    layer = np.minimum(np.asarray(covered, np.float32), 1)[..., None]
    return _bytes(frame * (1 - rain.cover * layer) + 255 * layer)


def snowy(frame: Bytes, snow: Snow, random: Generator) -> Bytes:
    """With flakes: layer over layer, each a·light + (1 − a)·frame where that is brighter."""
    values = frame.astype(np.float32)
    for each in reversed(_flurries(snow)):
        layer = flakes(frame.shape[:2], each, random)[..., None]
        values += layer * np.maximum(0, 255 * snow.light - values)
    return _bytes(values)


def streaks(shape: tuple[int, int], rain: Rain, random: Generator) -> Layer:
    """One layer of rain, 0 to `brightness`: lines that fade at both ends, of every strength."""
    middles = _scattered(shape, rain, random)
    count, reach = len(middles), round(rain.length)
    angles = np.radians(rain.angle + rain.spread * random.standard_normal(count))
    lengths = rain.length * random.uniform(0.4, 1.4, count)
    peaks = rain.brightness * rain.sharpness * random.beta(1.2, 2.0, count)
    along = np.linspace(-0.5, 0.5, 3 * reach)  # by half pixels at most, of the longest
    steps = lengths[:, None] * along
    rows = middles[:, :1] + np.cos(angles)[:, None] * steps
    columns = middles[:, 1:] + np.sin(angles)[:, None] * steps
    fading = np.minimum(1, 5 * (0.5 - np.abs(along)))
    # A line of this weight per pixel, blurred, is `peaks` high along its middle.
    weights = (peaks * rain.width * np.sqrt(2 * np.pi) * lengths / len(along))[:, None] * fading
    blurred = cv2.GaussianBlur(_splat(shape, rows, columns, weights), (0, 0), rain.width)
    return np.clip(blurred, 0, rain.brightness).astype(np.float32)


def flakes(shape: tuple[int, int], snow: Snow, random: Generator) -> Layer:
    """One layer of snow, 0 to `opacity`: uneven discs, drawn out by their drift."""
    height, width = shape
    kernel = _flake(snow, random)
    reach = kernel.shape[0] // 2
    room = (height + 2 * reach, width + 2 * reach)
    count = random.poisson(snow.density * room[0] * room[1] / (np.pi * snow.radius**2))
    places = random.uniform(0, room, (count, 2))
    weights = snow.opacity * random.uniform(0.5, 1, count)
    points = _splat(room, places[:, 0], places[:, 1], weights)
    layer = cv2.filter2D(points, -1, kernel)[reach : reach + height, reach : reach + width]
    return np.clip(layer, 0, snow.opacity).astype(np.float32)


def _scattered(shape: tuple[int, int], rain: Rain, random: Generator) -> NDArray[np.float64]:
    """N×2, rows and columns: middles of the streaks that reach into the picture."""
    height, width = shape
    reach = round(rain.length)
    room = (height + 2 * reach) * (width + 2 * reach)
    count = random.poisson(rain.density * room / (rain.length * 2.5 * rain.width))
    middles = random.uniform(-reach, [height + reach, width + reach], (count, 2))
    beside = random.random(count) < rain.gathered
    others = middles[random.integers(count, size=count)]
    middles[beside] = (others + 0.15 * rain.length * random.standard_normal((count, 2)))[beside]
    return middles


def _depths(rain: Rain) -> list[Rain]:
    """Every layer of a rain: the farther, the smaller, thinner and fainter; each its share."""
    return [
        replace(
            rain,
            length=rain.length * size,
            width=max(0.4, rain.width * size),
            brightness=rain.brightness * size,
            density=rain.density / rain.layers,
        )
        for size in FARTHER ** np.arange(rain.layers)
    ]


def _flurries(snow: Snow) -> list[Snow]:
    """Every layer of a snowfall, the nearest first."""
    return [
        replace(
            snow,
            radius=max(0.7, snow.radius * size),
            drift=snow.drift * size,
            density=snow.density / snow.layers,
        )
        for size in FARTHER ** np.arange(snow.layers)
    ]


def _flake(snow: Snow, random: Generator) -> Layer:
    """Odd-sided kernel: a disc whose edge is uneven and soft, averaged along its drift; top 1."""
    radius, drift = snow.radius, snow.drift
    reach = int(np.ceil(1.3 * radius * (1 + 2 * snow.blur) + drift / 2)) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    angle, phases = np.radians(snow.angle), random.uniform(0, 2 * np.pi, 2)
    kernel = np.zeros(rows.shape, np.float32)
    for way in np.linspace(-drift / 2, drift / 2, 1 + 2 * int(np.ceil(drift))):
        y, x = rows - way * np.cos(angle), columns - way * np.sin(angle)
        turn = np.arctan2(y, x)
        uneven = 0.15 * np.sin(2 * turn + phases[0]) + 0.1 * np.sin(3 * turn + phases[1])
        beyond = np.hypot(y, x) - radius * (1 + uneven)
        kernel += 1 / (1 + np.exp(beyond / (0.25 + 0.5 * snow.blur * radius)))
    return np.asarray(kernel / kernel.max(), np.float32)


def _splat(
    shape: tuple[int, int],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Layer:
    """H×W: weights laid onto the four pixels around each place, those outside left out."""
    height, width = shape
    sums = np.zeros(height * width)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left
    for row, vertical in ((top, 1 - down), (top + 1, down)):
        for column, horizontal in ((left, 1 - right), (left + 1, right)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            at = (row * width + column)[inside]
            sums += np.bincount(at, (weights * vertical * horizontal)[inside], height * width)
    return sums.reshape(shape).astype(np.float32)


def _between(random: Generator, low: float, high: float) -> float:
    """From `low` to `high`, as often half as twice of something."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _bytes(values: NDArray[np.float32]) -> Bytes:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

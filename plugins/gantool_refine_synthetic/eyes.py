"""Drawn eyes whose gaze is known: an example of renders that wait to be refined.

    python -m gantool_refine_synthetic.eyes eyes/synthetic --count 2000 --seed 0

writes grey pictures of 55×35 pixels and `labels.csv`: where each eye looks and where its iris is.
A sphere behind two lids, seen straight on: x to the right, y down, z to the camera.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import cv2
import numpy as np
import typer
from numpy.random import Generator
from numpy.typing import NDArray

from gantool import atomic

Bytes = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]
"""A value for every point of the picture, H×W."""

WIDTH, HEIGHT = 55, 35
FINE = 4
"""Points drawn to a pixel of the picture, in each direction."""
BALL = 17.0
"""Radius of the eyeball, pixels."""
GRAIN = 0.008
"""Deviation of what light sampled by chance leaves; a refiner has nothing else to make noise of."""


@dataclass(frozen=True)
class Label:
    """What is known of a drawn eye."""

    yaw: float
    """Degrees that the eye looks to the right of the camera, as the picture shows it."""
    pitch: float
    """Degrees that it looks up."""
    head_yaw: float
    head_pitch: float
    x: float
    """Centre of the iris; pixels from the left edge of the picture."""
    y: float
    """The same from the upper edge."""
    radius: float
    """Of the iris, along its longer axis, pixels."""


@dataclass(frozen=True)
class Opening:
    """The lids: where the eye is open. Lengths are pixels."""

    x: float
    y: float
    half: float
    """From the middle to a corner."""
    upper: float
    lower: float
    lean: float
    """How much lower the left corner is than the middle."""
    skew: float
    """By how much of `half` the upper lid's highest point is off the middle."""


def eye(seed: int, number: int) -> tuple[Bytes, Label]:
    """An eye, 35×55 grey, and its label; the same ones for the same seed and number."""
    random = np.random.default_rng([seed, number])
    head_yaw, head_pitch = random.uniform(-12, 12), random.uniform(-8, 8)
    yaw = head_yaw + random.uniform(-20, 20)
    pitch = head_pitch + random.uniform(-14, 12)
    opening = _opening(random, pitch, head_yaw)
    middle = opening.x + 0.08 * head_yaw, opening.y - 1 + 0.04 * head_pitch
    iris = random.uniform(0.44, 0.52)  # sine of the angle under which its radius is seen
    gaze = _direction(yaw, pitch)
    x, y = np.asarray(middle) + BALL * np.sqrt(1 - iris**2) * gaze[:2]
    points = np.mgrid[: HEIGHT * FINE, : WIDTH * FINE].astype(np.float32)
    down, right = (points + 0.5) / FINE
    light = _direction(random.uniform(-50, 50), random.uniform(0, 50))
    ball = _ball(random, (right - middle[0]) / BALL, (down - middle[1]) / BALL, gaze, iris, light)
    ball += _glints(random, right - x, down - y, light)
    face = _faced(random, opening, right, down, ball, light)
    small = cv2.resize(face, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    grain = GRAIN * random.standard_normal(small.shape)
    levels = np.round(255 * np.clip(small + grain, 0, 1)).astype(np.uint8)
    return levels, Label(yaw, pitch, head_yaw, head_pitch, float(x), float(y), BALL * iris)


def _direction(yaw: float, pitch: float) -> Plane:
    """Unit vector of degrees to the right and up."""
    a, b = np.radians((yaw, pitch))
    return np.array([np.sin(a) * np.cos(b), -np.sin(b), np.cos(a) * np.cos(b)])


def _opening(random: Generator, pitch: float, head_yaw: float) -> Opening:
    """Lids as they are drawn by chance; the upper one goes along with the gaze."""
    return Opening(
        x=WIDTH / 2 + random.normal(0, 1.5),
        y=HEIGHT / 2 + 1 + random.normal(0, 1),
        half=random.uniform(19, 23) * np.cos(np.radians(head_yaw)),
        upper=max(3.0, random.uniform(6.5, 9.5) + 0.16 * pitch),
        lower=max(2.0, random.uniform(4.5, 7) - 0.08 * pitch),
        lean=random.normal(0, 1.5),
        skew=random.uniform(-0.2, 0.2),
    )


def _ball(
    random: Generator, across: Plane, down: Plane, gaze: Plane, iris: float, light: Plane
) -> Plane:
    """The eyeball in grey, 0 to 1; `across` and `down` are 1 at its outline."""
    depth = np.sqrt(np.clip(1 - across**2 - down**2, 0.01, None))
    shade = 0.62 + 0.38 * np.clip(across * light[0] + down * light[1] + depth * light[2], 0, 1)
    veins = 0.04 * _noise(random, 12)
    white = (random.uniform(0.68, 0.85) + veins) * shade
    angle = np.arccos(np.clip(across * gaze[0] + down * gaze[1] + depth * gaze[2], -1, 1))
    radius = angle / np.arcsin(iris)
    turn = np.arctan2(down - gaze[1], across - gaze[0])
    blend = _step((1 - radius) / 0.12 + 0.5)
    return cast(Plane, white + blend * (_iris(random, radius, turn) - white))


def _iris(random: Generator, radius: Plane, turn: Plane) -> Plane:
    """Fibres, a brighter ring around the pupil, a dark rim; `radius` is 1 at the limbus."""
    tone, pupil = random.uniform(0.08, 0.26), random.uniform(0.3, 0.5)
    fibres = sum(
        random.normal(0, 1 / np.sqrt(waves)) * np.sin(waves * turn + random.uniform(0, 6.3))
        for waves in (3, 7, 12, 19, 28)
    )
    ring = np.exp(-(((radius - pupil - 0.12) / 0.15) ** 2))
    rim = _step((radius - 0.72) / 0.28)
    stroma = tone * (1 + 0.16 * fibres + 0.3 * ring) * (1 - 0.55 * rim)
    return cast(Plane, 0.05 + (stroma - 0.05) * _step((radius - pupil) / 0.08 + 0.5))


def _glints(random: Generator, across: Plane, down: Plane, light: Plane) -> Plane:
    """Lamps mirrored by the cornea: one where the light comes from, sometimes a second."""
    places = [3.5 * light[:2], random.uniform(-3, 3, 2)][: random.integers(1, 3)]
    spots = [
        random.uniform(0.3, 0.9)
        * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * random.uniform(0.4, 0.8) ** 2))
        for x, y in places
    ]
    return cast(Plane, np.sum(spots, axis=0))


def _faced(
    random: Generator, lids: Opening, right: Plane, down: Plane, ball: Plane, light: Plane
) -> Plane:
    """The eyeball in its opening, with the shadow of the upper lid; skin and lashes around it."""
    t = (right - lids.x) / lids.half
    inside = np.clip(1 - t**2, 0, None)
    slant = lids.y - lids.lean * t
    arch = np.clip(1 - (t - lids.skew * inside) ** 2, 0, None) ** 0.85
    below = down - (slant - lids.upper * arch)
    above = slant + lids.lower * inside - down
    shadow = 1 - random.uniform(0.35, 0.6) * np.exp(-np.clip(below, 0, None) / 2.2)
    corners = 1 - 0.45 * _step((np.abs(t) - 0.6) / 0.4)
    opened = _step(np.minimum(below, above) / 0.5 + 0.5)
    skin = _skin(random, t, below, above, light)
    face = skin + opened * (ball * shadow * corners - skin)
    rims = 0.75 * np.exp(-((below / 0.9) ** 2)) + 0.3 * np.exp(-((above / 0.7) ** 2))
    face = face * (1 - rims * _step((1.15 - np.abs(t)) / 0.2))
    return cast(Plane, face * (1 - random.uniform(0.4, 0.8) * _lashes(random, lids)))


def _skin(random: Generator, t: Plane, below: Plane, above: Plane, light: Plane) -> Plane:
    """Shaded skin with the crease over the upper lid, the brow's shadow and a fold underneath."""
    tone = random.uniform(0.5, 0.58)  # a renderer is exposed right
    crease = np.exp(-(((below + random.uniform(2.5, 5)) / 0.8) ** 2)) * _step(
        (1.3 - np.abs(t)) / 0.5
    )
    socket = np.exp(-((t**2 - 1) ** 2) * 2 - (below / 7) ** 2) * random.uniform(0.1, 0.45)
    fold = np.exp(-(((above + random.uniform(3, 6)) / 1.2) ** 2)) * np.clip(1 - t**2, 0, 1)
    brow = _step((-below - random.uniform(9, 15)) / 6) * random.uniform(0.1, 0.5)
    nose = random.choice([-1, 1]) * random.uniform(0.05, 0.25)
    folds = (1 - random.uniform(0.2, 0.5) * crease) * (1 - 0.15 * fold) * (1 - brow) * (1 - socket)
    lit = 1 + nose * t + 0.12 * light[0] * t + 0.012 * below * light[1]
    spots = 0.06 * _noise(random, 6) + 0.05 * _noise(random, 60)
    return cast(Plane, tone * lit * folds * (1 + spots))


def _lashes(random: Generator, lids: Opening) -> Plane:
    """How much of the light lashes take, 0 to 1: strokes from the upper lid up and outwards."""
    drawn = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.uint8)
    for t in np.linspace(-0.9, 0.9, int(random.integers(12, 30))) + random.normal(0, 0.02):
        foot = lids.x + t * lids.half, lids.y - lids.lean * t - lids.upper * (1 - t**2) ** 0.85
        length = random.uniform(1.5, 4)
        tip = foot[0] + 0.8 * t * length, foot[1] - length * random.uniform(0.3, 1)
        ends = [[round(16 * FINE * each) for each in end] for end in (foot, tip)]
        cv2.line(drawn, ends[0], ends[1], 255, 1, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(drawn, (0, 0), 1).astype(np.float32) / 255


def _noise(random: Generator, waves: int) -> Plane:
    """Smooth noise of about unit deviation, about so many waves across the picture."""
    coarse = random.standard_normal((waves * HEIGHT // WIDTH + 2, waves + 2)).astype(np.float32)
    size = WIDTH * FINE, HEIGHT * FINE
    return cast(Plane, cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))


def _step(value: Plane) -> Plane:
    """0 up to 0, 1 from 1, smooth between."""
    inside = np.clip(value, 0, 1)
    return cast(Plane, inside * inside * (3 - 2 * inside))


def write(folder: Path, count: int, seed: int = 0) -> None:
    """`count` eyes as `00000.png` … and their `labels.csv`. Raises OutputError."""
    atomic.make_folder(folder)
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["file", *Label.__dataclass_fields__])
    for number in range(count):
        picture, label = eye(seed, number)
        name = f"{number:05}.png"
        atomic.write_bytes(folder / name, cv2.imencode(".png", picture)[1].tobytes())
        table.writerow([name, *(f"{value:.3f}" for value in vars(label).values())])
    atomic.write_text(folder / "labels.csv", rows.getvalue())


def main(
    output: Annotated[Path, typer.Argument(help="Folder that they are written into.")],
    count: Annotated[int, typer.Option(help="How many.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Other eyes for every number.")] = 0,
) -> None:
    """Draw eyes whose gaze is known, with labels.csv."""
    write(output, count, seed)


if __name__ == "__main__":
    typer.run(main)

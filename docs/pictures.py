"""Makes the pictures of `examples/`, of the README and of the pages of tasks.

    python docs/pictures.py

The originals come with scikit-image: NASA's portrait of the astronaut Eileen Collins (public
domain), Stéfan van der Walt's photograph of the cat Chelsea (CC0) and Rachel Michetti's of a cup
of coffee (CC0); the packaged sample is SpaceX's photograph of a rocket (CC0), from there too.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import gantool
from gantool.api import SAMPLE
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training import degrade
from gantool.training.weather import Rain, Snow, rainy, snowy
from gantool_colorize.task import Colouring
from gantool_superres import superres
from gantool_translate.task import ENLARGER, Brush

ROOT = Path(__file__).parent.parent
HEIGHT = 240
"""Of the rows in the pictures of tasks, pixels."""
RAIN = Rain(angle=14, spread=1.5, length=45, width=0.9, density=0.3, brightness=0.6)
SNOW = Snow(angle=10, drift=5, radius=4, density=0.12, opacity=0.8, blur=0.35)
Frame = NDArray[np.uint8]


def main() -> None:
    cat, astronaut = data.chelsea(), data.astronaut()
    rocket = np.asarray(read_image(SAMPLE)[0], np.uint8)
    small = {"astronaut": degrade.reduce(astronaut, 2), "cat": degrade.reduce(cat, 2)}
    for name, frame in small.items():
        write_image(ROOT / "examples" / f"{name}.jpg", frame, Carry(), quality=92)
    crops = [small["astronaut"][6:96, 62:182], small["cat"][30:120, 55:175]]
    write("before-after", [enlarged(crop) for crop in crops])
    write("superres", [enlarged(small["cat"][36:76, 60:120])])
    write("translate", [painted(data.coffee())])
    write("colorize", [coloured(rocket[-400:]), coloured(cat)])
    random = np.random.default_rng(0)
    weathers = [rainy(cat, RAIN, random), snowy(astronaut[:340], SNOW, random)]
    write(
        "derain", [dried(each, name) for each, name in zip(weathers, ("rain", "snow"), strict=True)]
    )


def write(name: str, rows: list[list[Frame]]) -> None:
    """Rows of pictures of one height each, with white between, into `docs/NAME.jpg`."""
    whole = stacked([stacked(row, axis=1) for row in rows], axis=0)
    write_image(ROOT / "docs" / f"{name}.jpg", whole, Carry(), quality=88)


def stacked(frames: list[Frame], axis: int) -> Frame:
    """Frames beside or below each other, eight white pixels between, cut to the smallest."""
    least = min(frame.shape[1 - axis] for frame in frames)
    alike = [frame.take(range(least), 1 - axis) for frame in frames]
    shape = [*alike[0].shape]
    shape[axis] = 8
    line = np.full(shape, 255, np.uint8)
    parts = [part for frame in alike for part in (line, frame)]
    return np.concatenate(parts[1:], axis)


def enlarged(crop: Frame) -> list[Frame]:
    """The crop's own pixels beside what the tool makes of it, at the same size."""
    pipeline = superres(4)
    predicts = [gantool.load(name) for name in pipeline.models]
    after = np.asarray(pipeline.process(crop, *predicts), np.uint8)
    before = cv2.resize(crop, after.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return [np.asarray(before, np.uint8), after]


def painted(photo: Frame) -> list[Frame]:
    predicts = [gantool.load(name) for name in ("translate/monet", ENLARGER)]
    after = Brush(384, 1.0).paint(photo, *predicts)
    return [reduced(photo), reduced(np.asarray(after, np.uint8))]


def coloured(photo: Frame) -> list[Frame]:
    """Made grey, coloured again, and as it was."""
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    after = Colouring(2.0).paint(np.asarray(grey, np.uint8), gantool.load("colorize/photo"))
    return [reduced(np.asarray(each, np.uint8)) for each in (grey, after, photo)]


def dried(photo: Frame, weather: str) -> list[Frame]:
    """In the weather that was drawn over it, and without."""
    derain = gantool.load(f"derain/{weather}")
    return [reduced(photo), reduced(np.asarray(derain(photo), np.uint8))]


def reduced(frame: Frame) -> Frame:
    """At `HEIGHT`."""
    width = round(frame.shape[1] * HEIGHT / frame.shape[0])
    return np.asarray(cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()

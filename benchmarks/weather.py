"""Rows of quality.py for derain: rain and snow taken off, beside the pictures as they came.

pairs    `input/` and `target/` with files of the same names, as the Rain100L test set
photos   clean photographs, reduced to 480 pixels on the short side, under weather of the strengths
         of `FALLS`, none of which a training draws; `rain, brushed` comes from another method
         than the training's, `clean` has none: how much a model harms what it should leave
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

import gantool
from gantool.media.images import SUFFIXES, read_image
from gantool.training import degrade, metrics
from gantool.training.weather import Rain, Snow, rainy, snowy
from gantool_derain import derain, taken

MODELS = ("derain/rain", "derain/snow")
SIDE, SAME = 480, 100.0
Frame = NDArray[np.uint8]
Pair = tuple[Frame, Frame]
Clear = Callable[[Frame], Frame]

LIGHT = Rain(-11, 1.0, 22, 0.6, 0.06, 0.35)
MIDDLE = Rain(24, 1.5, 38, 0.8, 0.14, 0.5, sharpness=1.5, layers=3, cover=0.3)
HEAVY = Rain(4, 0.5, 55, 1.0, 0.28, 0.7, sharpness=2.2, layers=2)
FEW = Snow(8, 2.0, 2.2, 0.03, 0.8, 0.3, layers=3)
MANY = Snow(-20, 5.0, 3.5, 0.09, 0.7, 0.35, layers=4, light=0.95)
LARGE = Snow(35, 0.0, 5.5, 0.08, 0.9, 0.5, layers=2)


def shipped() -> dict[str, Clear]:
    """The task with each model of the catalogue."""
    return {name: by_task(gantool.load(name)) for name in MODELS}


def by_task(predict: Clear) -> Clear:
    """What `gantool derain` makes of a frame with that model."""
    return lambda frame: derain().process(frame, predict)


def brushed(frame: Frame, random: Generator) -> Frame:
    """Rain as drawn in an editor: the peaks of noise, blurred along a line, added."""
    noise = random.random(frame.shape[:2], np.float32)
    points = (noise > 0.993).astype(np.float32) * random.uniform(0.4, 1.2)
    line = np.zeros((41, 41), np.float32)
    cv2.line(line, (14, 1), (26, 39), 1.0, 1, cv2.LINE_AA)
    streaks = cv2.filter2D(cv2.GaussianBlur(points, (0, 0), 0.7), -1, line / 3)
    return np.clip(frame + 255 * np.minimum(streaks, 0.7)[..., None], 0, 255).astype(np.uint8)


FALLS: Mapping[str, Mapping[str, Callable[[Frame, Generator], Frame]]] = {
    "derain/rain": {
        "rain, light": lambda frame, random: rainy(frame, LIGHT, random),
        "rain, middle": lambda frame, random: rainy(frame, MIDDLE, random),
        "rain, heavy": lambda frame, random: rainy(frame, HEAVY, random),
        "rain, brushed": brushed,
    },
    "derain/snow": {
        "snow, few": lambda frame, random: snowy(frame, FEW, random),
        "snow, many": lambda frame, random: snowy(frame, MANY, random),
        "snow, large": lambda frame, random: snowy(frame, LARGE, random),
    },
}


def rows(
    clear: Mapping[str, Clear], pairs: Path | None, photos: Path | None
) -> Iterator[dict[str, object]]:
    """A row per set and way, `input` first; `clear` are the models by the names of `MODELS`."""
    if pairs:
        given = [
            (_read(pairs / "input" / path.name), _read(path)) for path in _files(pairs / "target")
        ]
        yield from _measured(pairs.name, {"derain/rain": clear["derain/rain"]}, given)
    if not photos:
        return
    frames = [degrade.to_side(_read(path), SIDE) for path in _files(photos)]
    for model, falls in FALLS.items():
        for name, fall in falls.items():
            made = [(fall(x, np.random.default_rng([99, i])), x) for i, x in enumerate(frames)]
            given, cleared = _measured(f"{photos.name}, {name}", {model: clear[model]}, made)
            yield given
            yield {**cleared, "auto": known(model, clear, [seen for seen, _ in made])}
    clean = [(frame, frame) for frame in frames]
    yield from list(_measured(f"{photos.name}, clean", clear, clean))[1:]


def known(model: str, clear: Mapping[str, Clear], frames: list[Frame]) -> float:
    """Share of the pictures for which `--weather auto` takes this model."""
    found = [max(clear, key=lambda by, x=frame: taken(x, clear[by](x))) for frame in frames]
    return round(found.count(model) / len(frames), 3)


def _measured(
    name: str, clear: Mapping[str, Clear], pairs: list[Pair]
) -> Iterator[dict[str, object]]:
    for by, way in {"input": lambda frame: frame, **clear}.items():
        yield {"set": name, "by": by, **measure([(way(one), other) for one, other in pairs])}


def measure(pairs: list[Pair]) -> dict[str, float]:
    """Means over results and what they should be, and the least PSNR; equal ones have `SAME`."""
    columns = {
        "psnr_rgb": [metrics.psnr_rgb(*pair) for pair in pairs],
        "psnr_y": [metrics.psnr_y(*pair, crop=0) for pair in pairs],
        "ssim_rgb": [metrics.ssim_rgb(*pair) for pair in pairs],
        "ssim_y": [metrics.ssim_y(*pair, crop=0) for pair in pairs],
    }
    means = {
        name: round(float(np.minimum(values, SAME).mean()), 4 if "ssim" in name else 3)
        for name, values in columns.items()
    }
    return {**means, "psnr_rgb_least": round(min(*columns["psnr_rgb"], SAME), 3)}


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)


def _read(path: Path) -> Frame:
    return read_image(path)[0]

"""A gate: does a model of superres harm what it should leave alone? Exit status 1 if it does.

    python benchmarks/harm.py [--model NAME|FILE]… [--task scale=4,denoise=0.5]…
        [--photos ../shared/data/photos/heldout]… [--json FILE] [--report-only]

Without --model and --task: all shipped models, and `gantool superres` at every scale. Bicubic is
measured beside them. Pictures are made by harm_scenes.py and harm_art.py; --photos adds real ones.
One row per check and picture, of which these have a bar:

  noise    fine detail of a flat scene with noise (deviation of the luma less a Gaussian of σ 2,
           where the clean scene is flat) over that of Lanczos enlargement            ≤ 1
  ripples  mean absolute error of paper, two input pixels and more off ink, levels    ≤ 1
  colours  mean absolute difference of mean colours of result and input, levels       ≤ 0.5

and these are reported:

  specks   largest difference between the channels of a grey page's result, levels
  dots     part of steep thin lines' luma with a period of one input pixel, % of their contrast
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import harm_art as art  # beside this file
import harm_scenes as scenes
import numpy as np
from gates import Frame, Row, make_parser, read_photos, run_gate
from numpy.typing import NDArray
from PIL import Image

import gantool
from gantool import api
from gantool.training import degrade, metrics

TASKS = ("scale=4", "scale=2", "scale=3", "scale=8")
SIGMAS = (5, 10, 20)
ROUGHNESS, RIPPLES, COLOUR = 1.0, 1.0, 0.5
"""The bars."""
WINDOW = 8
"""Dots are looked for in stretches of so many input pixels."""
Enlarge = Callable[[Frame], Frame]


def check(by: str, enlarge: Enlarge, scale: int, photos: Sequence[Frame] = ()) -> Iterator[Row]:
    """Yield the rows of one way of enlarging H×W×3 to sH×sW×3, named `by`."""
    for name, case, value, bar in _measure_all(enlarge, scale, photos):
        yield Row(by, name, case, round(float(value), 3), bar)


def _measure_all(
    enlarge: Enlarge, scale: int, photos: Sequence[Frame]
) -> Iterator[tuple[str, str, float, float | None]]:
    made = {name: [make()] for name, make in scenes.SCENES.items()}
    for name, crops in (made | scenes.find_flat_crops(photos)).items():
        for kind in scenes.NOISES:
            for sigma in SIGMAS:
                ratio = measure_roughness(enlarge, scale, (crops, kind, sigma))
                yield "noise", f"{name}, {kind} {sigma}", ratio, ROUGHNESS
    for page in art.make_pages():
        result = enlarge(page.frame)
        yield "ripples", page.name, measure_ripples(result, page, scale), RIPPLES
        if page.is_grey:
            yield "specks", page.name, measure_specks(result), None
    for poles in art.make_poles():
        yield "dots", f"{poles.name} lines", measure_dots(enlarge(poles.frame), poles, scale), None
    sets = {"made": list(art.make_colourful())}
    if photos:
        sets["photos"] = art.shrink_photos(photos)
    for name, frames in sets.items():
        yield "colours", name, measure_colours(enlarge, frames), COLOUR
        found = [art.spoil(frame) for frame in frames]
        yield "colours", f"{name}, noise and JPEG", measure_colours(enlarge, found), COLOUR


def lanczos(frame: Frame, scale: int) -> Frame:
    """The measure of all noise: three lobes, no antialiasing needed."""
    size = (frame.shape[1] * scale, frame.shape[0] * scale)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def bicubic(frame: Frame, scale: int) -> Frame:
    return degrade.resize(frame, frame.shape[0] * scale, frame.shape[1] * scale)


def measure_roughness(
    enlarge: Enlarge, scale: int, scene: tuple[Sequence[Frame], str, float]
) -> float:
    """Deviation of the fine detail over that of Lanczos; `scene` is clean frames, noise and σ."""
    frames, kind, sigma = scene
    energy = np.zeros(2)
    for number, clean in enumerate(frames):
        random = scenes.seed_generator(kind, sigma, number)
        noisy = scenes.NOISES[kind](clean, sigma, random)
        area = grow(scenes.find_flat_area(clean), scale)
        for place, result in enumerate((enlarge(noisy), lanczos(noisy, scale))):
            detail = scenes.high_pass(result, max(2, scale / 2))[area]  # ×8: grain is coarser
            energy[place] += (detail**2).sum()
    return float(np.sqrt(energy[0] / energy[1]))


def grow(mask: scenes.Mask, scale: int) -> scenes.Mask:
    """H×W → sH×sW, each entry a square."""
    return mask.repeat(scale, 0).repeat(scale, 1)


def measure_ripples(result: Frame, page: art.Page, scale: int) -> float:
    """Mean absolute error of the paper that is away from ink, levels."""
    return float(np.abs(result[grow(page.area, scale)] - np.float64(page.paper)).mean())


def measure_specks(result: Frame) -> float:
    """Largest difference between two channels of one pixel: none in a grey picture."""
    return float((result.max(2) - result.min(2)).max())


def measure_colours(enlarge: Enlarge, frames: Sequence[Frame]) -> float:
    """Mean over the frames and channels of how far the mean moves, levels."""
    moved = [enlarge(frame).mean((0, 1)) - frame.mean((0, 1)) for frame in frames]
    return float(np.abs(moved).mean())


def measure_dots(result: Frame, poles: art.Poles, scale: int) -> float:
    """Root mean square of what returns with each input row along lines, % of their contrast."""
    luma = metrics.luma(result).astype(np.float32)
    rows = np.arange(luma.shape[0], dtype=np.float32)
    paper, powers = float(np.median(luma)), []
    for start, slope in poles.lines:
        columns = scale * start + slope * (rows + 0.5) - 0.5  # rows of the result: the same slope
        line = cv2.remap(luma, columns[:, None].astype(np.float32), rows[:, None], cv2.INTER_CUBIC)
        contrast = line[:, 0].astype(np.float64) - paper
        powers.append(_measure_wave(contrast, scale) / contrast.mean() ** 2)
    return 100 * float(np.sqrt(np.mean(powers)))


def _measure_wave(signal: NDArray[np.float64], period: int) -> float:
    """Mean square of the part with that period, within windows, off the ends."""
    window = np.hanning(WINDOW * period + 1)[:-1]
    turns = np.exp(-2j * np.pi * np.arange(len(window)) / period)
    wave = np.convolve(signal - signal.mean(), window * turns, "valid") / window.sum()
    return float((np.abs(wave) ** 2).mean()) * (1 if period == 2 else 2)


@dataclass(frozen=True)
class Way:
    """Something that enlarges."""

    name: str
    enlarge: Enlarge
    scale: int


def open_model(name: str) -> Way:
    """Raises UsageError where it enlarges nothing."""
    session = gantool.load(name)
    if session.contract.scale < 2:
        raise gantool.UsageError(f"{name}: its scale is 1: this gate is for models that enlarge")
    return Way(name, session, session.contract.scale)


def open_task(text: str) -> Way:
    """`gantool superres` with options such as `scale=4,denoise=0.5`."""
    options = parse_options(text)
    pipeline = api.task_function("superres")(**options)
    predicts = [gantool.load(each) for each in pipeline.models]
    name = " ".join(["superres", *(f"--{key} {value}" for key, value in options.items())])
    return Way(name, lambda frame: pipeline.process(frame, *predicts), int(pipeline.scale))


def parse_options(text: str) -> dict[str, Any]:
    """`scale=4,model=a.onnx` → numbers where they are such. Raises UsageError."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(key.isidentifier() and value for key, _, value in pairs):
        raise gantool.UsageError(f"--task {text}: write options as in scale=4,denoise=0.5")
    return {key: _parse_value(value) for key, _, value in pairs}


def _parse_value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def open_ways(models: Sequence[str], tasks: Sequence[str]) -> list[Way]:
    """Bicubic at every scale that occurs, then the models, then the task."""
    if not models and not tasks:
        models, tasks = [each.name for each in api.models("superres")], TASKS
    ways = [*map(open_model, models), *map(open_task, tasks)]
    controls = [
        Way(f"bicubic ×{scale}", lambda frame, scale=scale: bicubic(frame, scale), scale)
        for scale in sorted({way.scale for way in ways})
    ]
    return [*controls, *ways]


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of all ways that were asked for."""
    ways = open_ways(options.model, options.task)
    photos = [photo for folder in options.photos for photo in read_photos(folder)]
    for way in ways:
        yield from check(way.name, way.enlarge, way.scale, photos)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status; gates.py says what it means."""
    parser = make_parser(__doc__)
    parser.add_argument("--task", action="append", default=[], metavar="KEY=VALUE,…")
    parser.add_argument("--photos", action="append", default=[], type=Path, metavar="FOLDER")
    return run_gate(measure, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())

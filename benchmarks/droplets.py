"""A gate: does a style of translate paint bright blobs or bleach pictures? Exit status 1 if so.

    python benchmarks/droplets.py ../shared/data/landscapes [--style NAME]… [--model NAME|FILE]…
        [--limit 40] [--sheets FOLDER] [--json FILE] [--report-only]

The folder holds photographs; they are restyled as by `gantool translate`, and judged with a short
side of 256. Without --style and --model: all installed styles. One row per check:

  droplets  share of pictures that are somewhere lighter by over 30 levels than pixels of the same
            lightness are elsewhere, and than what is around them (blurred luma, σ 4 less σ 12,
            medians over 16 levels)                                                    ≤ 0.025
  bleached  share of pictures whose mean luma moves by over 40 levels                  ≤ 0.025
  blob      the greatest of what `droplets` compares, levels, median over the pictures
  luma      by how much pictures become lighter, levels
  colour    mean absolute difference of the mean colours, levels

Instance normalisation invites such blobs: Karras et al., «Analyzing and Improving the Image Quality
of StyleGAN», 2020, section 2.
--sheets writes photograph, result and droplets of the pictures that have some, side by side.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from gates import Frame, Row, make_parser, read_photos, run_gate  # beside this file
from numpy.typing import NDArray
from PIL import Image

import gantool
from gantool import api
from gantool.training import metrics

SIDE, BLUR, AROUND, STEP = 256, 4, 12, 16
BRIGHT, TOO_MUCH = 30, 40
"""Levels: of a droplet, and of a whole picture."""
MOST = 0.025
"""One picture of 40: something may rightly be painted white."""
Plane = NDArray[np.float64]
Restyle = Callable[[Frame], Frame]


def check(by: str, photos: Sequence[Frame], results: Sequence[Frame]) -> Iterator[Row]:
    """Yield the rows of one style, named `by`, for photographs and what it made of them."""
    pairs = list(zip(photos, results, strict=True))
    blobs = np.array([find_excess(*pair).max() for pair in pairs])
    lighter = np.array([measure_luma(result) - measure_luma(photo) for photo, result in pairs])
    moved = [result.mean((0, 1)) - photo.mean((0, 1)) for photo, result in pairs]
    for name, value, bar in (
        ("droplets", (blobs > BRIGHT).mean(), MOST),
        ("bleached", (np.abs(lighter) > TOO_MUCH).mean(), MOST),
        ("blob", np.median(blobs), None),
        ("luma", lighter.mean(), None),
        ("colour", np.abs(moved).mean(), None),
    ):
        yield Row(by, name, f"{len(pairs)} pictures", round(float(value), 3), bar)


def find_excess(photo: Frame, result: Frame) -> Plane:
    """By how many levels each place became lighter than places as light did, in the median.

    So a changed tone curve is no droplet, nor a dark sky that is painted light. H×W×3 twice →
    H×W at SIDE.
    """
    before, after = (blur_luma(to_side(frame)) for frame in (photo, result))
    excess = after - before
    level = np.floor(before / STEP)
    for each in np.unique(level):
        alike = level == each
        excess[alike] -= np.median(excess[alike])
    return excess - cv2.GaussianBlur(excess, (0, 0), AROUND)


def blur_luma(frame: Frame) -> Plane:
    return cv2.GaussianBlur(full_luma(frame), (0, 0), BLUR)


def full_luma(frame: Frame) -> Plane:
    """In levels of 255."""
    return (metrics.luma(frame) - 16) * 255 / 219


def measure_luma(frame: Frame) -> float:
    return float(full_luma(frame).mean())


def to_side(frame: Frame) -> Frame:
    """Short side SIDE, by areas where it becomes smaller."""
    factor = SIDE / min(frame.shape[:2])
    size = [round(length * factor) for length in frame.shape[1::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(frame, size, interpolation=how).astype(np.uint8)


def draw_sheet(photo: Frame, result: Frame) -> Frame:
    """The photograph, the result and white where its droplets are."""
    marks = np.repeat(find_excess(photo, result)[..., None] > BRIGHT, 3, axis=2)
    return np.hstack([to_side(photo), to_side(result), marks.astype(np.uint8) * 255])


def open_styles(styles: Sequence[str], models: Sequence[str]) -> Mapping[str, Restyle]:
    """The task with each style and model, by name."""
    options = [{"style": each} for each in styles] + [{"model": each} for each in models]
    return {next(iter(each.values())): _open_task(each) for each in options}


def _open_task(options: Mapping[str, str]) -> Restyle:
    pipeline = api.task_function("translate")(**options)
    predicts = [gantool.load(each) for each in pipeline.models]
    return lambda frame: pipeline.process(frame, *predicts)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of all styles that were asked for."""
    photos = read_photos(options.folder, options.limit)
    styles = options.style if options.style or options.model else ["monet"]
    for name, restyle in open_styles(styles, options.model).items():
        results = [restyle(photo) for photo in photos]
        if options.sheets:
            write_sheets(options.sheets / Path(name).stem, photos, results)
        yield from check(name, photos, results)


def write_sheets(folder: Path, photos: Sequence[Frame], results: Sequence[Frame]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (photo, result) in enumerate(zip(photos, results, strict=True)):
        if find_excess(photo, result).max() > BRIGHT:
            Image.fromarray(draw_sheet(photo, result)).save(folder / f"{number:03}.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status; gates.py says what it means."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--style", action="append", default=[], metavar="NAME")
    parser.add_argument("--limit", type=int, default=40, help="the first N pictures, by default 40")
    parser.add_argument("--sheets", type=Path, help="a folder for the pictures with droplets")
    return run_gate(measure, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())

"""Quality of colorize on photographs whose colours are known, beside the grey picture.

    python benchmarks/colours.py ../shared/data/photos/heldout [--json FILE]

Each photograph is made grey (Rec.601) and coloured by the task, at several intensities and as
samples of the diverse model. PSNR is over R, G and B, the mean over pictures; `chroma` the mean
distance in a*b*; `area` that under the curve of pixels with at most such a distance, 0 to 150, in
percent (Zhang et al. 2016); `hue` the mean error of the hue in degrees, where the photograph has
colour enough to have one, 90 being chance and grey; `colourful` the colourfulness of Hasler and
Süsstrunk 2003, the mean of the results over that of the photographs.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import gantool
from gantool.media.images import SUFFIXES, read_image
from gantool.training import degrade, metrics
from gantool_colorize.task import DIVERSE, INTENSITY, PHOTO, Colouring

Frame = NDArray[np.uint8]
Paint = Callable[[Frame], Frame]
Row = dict[str, str | float]
INTENSITIES = tuple(sorted({0.75, 1.0, 1.25, 1.5, 2.5, INTENSITY}))
SAMPLES = 16
FARTHEST = 150
VIVID, PALE = 20, 1
"""Chroma in a*b* from which on a pixel of a photograph, or of a result, has a hue."""


def ways(predict: gantool.Predict) -> Iterator[tuple[str, Paint]]:
    """By name, what stands in for the colours of a grey picture."""
    yield "grey", lambda grey: grey
    for intensity in INTENSITIES:
        colouring = Colouring(intensity, force=True)
        title = f"intensity {intensity:g}" + (", default" if intensity == INTENSITY else "")
        yield title, lambda grey, by=colouring: by.paint(grey, predict)


def rows(folder: Path, model: str = PHOTO) -> Iterator[Row]:
    """A row for each way, means over the pictures of `folder`."""
    originals = list(photographs(folder))
    real = np.mean([colourfulness(each) for each in originals])
    for title, paint in ways(gantool.load(model)):
        made = [paint(degrade.grey(each)) for each in originals]
        pairs = list(zip(made, originals, strict=True))
        far = [distances(*pair) for pair in pairs]
        psnr = [metrics.psnr_rgb(*pair) for pair in pairs]
        yield {
            "set": folder.name,
            "by": title,
            "psnr_rgb": round(float(np.mean(psnr)), 3),
            "chroma": round(float(np.mean([each.mean() for each in far])), 2),
            "area": round(float(np.mean([area(each) for each in far])), 2),
            "hue": round(float(np.nanmean([hue_error(*pair) for pair in pairs])), 1),
            "colourful": round(float(np.mean([colourfulness(each) for each in made]) / real), 3),
        }


def diverse(folder: Path, model: str = DIVERSE) -> Iterator[Row]:
    """The error of the best of N samples, and how far samples of a picture are from each other."""
    predict, sampled = gantool.load(model), Colouring(1.0, force=True, samples=SAMPLES)
    psnr, apart = [], []
    for original in photographs(folder):
        samples = list(sampled.paint(degrade.grey(original), predict).values())
        psnr.append([metrics.psnr_rgb(each, original) for each in samples])
        pairs = itertools.combinations(samples[:8], 2)
        apart.append(np.mean([distances(*pair).mean() for pair in pairs]))
    for count in (1, 2, 4, 8, SAMPLES):
        best = np.mean([max(each[:count]) for each in psnr])
        yield {"set": folder.name, "by": f"best of {count}", "psnr_rgb": round(float(best), 3)}
    yield {"set": folder.name, "by": "between two", "chroma": round(float(np.mean(apart)), 2)}


def every(folder: Path, model: str = PHOTO, of_many: str = DIVERSE) -> Iterator[Row]:
    """All rows."""
    yield from rows(folder, model)
    yield from diverse(folder, of_many)


def photographs(folder: Path) -> Iterator[Frame]:
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        yield read_image(path)[0]


def distances(made: Frame, original: Frame) -> NDArray[np.float32]:
    """Of each pixel, in a*b*."""
    return np.abs(opponents(made) - opponents(original))


def hue_error(made: Frame, original: Frame) -> float:
    """Mean angle between the hues in degrees, 0 to 180, over the original's vivid pixels.

    NaN without any; 90 for a pixel that the result leaves grey.
    """
    one, other = opponents(made), opponents(original)
    vivid = np.abs(other) >= VIVID
    one, other = one[vivid], other[vivid]
    if not one.size:
        return float("nan")
    angles = np.abs(np.angle(one * other.conj(), deg=True))
    return float(np.where(np.abs(one) < PALE, 90, angles).mean())


def opponents(frame: Frame) -> NDArray[np.complex64]:
    """a* + i·b* of each pixel."""
    lab = cv2.cvtColor(np.float32(frame) / 255, cv2.COLOR_RGB2Lab)
    return lab[..., 1] + 1j * lab[..., 2]


def area(far: NDArray[np.float32]) -> float:
    """Under the curve of the share of pixels that are at most so far, in percent."""
    return float(100 * (1 - np.minimum(far, FARTHEST).mean() / FARTHEST))


def colourfulness(frame: Frame) -> float:
    """Hasler and Süsstrunk, «Measuring Colourfulness in Natural Images», 2003."""
    red, green, blue = np.moveaxis(frame.astype(np.float64), 2, 0)
    one, other = red - green, 0.5 * (red + green) - blue
    spread = np.hypot(one.std(), other.std())
    return float(spread + 0.3 * np.hypot(one.mean(), other.mean()))


def told(row: Row) -> str:
    """One line."""
    figures = "".join(f"{key} {value:<8}" for key, value in row.items() if key not in ("set", "by"))
    return f"{row['set']:<10}{row['by']:<24}{figures}".rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=PHOTO, help="another one for the intensities")
    parser.add_argument("--diverse", default=DIVERSE, help="another one for the samples")
    parser.add_argument("--json", type=Path, help="write the table here too")
    options = parser.parse_args(arguments)
    table = []
    for row in every(options.folder, options.model, options.diverse):
        table.append(row)
        print(told(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

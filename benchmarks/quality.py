"""Quality of the shipped models on benchmark pictures, beside doing nothing.

    python benchmarks/quality.py ../shared/data/sr/Set5 ../shared/data/sr/Set14 [--json FILE]
    python benchmarks/quality.py --rainy ../shared/data/rain100l \\
        --dry ../shared/data/photos/heldout [--json FILE]
    python benchmarks/quality.py --colours ../shared/data/photos/heldout
    python benchmarks/quality.py --faces ../shared/data/faces/train --judges judges
    python benchmarks/quality.py --eyes ../shared/data/eyes/real_mpiigaze/train

Each folder holds originals. They are reduced by antialiased bicubic, enlarged by gantool, and
compared as in the papers: luma, the scale's number of pixels off each edge. With --rainy and --dry
there are the rows of weather.py, with --colours those of colours.py, with --faces those of
faces.py, with --eyes those of refine.py.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gantool
from gantool.media.images import SUFFIXES, read_image
from gantool.training import degrade, metrics

MODELS = {4: "superres/photo-x4-fidelity", 2: "superres/photo-x2-fidelity"}
Frame = NDArray[np.uint8]


def bicubic(frame: Frame, scale: int) -> Frame:
    """What an ordinary image editor would give."""
    return degrade.resize(frame, frame.shape[0] * scale, frame.shape[1] * scale)


def measure(folder: Path, scale: int, enlarge: Callable[[Frame], Frame]) -> dict[str, float]:
    """Means over the pictures of `folder`."""
    rows = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        frame, _ = read_image(path)
        height, width = (side // scale * scale for side in frame.shape[:2])
        original = frame[:height, :width]
        result = enlarge(degrade.reduce(original, scale))
        psnr = metrics.psnr_y(result, original, crop=scale)
        rows.append((psnr, metrics.ssim_y(result, original, crop=scale)))
    psnr, ssim = np.mean(rows, axis=0)
    return {
        f"psnr_y_crop{scale}": round(float(psnr), 3),
        f"ssim_y_crop{scale}": round(float(ssim), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--colours", type=Path, metavar="FOLDER", help="photographs for colorize")
    parser.add_argument("--faces", type=Path, metavar="FOLDER", help="faces for face-age")
    parser.add_argument("--judges", type=Path, default=Path("judges"), help="of faces, kept here")
    parser.add_argument("--eyes", type=Path, metavar="FOLDER", help="eyes for refine-synthetic")
    parser.add_argument("--model", action="append", default=[], metavar="SCALE=FILE")
    parser.add_argument("--rainy", type=Path, help="pairs in input/ and target/, for derain")
    parser.add_argument("--dry", type=Path, help="clean photographs, for derain")
    parser.add_argument("--json", type=Path, help="write the table here too")
    options = parser.parse_args(arguments)
    models = dict(each.split("=", 1) for each in options.model) or MODELS
    table: list[dict[str, object]] = []
    if options.rainy or options.dry:
        import weather  # beside this file

        for row in weather.rows(weather.shipped(), options.rainy, options.dry):
            table.append(row)
            print(" ".join(f"{value!s:<24}" for value in row.values()), flush=True)
    for scale, model in models.items() if options.folders else ():
        scale, predict = int(scale), gantool.load(model)
        ways = {"bicubic": lambda x, s=scale: bicubic(x, s), model: predict}
        for folder in options.folders:
            for name, enlarge in ways.items():
                row = {"set": folder.name, "scale": scale, "by": name}
                table.append(row | measure(folder, scale, enlarge))
                print(
                    " ".join(
                        f"{value:<28}" if i == 2 else f"{value:<8}"
                        for i, value in enumerate(table[-1].values())
                    )
                )
    if options.colours:
        import colours  # beside this file

        for row in colours.every(options.colours):
            table.append(row)
            print(colours.told(row), flush=True)
    if options.faces:
        import faces  # beside this file

        for row in faces.shipped(options.faces, options.judges):
            table.append(row)
            print(json.dumps(row), flush=True)
    if options.eyes:
        import refine  # beside this file

        for row in refine.rows(options.eyes):
            table.append(row)
            print(" ".join(f"{value!s:<20}" for value in row.values()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

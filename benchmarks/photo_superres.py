"""Photographs enlarged 4 times: as they are found, noisy and saved as JPEG, and clean.

    python benchmarks/photo_superres.py ../shared/data/photos/heldout --features features.onnx \\
        [--model NAME|FILE]… [--sheets FOLDER] [--json FILE]

The folder holds originals. Each is reduced to a quarter by antialiased bicubic; for `found` it
gets noise of σ 3 and is saved as JPEG of quality 60. A row per way of enlarging them again;
`superres` is the default of the task:

  psnr    of the luma, 4 pixels off each edge, dB; the mean over the pictures
  kid     kernel distance ×1000 of crops of 224 pixels to those of the originals, by the network of
          feature_network.py, and its deviation over subsets
  flat    root mean square of what a Gaussian of σ 2 takes away, in levels of luma, where the
          original is flat: more than the original's is invented texture
  colour  mean absolute difference of the pictures' mean colours, levels

--sheets writes crops of 100 % side by side: each way, then the original.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import gantool
from gantool.media.images import SUFFIXES, read_image
from gantool.runtime.features import Features
from gantool.training import degrade, metrics
from gantool_superres import superres

MODELS = ["superres/photo-x4-fidelity", "superres/photo-x4"]
SCALE, SIDE, PATCH, NOISE, QUALITY = 4, 224, 32, 3, 60
FLAT = 1.5
"""Deviation of the luma up to which a patch is flat, levels."""
Frame = NDArray[np.uint8]
Enlarge = Callable[[Frame], Frame]


def bicubic(frame: Frame) -> Frame:
    """What an ordinary image editor would give."""
    return degrade.resize(frame, frame.shape[0] * SCALE, frame.shape[1] * SCALE)


def default() -> Enlarge:
    """Return what `gantool superres` does with a photograph unless told otherwise."""
    pipeline = superres(SCALE)
    predicts = [gantool.load(name) for name in pipeline.models]
    return lambda frame: cast(Frame, pipeline.process(frame, *predicts))


def found(frame: Frame) -> Frame:
    """Return a picture as it may come from a message: with noise, the same each time, and JPEG."""
    noise = np.random.default_rng(frame.size).normal(0, NOISE, frame.shape)
    file = io.BytesIO()
    noisy = np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file))


INPUTS: Mapping[str, Enlarge] = {"found": found, "clean": lambda frame: frame}


def originals(folder: Path) -> list[Frame]:
    """The pictures of `folder`, sides cut to multiples of the scale."""
    frames = [
        read_image(path)[0] for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES
    ]
    return [
        frame[: frame.shape[0] // SCALE * SCALE, : frame.shape[1] // SCALE * SCALE]
        for frame in frames
    ]


def squares(frame: NDArray, side: int) -> Iterator[NDArray]:
    """All of it in squares from the top left; what is left over is not looked at."""
    for top in range(0, frame.shape[0] - side + 1, side):
        for left in range(0, frame.shape[1] - side + 1, side):
            yield frame[top : top + side, left : left + side]


def detail(frame: Frame) -> NDArray[np.float64]:
    """Luma without what is left of it after a Gaussian of σ 2."""
    luma = metrics.luma(frame)
    return luma - cv2.GaussianBlur(luma, (0, 0), 2)


def texture(frame: Frame, original: Frame) -> list[float]:
    """Mean square of the detail of `frame` in each patch where `original` is flat."""
    pairs = zip(squares(detail(frame), PATCH), squares(metrics.luma(original), PATCH), strict=True)
    return [float(np.mean(patch**2)) for patch, true in pairs if true.std() < FLAT]


def vectors(network: Features, frames: Sequence[Frame]) -> NDArray[np.float32]:
    return np.stack([network(crop) for frame in frames for crop in squares(frame, SIDE)])


def measure(
    results: Sequence[Frame], targets: Sequence[Frame], network: Features, true: NDArray
) -> dict[str, float]:
    """The columns of a row; `true` are the features of the targets."""
    pairs = list(zip(results, targets, strict=True))
    flat = [energy for result, target in pairs for energy in texture(result, target)]
    off = [np.abs(result.mean((0, 1)) - target.mean((0, 1))).mean() for result, target in pairs]
    found = vectors(network, results)
    mean, deviation = metrics.kid(found, true, size=len(true) // 2, paired=True)
    return {
        "psnr_y_crop4": round(float(np.mean([metrics.psnr_y(*p, crop=SCALE) for p in pairs])), 3),
        "kid_x1000": round(1000 * mean, 3),
        "kid_deviation": round(1000 * deviation, 3),
        "flat": round(float(np.sqrt(np.mean(flat))), 3),
        "colour": round(float(np.mean(off)), 3),
    }


def sheet(columns: Sequence[Frame]) -> Frame:
    """The liveliest square of the last column, of each column beside one another."""
    energy = cv2.boxFilter(np.abs(detail(columns[-1])), -1, (SIDE, SIDE), anchor=(0, 0))
    inner = energy[: energy.shape[0] - SIDE + 1, : energy.shape[1] - SIDE + 1]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    return np.hstack([each[top : top + SIDE, left : left + SIDE] for each in columns])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--model", action="append", metavar="NAME|FILE")
    parser.add_argument("--sheets", type=Path, help="a folder for the crops")
    parser.add_argument("--json", type=Path, help="write the table here too")
    options = parser.parse_args(arguments)
    ways = {"bicubic": bicubic, "superres": default()}
    ways |= {each: gantool.load(each) for each in options.model or MODELS}
    network, targets = Features(options.features), originals(options.folder)
    true = vectors(network, targets)
    floor = metrics.kid(true, true, size=len(true) // 2, paired=True)
    print(f"{len(targets)} pictures, {len(true)} crops, kid of the originals {1000 * floor[0]:.3f}")
    table = []
    for kind, harm in INPUTS.items():
        low = [harm(degrade.reduce(target, SCALE)) for target in targets]
        results = {name: [enlarge(frame) for frame in low] for name, enlarge in ways.items()}
        for name, frames in ({**results, "original": targets}).items():
            table.append({"input": kind, "by": name, **measure(frames, targets, network, true)})
            print(" ".join(f"{value!s:<12}" for value in table[-1].values()), flush=True)
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            for number, columns in enumerate(zip(*results.values(), targets, strict=True)):
                Image.fromarray(sheet(columns)).save(options.sheets / f"{kind}-{number:02}.png")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""How near a style's pictures come to its paintings, and what it leaves behind.

    python benchmarks/feature_network.py features.onnx
    python benchmarks/paintings.py MODEL PHOTOS PAINTINGS --features features.onnx [--large FOLDER]

PHOTOS are held out from training. Printed: the kernel distance (KID) of photographs and of their
restyled pictures to the paintings, each less the floor (paintings half against half), with the
error over bootstrap samples; how much nearer that is; the energy at the generator's stride over
that of its neighbours in the spectrum, where a checkerboard would show; how well the content is
kept (correlation of the luma's coarse structure). `--large` holds large photographs: restyled as
`gantool translate` does, and seen with a short side of 1080 pixels, of which squares are taken.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import gantool
from gantool.media.images import read_image
from gantool.runtime.features import Features
from gantool.training.metrics import mmd2
from gantool_translate.task import ENLARGER, Brush

Picture = NDArray[np.uint8]
Vectors = NDArray[np.float32]
SIDE = 256
SEEN = 1080
FEATURES = 224
"""Side that the feature network takes."""
BOOTSTRAPS = 50


@dataclass(frozen=True)
class Set:
    """Pictures of one kind, SIDE×SIDE, and their features."""

    pictures: list[Picture]
    vectors: Vectors


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    features = Features(options.features)
    paintings = described(whole(options.paintings), features)
    predict = gantool.load(options.model, device="cpu")
    photos = list(whole(options.photos))
    print(f"load {os.getloadavg()[0]:.1f} · {len(paintings.pictures)} paintings")
    floor = half_against_half(paintings.vectors)
    print(f"floor, half of the paintings against half: {figure(floor)}")
    restyled = [predict(photo) for photo in photos]
    compare("256 px", photos, restyled, paintings, floor, features)
    if options.large:
        brush, enlarge = Brush(384, 1.0), gantool.load(ENLARGER)
        seen, made = [], []
        for photo in read(options.large):
            seen += squares(photo)
            made += squares(brush.paint(photo, predict, enlarge))
        compare("seen at 1080 px", seen, made, paintings, floor, features)


def compare(
    title: str,
    photos: list[Picture],
    restyled: list[Picture],
    paintings: Set,
    floor: tuple[float, float],
    features: Features,
) -> None:
    """The rows of one size."""
    before, after = described(photos, features), described(restyled, features)
    far = bootstrapped(before.vectors, paintings.vectors)
    near = bootstrapped(after.vectors, paintings.vectors)
    gain = 1 - (near - floor[0]) / (far - floor[0])
    print(f"{title}, {len(photos)} pictures")
    print(f"  photographs to paintings, floor subtracted: {figure(spread(far - floor[0]))}")
    print(f"  restyled to paintings, floor subtracted:    {figure(spread(near - floor[0]))}")
    print(f"  nearer by {100 * gain.mean():.0f} ± {100 * gain.std():.0f} %")
    board = f"{checkerboard(restyled):.2f}, of the paintings {checkerboard(paintings.pictures):.2f}"
    print(f"  energy at the stride over its neighbours: {board}")
    kept = [structure(one, other) for one, other in zip(photos, restyled, strict=True)]
    print(f"  correlation of coarse luma: {np.mean(kept):.2f}, least {min(kept):.2f}")


def read(folder: Path) -> Iterator[Picture]:
    """Every picture of the folder, eight bits."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            yield np.asarray(read_image(path)[0], np.uint8)


def whole(folder: Path) -> Iterator[Picture]:
    """The middle square of each, SIDE pixels wide."""
    for frame in read(folder):
        side = min(frame.shape[:2])
        top, left = ((length - side) // 2 for length in frame.shape[:2])
        square = frame[top : top + side, left : left + side]
        yield scaled(square, SIDE)


def squares(frame: Picture) -> list[Picture]:
    """What is seen of a large picture: brought to SEEN pixels, six squares, halved."""
    factor = SEEN / min(frame.shape[:2])
    size = [round(length * factor) for length in frame.shape[1::-1]]
    seen = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    tops = np.linspace(0, seen.shape[0] - 2 * SIDE, 2).astype(int)
    lefts = np.linspace(0, seen.shape[1] - 2 * SIDE, 3).astype(int)
    pieces = (seen[top : top + 2 * SIDE, left : left + 2 * SIDE] for top in tops for left in lefts)
    return [scaled(piece, SIDE) for piece in pieces]


def described(pictures: Iterator[Picture] | list[Picture], features: Features) -> Set:
    kept = list(pictures)
    return Set(kept, np.stack([features(scaled(picture, FEATURES)) for picture in kept]))


def scaled(picture: Picture, side: int) -> Picture:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def bootstrapped(x: Vectors, y: Vectors) -> NDArray[np.float64]:
    """KID of BOOTSTRAPS samples: half of both sets each, nothing twice, which would lower it."""
    random = np.random.default_rng(0)

    def part(rows: Vectors) -> Vectors:
        return rows[random.permutation(len(rows))[: max(len(rows) // 2, 2)]]

    return np.array([mmd2(part(x), part(y)) for _ in range(BOOTSTRAPS)])


def half_against_half(rows: Vectors) -> tuple[float, float]:
    random = np.random.default_rng(0)
    halves = []
    for _ in range(BOOTSTRAPS):
        order = random.permutation(len(rows))
        halves.append(mmd2(rows[order[::2]], rows[order[1::2]]))
    return spread(np.array(halves))


def checkerboard(pictures: Sequence[Picture]) -> float:
    """Energy of the luma at periods of 2 and 4 pixels over that of frequencies beside them."""
    power = np.mean([spectrum(picture) for picture in pictures], axis=0)
    return max(along(power, axis, period) for axis in (0, 1) for period in (2, 4))


def spectrum(picture: Picture) -> NDArray[np.float64]:
    """Power at each frequency, as a share of the whole."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    window = np.outer(*[np.hanning(side) for side in luma.shape])
    power: NDArray[np.float64] = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    return power / power.sum()


def along(power: NDArray[np.float64], axis: int, period: int) -> float:
    """Around one frequency of one axis, at low frequencies of the other."""
    lines = np.moveaxis(power, axis, 0)[:, :8].mean(1)
    place = len(lines) // period
    near = [place - offset for offset in range(4, 10)]
    if period > 2:
        near += [place + offset for offset in range(4, 10)]
    return float(lines[place - 1 : place + 2].mean() / lines[near].mean())


def structure(one: Picture, other: Picture) -> float:
    """Correlation of the luma, blurred to an eighth of the side."""
    coarse = [
        cv2.resize(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
        for each in (one, other)
    ]
    return float(np.corrcoef(coarse[0].ravel(), coarse[1].ravel())[0, 1])


def spread(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.mean()), float(values.std())


def figure(value: tuple[float, float]) -> str:
    return f"{1000 * value[0]:.2f} ± {1000 * value[1]:.2f} ×10⁻³"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("photos", type=Path)
    parser.add_argument("paintings", type=Path)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--large", type=Path)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

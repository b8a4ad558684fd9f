"""How real refined eyes are, whether their irises stay, and what a gaze estimator gains.

    python benchmarks/refine.py REAL [--model NAME|FILE] [--eyes 2000] [--json FILE] [--sheet FILE]

REAL holds photographs of eyes, 55×35 grey, that no training has seen. Eyes are drawn with seeds
that no training uses, and refined by the model.

nearer   distance of renders and of refined ones to the real ones, and by how much it falls:
         histogram   earth mover's distance of grey levels, in levels
         gradients   the same of gradient magnitudes, in levels
         features    Fréchet distance of the activations of a network with fixed random weights
moved    pixels: of the iris's centre, fitted in both (`centre`); of the steepest place of its edge
         along rays to both sides (`edge`)
gaze     mean angle of error, degrees, on other renders that a camera has degraded, of estimators
         that were trained on raw and on refined renders, with their labels
lower    by how much that error falls with refined ones: with one look of each, with several
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import gantool
from gantool import Predict
from gantool.media.carry import Carry
from gantool.media.images import SUFFIXES, read_image, write_image
from gantool_refine_synthetic import refine_synthetic
from gantool_refine_synthetic.eyes import Label, eye

MODEL = "refine-synthetic/eyes"
SEEDS = {"drawn": 201, "camera": 202}
EYES, EPOCHS, RUNS = 2000, 20, 2
LOOKS = 4
"""Seeds by which the renders are refined for `looks`."""
Bytes = NDArray[np.uint8]
Values = NDArray[np.float32]
Measured = dict[str, float]


def drawn(seed: int, count: int) -> tuple[Bytes, list[Label]]:
    """N×35×55 and their labels."""
    pictures, labels = zip(*(eye(seed, number) for number in range(count)), strict=True)
    return np.stack(pictures), list(labels)


def refined(predict: Predict, pictures: Bytes, seed: int = 0) -> Bytes:
    """N×H×W as the task refines them."""
    process = refine_synthetic(seed=seed).process
    frames = (np.repeat(each[..., None], 3, axis=2) for each in pictures)
    return np.stack([process(each, predict)[..., 1] for each in frames])


# Distances


def moving(one: Values, other: Values) -> float:
    """Earth mover's distance of two sets of values: the mean gap of their quantiles."""
    parts = np.linspace(0, 1, 1001)
    return float(np.abs(np.quantile(one, parts) - np.quantile(other, parts)).mean())


def magnitudes(pictures: Bytes) -> Values:
    """Of the gradients, by central differences, in levels."""
    down, right = np.gradient(pictures.astype(np.float32), axis=(1, 2))
    return np.hypot(down, right)


def features(pictures: Bytes) -> Values:
    """N×64: means and deviations of the 32 maps of a network whose weights are random and fixed."""
    generator = torch.Generator().manual_seed(7)
    x = torch.from_numpy(pictures[:, None]).float() / 127.5 - 1
    for inputs, outputs in ((1, 16), (16, 32), (32, 32)):
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (9 * inputs)) ** 0.5
        x = nn.functional.relu(nn.functional.conv2d(x, weight, stride=2))
    maps = x.flatten(2)
    return torch.cat([maps.mean(2), maps.std(2)], dim=1).numpy()


def frechet(one: Values, other: Values) -> float:
    """Of two sets of features, as Gaussians with uncorrelated parts."""
    means = ((one.mean(0) - other.mean(0)) ** 2).sum()
    return float(means + ((one.std(0) - other.std(0)) ** 2).sum())


def distances(pictures: Bytes, real: Bytes) -> Measured:
    return {
        "histogram": moving(pictures.astype(np.float32), real.astype(np.float32)),
        "gradients": moving(magnitudes(pictures), magnitudes(real)),
        "features": frechet(features(pictures), features(real)),
    }


# The iris


def centre(picture: Bytes, label: Label) -> tuple[float, float]:
    """Where the brightness rises most across a circle of the iris's size, within 3 pixels of it.

    Only the sides of the circle count, which no lid covers. Daugman 1993, the integro-differential
    operator.
    """
    shifts = np.arange(-3, 3.01, 0.25)
    x, y = np.meshgrid(label.x + shifts, label.y + shifts)
    rise = ring(picture, x, y, label.radius + 1) - ring(picture, x, y, label.radius - 1)
    best = np.unravel_index(np.argmax(rise), rise.shape)
    return float(x[best]), float(y[best])


def ring(picture: Bytes, x: Values, y: Values, radius: float) -> Values:
    """Mean brightness along both sides of a circle, for each of the centres."""
    turns = np.radians([*range(-40, 41, 5), *range(140, 221, 5)])
    return sampled(
        picture, x[..., None] + radius * np.cos(turns), y[..., None] + radius * np.sin(turns)
    ).mean(-1)


def edges(picture: Bytes, label: Label) -> Values:
    """Distance from the centre at which the brightness rises most, along rays to both sides."""
    turns = np.radians([*range(-30, 31, 10), *range(150, 211, 10)])[:, None]
    far = np.arange(label.radius - 3, label.radius + 3.01, 0.25)
    along = sampled(picture, label.x + far * np.cos(turns), label.y + far * np.sin(turns))
    rise = along[:, 4:] - along[:, :-4]  # over one pixel
    return far[2:-2][np.argmax(rise, axis=1)]


def sampled(picture: Bytes, x: Values, y: Values) -> Values:
    """Between pixels; their centres are at halves. N values in any shape."""
    flat = [(each.reshape(1, -1) - 0.5).astype(np.float32) for each in np.broadcast_arrays(x, y)]
    values = cv2.remap(picture.astype(np.float32), *flat, cv2.INTER_LINEAR)
    return values.reshape(np.broadcast_shapes(x.shape, y.shape))


def moved(before: Bytes, after: Bytes, labels: Sequence[Label]) -> Measured:
    """Means over eyes, and the share of centres that stay within a pixel."""
    pairs = list(zip(before, after, labels, strict=True))
    gaps = [np.hypot(*np.subtract(centre(a, it), centre(b, it))) for a, b, it in pairs]
    sides = [np.abs(edges(a, it) - edges(b, it)).mean() for a, b, it in pairs]
    within = np.mean(np.less(gaps, 1))
    return {"centre": float(np.mean(gaps)), "edge": float(np.mean(sides)), "within": float(within)}


# Gaze


def camera(picture: Bytes, random: np.random.Generator) -> Bytes:
    """As a webcam takes it: out of focus, exposed wrongly, lit from a side, noisy; then equalised.

    Equalised are the real eyes too: their set does so about the light (Zhang et al.,
    «Appearance-Based Gaze Estimation in the Wild», 2015).
    """
    light = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.2)).astype(np.float32) / 255
    turn, fall = random.uniform(0, 2 * np.pi), random.uniform(0, 1.2)
    down, right = (np.linspace(-1, 1, side) for side in picture.shape)
    light *= np.exp(fall * (np.cos(turn) * right + np.sin(turn) * down[:, None]))
    noise = 0.002 * 5 ** random.uniform() * random.standard_normal(light.shape)
    light = np.clip(random.uniform(0.4, 1.5) * light + noise, 0, 1)
    return cast(Bytes, cv2.equalizeHist(np.round(255 * light).astype(np.uint8)))


def estimator() -> nn.Module:
    """N×1×35×55 → N×2: yaw and pitch in tens of degrees."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 5 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 2),
    )


def standard(pictures: Bytes) -> Tensor:
    """N×H×W → N×1×H×W, each of mean 0 and deviation 1."""
    x = torch.from_numpy(pictures[:, None]).float()
    return (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1)


def angles(labels: Sequence[Label]) -> Tensor:
    return torch.tensor([(label.yaw, label.pitch) for label in labels]) / 10


def learnt(pictures: Bytes, labels: Sequence[Label], seed: int) -> nn.Module:
    """An estimator trained on them.

    Of several pictures for each label, one set behind the other, it sees as many in all as of one.
    """
    times = len(pictures) // len(labels)
    torch.manual_seed(seed)
    network, x, y = estimator(), standard(pictures), angles(labels).repeat(times, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(EPOCHS // times):
        for some in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(x[some]), y[some]).backward()
            optimizer.step()
    return network


@torch.no_grad()
def error(network: nn.Module, pictures: Bytes, labels: Sequence[Label]) -> float:
    """Mean angle between the directions told and true, degrees."""
    ways = [directions(10 * each) for each in (network(standard(pictures)), angles(labels))]
    cosines = (ways[0] * ways[1]).sum(1).clamp(-1, 1)
    return float(torch.rad2deg(torch.arccos(cosines)).mean())


def directions(degrees: Tensor) -> Tensor:
    """N×2, yaw and pitch → N×3 unit vectors."""
    yaw, pitch = torch.deg2rad(degrees).T
    return torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()], dim=1)


def gaze(raw: Bytes, looks: Sequence[Bytes], labels: Sequence[Label], count: int) -> Measured:
    """Errors on renders taken by a camera, the means of `RUNS`, of what was learnt on each kind.

    `refined`: by one seed; `looks`: by several, with as many steps of training. `blended`: refined
    by different strengths. `equalised`: raw ones, to be had without a model. `clean`: of what was
    learnt on raw ones, on other raw ones.
    """
    clean, truth = drawn(SEEDS["camera"], count)
    random = np.random.default_rng(SEEDS["camera"])
    taken = np.stack([camera(each, random) for each in clean])
    kinds = {"raw": raw, "refined": looks[0], "looks": np.concatenate(looks)}
    kinds["blended"] = blended(raw, looks[0], random)
    kinds["equalised"] = np.stack([cv2.equalizeHist(each) for each in raw])
    rows: dict[str, list[float]] = {name: [] for name in (*kinds, "clean")}
    for seed in range(RUNS):
        for name, kind in kinds.items():
            network = learnt(kind, labels, seed)
            rows[name].append(error(network, taken, truth))
            if kind is raw:
                rows["clean"].append(error(network, clean, truth))
    return {name: float(np.mean(values)) for name, values in rows.items()}


def blended(raw: Bytes, ours: Bytes, random: np.random.Generator) -> Bytes:
    """Each refined with another `--strength`, from 0 to 1."""
    strength = random.uniform(size=(len(raw), 1, 1))
    return np.round(raw + strength * (ours.astype(np.float32) - raw)).astype(np.uint8)


def measure(predict: Predict, real: Bytes, count: int) -> dict[str, Measured]:
    """All of it, for `count` eyes and as many for the camera."""
    raw, labels = drawn(SEEDS["drawn"], count)
    looks = [refined(predict, raw, seed) for seed in range(LOOKS)]
    ours = looks[0]
    before, after = distances(raw, real), distances(ours, real)
    errors = gaze(raw, looks, labels, min(count, 1000))
    return {
        "renders": before,
        "refined": after,
        "nearer": {name: 1 - after[name] / before[name] for name in before},
        "moved": moved(raw, ours, labels),
        "gaze": errors,
        "lower": {name: 1 - errors[name] / errors["raw"] for name in ("refined", "looks")},
    }


def rows(folder: Path) -> Iterator[dict[str, object]]:
    """A row per measure of the shipped model, for quality.py."""
    table = measure(gantool.load(MODEL, device="cpu"), photographs(folder), EYES)
    for name, row in table.items():
        yield {"set": folder.name, "by": name, **{key: round(row[key], 3) for key in row}}


def photographs(folder: Path) -> Bytes:
    paths = sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)
    return np.stack([read_image(path)[0][..., 1] for path in paths])


def sheet(raw: Bytes, ours: Bytes, real: Bytes) -> Bytes:
    """Columns render, refined, real, four times as large, three of them beside each other."""
    rows = zip(raw, ours, real, strict=False)
    strips = [np.hstack([cv2.resize(each, None, fx=4, fy=4) for each in row]) for row in rows]
    strips = [np.pad(each, ((0, 6), (0, 12)), constant_values=255) for each in strips]
    columns = [np.vstack(strips[start : start + 8]) for start in range(0, 24, 8)]
    return np.repeat(np.hstack(columns)[..., None], 3, axis=2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("real", type=Path, metavar="REAL")
    parser.add_argument("--model", default=MODEL, metavar="NAME|FILE")
    parser.add_argument("--eyes", type=int, default=EYES, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="renders, refined and real ones")
    options = parser.parse_args(arguments)
    real, predict = photographs(options.real), gantool.load(options.model, device="cpu")
    if options.sheet:
        raw, _ = drawn(SEEDS["drawn"], 24)
        write_image(options.sheet, sheet(raw, refined(predict, raw), real), Carry())
    table = measure(predict, real, options.eyes)
    for name, row in table.items():
        print(name.ljust(9), *(f"{key} {value:.3f}  " for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

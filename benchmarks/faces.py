"""Rows of quality.py for face-age: what an age regressor and an embedding say of changed faces.

    python benchmarks/faces.py ../shared/data/faces/train --judges judges.pt \\
        --model base.onnx --years years.onnx [--sheet sheet.png]

Both judges are trained here, on the faces that the recipe trains on, and kept in a file: a
regressor of another architecture than the recipe's estimator, and an embedding by instance
discrimination (Wu et al., «Unsupervised Feature Learning via Non-Parametric Instance
Discrimination», 2018; two disturbed views of a face against those of other faces), which has no
labels. Faces that the recipe holds out are then asked for at five ages. `years` is how much more
the regressor reads for 65 than for 20, `same` how many results have their own input as the nearest
of 100 held-out faces. `nothing` gives every face back as it is and must fail.

`gradients` are the same years by an estimator of another family (face_gradients.py), which no
pattern for convolutions deceives: a generator that learns from one network finds what others of its
kind take for age, too. It reads real faces too near the middle; `of real` is how much more it reads
for real ones of about 65 than of about 20, and `share` what part of that a model reaches.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from face_gradients import GradientAge, Numbers, fit_gradients
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, l1_loss, normalize

import gantool
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.batches import ahead, collate
from gantool.training.data import to_tensor
from gantool.training.system import Batch
from gantool_face_age.ages import OLDEST, YOUNGEST
from gantool_face_age.disturb import disturbed
from gantool_face_age.faces import Faces, Wanted, grouped, held_out, read_faces

TARGETS = (20, 31, 42, 53, 65)
EXTREMES = TARGETS[0], TARGETS[-1]
NEAR = 4
"""Years that real faces may be off the extremes to be compared with."""
HOLD, SIDE, CANDIDATES, STEPS = 10, 128, 100, 1200
YEARS, SAME, CHANGE = 15.0, 0.8, 0.03
GROUPS = ("18-29", "30-39", "40-49", "50-59", "60-69", "70-80")
Frame = NDArray[np.uint8]
Age = Callable[[Frame, int], Frame]


def reader() -> nn.Module:
    """N×3×96×96 → N×1: (age − 45) / 15."""
    return nn.Sequential(*_stage(3, 32, 2), *_stage(32, 64), nn.MaxPool2d(2), *_stage(64, 96),
        nn.MaxPool2d(2), *_stage(96, 128), *_stage(128, 128), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 1))  # fmt: skip


def embedder() -> nn.Module:
    """N×3×64×64 → N×64, to be normalised."""
    return nn.Sequential(*_stage(3, 32, 2), *_stage(32, 64, 2), *_stage(64, 96, 2),
        *_stage(96, 128), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 64))  # fmt: skip


def _stage(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()]


def seen(faces: Tensor, side: int) -> Tensor:
    """N×3×H×W in [0, 1] → N×3×side×side around 0."""
    return 2 * interpolate(faces, (side, side), mode="bilinear", antialias=True) - 1


def read_ages(network: nn.Module, faces: Tensor) -> Tensor:
    """N×3×H×W → N years."""
    told: Tensor = network(seen(faces, 96))
    return 45 + 15 * told[:, 0]


def embedded(network: nn.Module, faces: Tensor) -> Tensor:
    """N×3×H×W → N×64 of length 1."""
    return normalize(network(seen(faces, 64)).float(), dim=1)


def train(network: nn.Module, faces: Faces, steps: int, loss: Callable[..., Tensor]) -> None:
    """By `loss(network, pictures, ages)`; Adam falling by a cosine."""
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.05)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def made(step: int) -> Batch:
        return collate(faces, 4711, step, range(faces.size))

    for step, batch in enumerate(ahead(made, 0, steps)):
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(network, batch["input"], batch["age"])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        falling.step()
        if step % 50 == 0:
            print(f"{step}/{steps} {value.item():.3f}", flush=True)
    network.eval()


def age_error(network: nn.Module, faces: Tensor, ages: Tensor) -> Tensor:
    return l1_loss(read_ages(network, disturbed(faces)).float(), ages) / 15


def discrimination(network: nn.Module, faces: Tensor, _: Tensor) -> Tensor:
    """Cross-entropy of finding a face's other view among those of all faces of the batch."""
    one, other = (embedded(network, disturbed(faces)) for _ in range(2))
    return cross_entropy(one @ other.T / 0.1, torch.arange(len(faces)))


def judges(root: Path, file: Path, steps: int) -> tuple[nn.Module, nn.Module]:
    """Both, read from `file` or trained and written there."""
    torch.manual_seed(4711)
    networks = reader(), embedder()
    losses = age_error, discrimination
    for number, (network, loss) in enumerate(zip(networks, losses, strict=True)):
        path = file.with_suffix(f".{number}.pt")
        if not path.exists():
            faces = read_faces(root, "train", Wanted(YOUNGEST, OLDEST, HOLD, SIDE, 64))
            train(network, faces, steps, loss)
            torch.save(network.state_dict(), path)
        network.load_state_dict(torch.load(path, weights_only=True))
        network.eval()
    return networks


def shipped(root: Path, file: Path) -> Iterator[dict[str, object]]:
    """The rows of the catalogue's models."""
    yield from rows(root, file, STEPS, {"face-age/base": ageing("face-age/base")})
    yield {"by": "face-age/years", **errors(*held(root), gantool.load("face-age/years"))}


def rows(
    root: Path, file: Path | None, steps: int, ways: dict[str, Age]
) -> Iterator[dict[str, object]]:
    """A row per way of ageing a face, `nothing` first; without a file only of the gradients."""
    networks = judges(root, file, steps) if file else None
    frames, ages = held(root)
    gradients = fit_gradients(read_faces(root, "train", Wanted(YOUNGEST, OLDEST, HOLD, SIDE, 64)))
    real = span_of_real(gradients(frames), ages)
    for name, way in {"nothing": lambda frame, _: frame, **ways}.items():
        yield {
            "by": name,
            **(measure(frames, ages, way, networks) if networks else {}),
            **other_family(gradients, frames, way, real),
        }


def held(root: Path) -> tuple[list[Frame], NDArray[np.float32]]:
    """The faces that the recipe holds out, and their ages."""
    all_of_them = read_faces(root, "train", Wanted(YOUNGEST, OLDEST, 1, SIDE, 1))
    apart = [number for number, name in enumerate(all_of_them.names) if held_out(name, HOLD)]
    return [all_of_them.pictures[number] for number in apart], all_of_them.ages[apart]


@torch.no_grad()
def measure(
    frames: list[Frame], ages: NDArray[np.float32], way: Age, by: tuple[nn.Module, nn.Module]
) -> dict[str, object]:
    """What the judges say of faces asked for at `TARGETS` and at their own age."""
    inputs = embedded(by[1], _tensors(frames))
    read, same = [], []
    for target in TARGETS:
        results = _tensors([way(frame, target) for frame in frames])
        read.append(read_ages(by[0], results).mean().item())
        same.append(nearest(embedded(by[1], results), inputs))
    own = [way(frame, int(age)) for frame, age in zip(frames, ages, strict=True)]
    gaps = [np.abs(one / 255 - other / 255).mean() for one, other in zip(own, frames, strict=True)]
    row: dict[str, object] = {f"read {t}": round(r, 1) for t, r in zip(TARGETS, read, strict=True)}
    row |= {"years": round(read[-1] - read[0], 1), "same": round(float(np.mean(same)), 3)}
    row["own"] = round(float(np.mean(gaps)), 4)
    rising = all(one < other for one, other in itertools.pairwise(read))
    holds = row["years"] >= YEARS and rising and row["same"] >= SAME and row["own"] < CHANGE
    return {**row, "holds": "yes" if holds else "no"}


def span_of_real(read: Numbers, ages: NDArray[np.float32]) -> float:
    """How much more is read for real faces near the oldest target than near the youngest."""
    young, old = (read[np.abs(ages - target) <= NEAR] for target in EXTREMES)
    return float(old.mean() - young.mean())


def other_family(
    gradients: GradientAge, frames: list[Frame], way: Age, real: float
) -> dict[str, float]:
    """What an estimator without a network reads between the youngest and the oldest target."""
    young, old = (gradients([way(frame, target) for frame in frames]) for target in EXTREMES)
    years = float((old - young).mean())
    return {
        "gradients": round(years, 1),
        "of real": round(real, 1),
        "share": round(years / real, 2),
    }


def nearest(results: Tensor, inputs: Tensor) -> float:
    """Share of N results that are nearest to their own of `CANDIDATES` inputs drawn for each."""
    random, right = np.random.default_rng(0), 0
    for number, result in enumerate(results):
        others = np.delete(np.arange(len(inputs)), number)
        drawn = random.choice(others, min(CANDIDATES - 1, len(others)), replace=False)
        right += bool(result @ inputs[number] > (inputs[drawn] @ result).max())
    return right / len(results)


def errors(
    frames: list[Frame], ages: NDArray[np.float32], years: Callable[[Frame], Frame]
) -> dict[str, float]:
    """Mean error of an estimator by age group, in years, and of all."""
    found = [100 * float(years(_deep(frame)).mean()) / 65535 for frame in frames]
    off = np.abs(np.array(found) - ages)
    group = grouped(ages)
    by = {name: round(float(off[group == n].mean()), 1) for n, name in enumerate(GROUPS)}
    return {**by, "all": round(float(off.mean()), 2)}


def sheet(frames: Sequence[Frame], way: Age) -> Frame:
    """A row per face: as it is, and at each target."""
    rows = [np.hstack([frame, *(way(frame, target) for target in TARGETS)]) for frame in frames]
    return np.vstack(rows)


def ageing(model: str) -> Age:
    """What a model file or name makes of a face asked for at an age."""
    predict = gantool.load(model)
    return lambda frame, age: predict(frame, age=np.full((1, 1), age, np.float32))


def _tensors(frames: Sequence[Frame]) -> Tensor:
    return torch.stack([to_tensor(frame) for frame in frames])


def _deep(frame: Frame) -> NDArray[np.uint16]:
    return frame.astype(np.uint16) * 257


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("--judges", type=Path, help="where they are kept; none, only gradients")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training a judge")
    parser.add_argument("--model", action="append", default=[], help="name or file")
    parser.add_argument("--years", help="name or file of an estimator")
    parser.add_argument("--sheet", type=Path, help="PNG of faces by ages, of the last model")
    parser.add_argument("--first", type=int, default=0, help="face that the sheet begins with")
    parser.add_argument("--json", type=Path, help="write the table here too")
    options = parser.parse_args(arguments)
    ways = {model: ageing(model) for model in options.model}
    frames, ages = held(options.faces)
    if options.sheet:
        shown = sheet(frames[options.first :: 19], ways[options.model[-1]])
        write_image(options.sheet, shown, Carry())
    table = list(rows(options.faces, options.judges, options.steps, ways))
    if options.years:
        table.append({"by": options.years, **errors(frames, ages, gantool.load(options.years))})
    for row in table:
        print(json.dumps(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

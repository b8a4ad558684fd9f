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
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, l1_loss, normalize

import gantool
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.batches import ahead, collate
from gantool.training.data import to_tensor
from gantool_face_age.ages import OLDEST, YOUNGEST
from gantool_face_age.disturb import disturbed
from gantool_face_age.faces import Faces, Wanted, grouped, held_out, read_faces

TARGETS = (20, 31, 42, 53, 65)
HOLD, SIDE, CANDIDATES = 10, 128, 100
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
    make = lambda step: collate(faces, 4711, step, range(faces.size))  # noqa: E731
    for step, batch in enumerate(ahead(make, 0, steps)):
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("--judges", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200, help="of training a judge")
    options = parser.parse_args(arguments)
    judges(options.faces, options.judges, options.steps)


if __name__ == "__main__":
    main()

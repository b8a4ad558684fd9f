"""Recipe `age-estimator`: the age of a face in years.

Antipov, Baccouche and Dugelay, «Face Aging With Conditional Generative Adversarial Networks», 2017,
for what it is needed for; by regression.

One that is to lead a generator had better be robust: what raises the years that such a one reads
are wrinkles and grey hair, where others are content with strokes (Engstrom et al., «Adversarial
Robustness as a Prior for Learned Representations», 2019).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training.system import Batch, Contract, Export, Memory, Phase
from gantool.training.weights import stored
from gantool_face_age.disturb import disturbed
from gantool_face_age.estimator import STRIDE, AgeNet, AgePicture
from gantool_face_age.faces import Faces, Wanted, read_faces

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 8, "batch": 8, "steps": 400},
    "fast": {"steps": 3_000},
    "full": {"channels": 64, "batch": 64, "steps": 60_000},
}
COUNT = "num_batches_tracked"
COST = {"tiny": "1 min", "fast": "30 min", "full": "2 days"}


@dataclass
class AgeEstimator:
    """Mean error in years, on faces that are disturbed at random, and against it."""

    networks: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    wanted: Wanted
    robust: float
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> Faces:
        return read_faces(root, split, self.wanted)

    def phases(self) -> Sequence[Phase]:
        return [Phase("estimator", self.optimizer, falling)]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        estimator = self.networks["estimator"]
        return {"age": age_loss(estimator, batch["input"], batch["age"], robust=self.robust)}

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        read = AgePicture(networks["estimator"])(batch["input"])
        right = (batch["age"] / 100).view(-1, 1, 1, 1).expand_as(read)
        return {"input": batch["input"], "result": read, "target": right}

    def exports(self) -> Sequence[Export]:
        return [export_of("estimator", self.wanted.side)]


def age_estimator(
    *,
    channels: int = 32,
    batch: int = 32,
    side: int = 128,
    youngest: int = 18,
    oldest: int = 80,
    hold: int = 10,
    rate: float = 2e-3,
    decay: float = 0.05,
    robust: float = 0.0,
) -> AgeEstimator:
    """Learn to read ages off faces. Data: aligned faces, folders or file names with their years.

    channels: of the first layer. batch: faces a step. side: of the faces, pixels, a multiple of
    16. youngest, oldest: years; faces beyond are left out. hold: of so many faces one, by the hash
    of its name, is left out, to be measured on; 1 for none. rate: of Adam, falling by a cosine.
    decay: of the weights. robust: how far each face is changed against the estimator, root mean
    square over the pixels, in levels of 255; 1.3 for one that is to lead a generator.
    """
    networks = {"estimator": AgeNet(channels)}
    optimizer = torch.optim.AdamW(networks["estimator"].parameters(), rate, weight_decay=decay)
    return AgeEstimator(networks, optimizer, Wanted(youngest, oldest, hold, side, batch), robust)


def age_loss(estimator: nn.Module, faces: Tensor, age: Tensor, *, robust: float = 0.0) -> Tensor:
    """Mean error in tens of years; faces N×3×H×W, disturbed, and the right ages, N.

    `robust`: how far they are changed `against` the estimator as well, in levels of 255.
    """
    faces = disturbed(faces)
    if robust:
        faces = faces + against(estimator, faces, age, robust / 255)
    return years_off(estimator, faces, age)


def years_off(estimator: nn.Module, faces: Tensor, age: Tensor) -> Tensor:
    """Mean error in tens of years."""
    read: Tensor = estimator(faces)
    return (read - age).abs().mean() / 10


def against(estimator: nn.Module, faces: Tensor, age: Tensor, size: float) -> Tensor:
    """N×3×H×W, of that root mean square, to add to faces so that their ages are read wrong.

    One step along the gradient from a random start: Wong, Rice and Kolter, «Fast is better than
    free», 2020, after Madry et al., «Towards Deep Learning Models Resistant to Adversarial
    Attacks», 2018.
    """
    start = sized(torch.randn_like(faces), size / 2).requires_grad_()
    (slope,) = torch.autograd.grad(years_off(estimator, faces.detach() + start, age), start)
    return sized(start.detach() + sized(slope, size), size)


def sized(x: Tensor, size: float) -> Tensor:
    """Each of N×C×H×W at that root mean square."""
    return x * (size / x.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12))


def export_of(network: str, side: int) -> Export:
    """The model file: a picture of one grey, years / 100."""
    contract = Contract("face-age", multiple=STRIDE, align=STRIDE, side=side)
    return Export(network, contract, AgePicture, restore)


def read_estimator(path: Path) -> AgeNet:
    """The network of a model file that this recipe has made. Raises UsageError for others."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file: give a model of the recipe age-estimator")
    weights = stored(path)
    try:
        network = AgeNet(weights["network.first.weight"].shape[0])
        restore(network, weights)
    except (KeyError, RuntimeError) as error:
        raise UsageError(f"{path}: no model of the recipe age-estimator") from error
    return network


def restore(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """What a model file has stands behind `network.`; batches are not counted in it."""
    fresh = network.state_dict()
    counted = {name: each for name, each in fresh.items() if name.endswith(COUNT)}
    kept = {name: weights[f"network.{name}"] for name in fresh.keys() - counted.keys()}
    network.load_state_dict({**kept, **counted})


def falling(fraction: float) -> float:
    """From 1 down to 0.01 along half a cosine, after a short rise."""
    rise = min(1.0, 0.02 + fraction / 0.03)
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction)))

"""A model measured on pictures whose right answer is known, or by the distance of two kinds.

Every figure stands beside those of baselines: what there is to be had without the model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gantool.errors import ItemError, ModelError, UsageError
from gantool.runtime.features import Features
from gantool.runtime.pixel_io import read_model
from gantool.runtime.session import Session
from gantool.training import degrade, metrics
from gantool.training.degrade import Bytes
from gantool.training.samples import Choices as Choices  # part of this door
from gantool.training.samples import Sample, Samples, collect

Scores: TypeAlias = dict[str, dict[str, float]]
"""Metric → whose picture (`model`, or the name of a baseline) → value."""
Score: TypeAlias = Callable[[Bytes, Bytes], float]
Vector: TypeAlias = NDArray[np.float32]

MOST = 1000
"""Pictures in a subset of the kernel distance, as in its paper."""
FEWEST = 4
"""Pictures of a kind, so that there are two subsets of two."""
WINDOW = 11
"""Side of what the structural similarity looks at, pixels."""


@dataclass(frozen=True)
class Measured:
    """What came of a sample; `problem` says, in one line, why it is left out."""

    source: Path
    scores: Scores = field(default_factory=dict)
    features: Mapping[str, Vector] = field(default_factory=dict)
    """By whose picture it is: `model`, the baseline, `target`."""
    problem: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A measurement that can start."""

    session: Session
    samples: Samples
    features: Features | None

    def run(self) -> Iterator[Measured]:
        """Sample by sample; no picture is kept."""
        keeps_size = self.session.contract.scale == 1
        mean = _mean_target(self.samples) if keeps_size and self.samples.paired else None
        for sample in self.samples.each:
            try:
                yield self._measured(sample, mean)
            except ItemError as error:
                yield Measured(sample.source, problem=str(error))

    def summary(self, rows: Sequence[Measured]) -> Scores:
        """Means over the pictures that could be measured, and the distances of the sets.

        Empty where too few could.
        """
        done = [row for row in rows if not row.problem]
        names = done[0].scores if done else {}
        means = {
            name: {who: float(np.mean([row.scores[name][who] for row in done])) for who in whose}
            for name, whose in names.items()
        }
        return means | _distances(done, paired=self.samples.paired)

    def _measured(self, sample: Sample, mean: Bytes | None) -> Measured:
        given, target = sample.read()
        try:
            return Measured(sample.source, *self._compared(given, target, mean))
        except (ItemError, MemoryError) as error:
            reason = str(error) or "not enough memory for it"
            raise ItemError(f"{sample.source}: {reason}") from error

    def _compared(
        self, given: Bytes | None, target: Bytes | None, mean: Bytes | None
    ) -> tuple[Scores, dict[str, Vector]]:
        """Scores of a pair, and the features of every picture."""
        pictures = {} if given is None else self._candidates(given)
        scores: Scores = {}
        if pictures and target is not None:
            scores = _scores(pictures, target, self.session.contract.scale)
            if mean is not None:
                flat = degrade.resize(mean, *target.shape[:2])
                scores["l1"]["mean_target"] = metrics.l1(flat, target)
        if target is not None:
            pictures["target"] = target
        return scores, self._vectors(pictures)

    def _candidates(self, given: Bytes) -> dict[str, Bytes]:
        """The model's picture, and what stands in for it: the input, enlarged if need be."""
        result = cast(Bytes, self.session(given))
        baseline = "bicubic" if self.session.contract.scale > 1 else "input"
        return {"model": result, baseline: degrade.resize(given, *result.shape[:2])}

    def _vectors(self, pictures: Mapping[str, Bytes]) -> dict[str, Vector]:
        if (network := self.features) is None:
            return {}
        return {
            who: network(degrade.resize(picture, *network.size))
            for who, picture in pictures.items()
        }


def prepare(session: Session, dataset: Path, choices: Choices, features: Path | None) -> Evaluation:
    """A measurement of `session` on what `dataset` holds; `features` is a network for distances.

    Raises UsageError where nothing there can be compared, ModelError for either network's file.
    """
    contract = session.contract
    if needs := ", ".join(name for name, at in contract.conditions.items() if "default" not in at):
        raise ModelError(f"{session.path}: needs {needs} beside the picture: cannot be measured")
    samples = collect(dataset, choices, contract.scale)
    if features and min(samples.counts) < FEWEST:
        raise UsageError(f"{dataset}: --features compares {FEWEST} pictures of each kind, or more")
    return Evaluation(session, samples, Features(features, session.device) if features else None)


def exported(run: Path) -> list[Path]:
    """The model files in the folder of a training run that are of its newest checkpoint."""
    names = [path.name[5:] for path in (run / "checkpoints").glob("step_*")]
    newest = max((int(name) for name in names if name.isdecimal()), default=None)
    trained = {path: _trained(path) for path in sorted(run.glob("*.onnx"))}
    return [path for path, steps in trained.items() if steps and newest in (None, steps)]


def _trained(model: Path) -> int:
    """The steps behind a model file, as it says itself; 0 where it does not."""
    try:
        return int(read_model(model)[1].recipe.get("steps", 0))
    except (ModelError, ValueError, TypeError):
        return 0  # somebody's file that lies there


def _protocol(scale: int) -> dict[str, Score]:
    """How results are compared with targets: for models that enlarge as in their papers."""
    crop = scale if scale > 1 else 0
    luma: dict[str, Score] = {
        f"psnr_y_crop{crop}": partial(metrics.psnr_y, crop=crop),
        f"ssim_y_crop{crop}": partial(metrics.ssim_y, crop=crop),
    }
    return luma if scale > 1 else {"psnr_rgb": metrics.psnr_rgb, **luma, "l1": metrics.l1}


def _scores(pictures: Mapping[str, Bytes], target: Bytes, scale: int) -> Scores:
    """Raises ItemError for a target that is too small for the protocol."""
    needed = WINDOW + (2 * scale if scale > 1 else 0)
    height, width = target.shape[:2]
    if min(height, width) < needed:
        raise ItemError(
            f"{width}×{height}: too small to compare, {needed} pixels a side are needed"
        )
    return {
        name: {whose: score(picture, target) for whose, picture in pictures.items()}
        for name, score in _protocol(scale).items()
    }


def _mean_target(samples: Samples) -> Bytes | None:
    """The mean of all targets, of the size of the first; None where there is none to read."""
    targets = (target for each in samples.each if (target := _target(each)) is not None)
    first = next(targets, None)
    if first is None:
        return None
    total, count = first.astype(np.float64), 1
    for target in targets:
        total += degrade.resize(target, *first.shape[:2])
        count += 1
    return np.round(total / count).astype(np.uint8)


def _target(sample: Sample) -> Bytes | None:
    """None where it cannot be read, which is said when its turn comes."""
    with suppress(ItemError):
        return sample.read()[1]
    return None


def _distances(done: Sequence[Measured], *, paired: bool) -> Scores:
    """Of each kind of picture to the targets, and of their halves to each other (`floor`)."""
    sets = {
        whose: np.stack([row.features[whose] for row in done if whose in row.features])
        for whose in dict.fromkeys(whose for row in done for whose in row.features)
    }
    if not {"model", "target"} <= sets.keys():
        return {}
    targets = sets.pop("target")
    size = min(MOST, len(targets) // 2, len(sets["model"]) // 2)
    if size < 2:
        return {}
    found = {
        whose: metrics.kid(rows, targets, size=size, paired=paired) for whose, rows in sets.items()
    }
    found["floor"] = metrics.kid(targets, targets, size=size, paired=True)
    name = f"kid_poly3_subset{size}"
    return {
        name: {whose: mean for whose, (mean, _) in found.items()},
        f"{name}_deviation": {whose: deviation for whose, (_, deviation) in found.items()},
    }

"""Aligned faces whose ages are known, as samples."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from gantool.errors import UsageError
from gantool.training import degrade
from gantool.training.data import Kept, read_eight_bit, to_tensor
from gantool.training.degrade import Bytes
from gantool.training.layouts import find
from gantool.training.system import Batch
from gantool_face_age.ages import FIRST, GAP, GROUPS

OWN = 0.25
"""Share of the samples that are to keep their age."""


@dataclass(frozen=True)
class Wanted:
    """Which faces of a folder are trained on, and how."""

    youngest: int
    oldest: int
    hold: int
    """Of so many faces, one by the hash of its name is left out of the training; 1 for none."""
    side: int
    size: int


@dataclass(frozen=True)
class Faces:
    """Samples `input` 3×s×s in [0, 1], its `age`, and a `target` age; in years.

    All age groups are drawn equally often. Mirrored, moved and turned a little, as alignment errs.
    """

    pictures: Sequence[Bytes]
    ages: NDArray[np.float32]
    names: Sequence[str]
    wanted: Wanted
    left_out: str = ""
    """Which faces of the folder are of no wanted age, in words."""

    @property
    def size(self) -> int:
        return self.wanted.size

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One face; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        number = self._drawn(random)
        age = self.ages[number]
        target = random.uniform(self.wanted.youngest, self.wanted.oldest)
        target = age if random.random() < OWN else target
        return {
            "input": to_tensor(moved(self.pictures[number], random)),
            "age": torch.tensor(float(age)),
            "target": torch.tensor(float(target)),
        }

    def _drawn(self, random: Generator) -> int:
        found = grouped(self.ages)
        there = np.unique(found)
        return int(random.choice(np.flatnonzero(found == random.choice(there))))


def grouped(ages: NDArray[np.float32]) -> NDArray[np.intp]:
    """The number of each age's group."""
    return ((ages - FIRST + GAP / 2) // GAP).clip(0, GROUPS - 1).astype(np.intp)


def moved(frame: Bytes, random: Generator) -> Bytes:
    """Mirrored or not, moved by up to 4 %, turned by a few degrees, a little larger or smaller."""
    side = frame.shape[0]
    turn = cv2.getRotationMatrix2D(
        ((side - 1) / 2, (side - 1) / 2), random.normal(0, 4), random.uniform(0.94, 1.06)
    )
    turn[:, 2] += side * random.uniform(-0.04, 0.04, 2)
    frame = frame[:, ::-1] if random.integers(2) else frame
    return cast(
        Bytes,
        cv2.warpAffine(
            np.ascontiguousarray(frame),
            turn,
            (side, side),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
    )


def read_faces(root: Path, split: str, wanted: Wanted) -> Faces:
    """The faces in `root`, ages by the folders that they are in or the numbers names begin with.

    Raises UsageError where no face has an age that is wanted, or a name has none.
    """
    aged = dict(_aged(root, split))
    chosen = [path for path, age in aged.items() if wanted.youngest <= age <= wanted.oldest]
    if not chosen:
        raise UsageError(
            f"{root}: {len(aged)} faces, none from {wanted.youngest} to {wanted.oldest} years: "
            "add faces of adults"
        )
    if split == "train" and wanted.hold > 1:
        chosen = [path for path in chosen if not held_out(path.name, wanted.hold)]
    ages = np.array([aged[path] for path in chosen], np.float32)
    readers = [partial(_read, path, wanted.side) for path in chosen]
    names, left = [path.name for path in chosen], _left_out(list(aged.values()), wanted)
    return Faces(Kept(readers, lambda frame: frame.nbytes), ages, names, wanted, left)


def held_out(name: str, hold: int) -> bool:
    """Whether a face of this file name is the one of `hold` that is not trained on."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % hold == 0


def _left_out(ages: Sequence[int], wanted: Wanted) -> str:
    young, old = (sum(map(test, ages)) for test in (wanted.youngest.__gt__, wanted.oldest.__lt__))
    if not young and not old:
        return ""
    return f"left out {young} faces under {wanted.youngest} years and {old} over {wanted.oldest}"


def _aged(root: Path, split: str) -> Iterator[tuple[Path, int]]:
    for part, paths in find(root, split).parts.items():
        for path in paths:
            known = re.match(r"\d{1,3}$", part) or re.match(r"\d{1,3}(?=_)", path.name)
            if known is None:
                raise UsageError(
                    f"{path}: no age: faces are in folders named by their years, or in files whose "
                    "names begin with them: 34_….jpg"
                )
            yield path, int(known.group())


def _read(path: Path, side: int) -> Bytes:
    frame = read_eight_bit(path)
    height, width = frame.shape[:2]
    inner = min(height, width)
    top, left = (height - inner) // 2, (width - inner) // 2
    return degrade.resize(frame[top : top + inner, left : left + inner], side, side)

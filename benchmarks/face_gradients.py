"""An age estimator without a network: kernel ridge regression on oriented gradients.

A judge of faces.py of another family than the estimator that a recipe learns from. What only
convolutions see in a face means nothing to it. Dalal and Triggs, «Histograms of Oriented Gradients
for Human Detection», 2005.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gantool_face_age.faces import Faces

Frame = NDArray[np.uint8]
Numbers = NDArray[np.float64]
SIDE = 128
CELLS = (8, 16, 32)
"""Pixels of a side of the squares whose gradients are counted, a histogram each."""
RIDGE = 0.1
"""λ, beside a kernel that is 1 at most."""


@dataclass(frozen=True)
class GradientAge:
    """Reads the years of faces by the faces it has seen."""

    seen: Numbers
    """N×d features."""
    width: float
    """Of the kernel: the mean squared distance between faces."""
    middle: float
    weights: Numbers

    def __call__(self, frames: Sequence[Frame]) -> Numbers:
        """Return the years of faces of H×W×3 pixels."""
        likeness = _kernel(_features(frames), self.seen, self.width)
        return self.middle + likeness @ self.weights


def fit_gradients(faces: Faces) -> GradientAge:
    """Return an estimator by all faces of the set."""
    ages, seen = faces.ages.astype(np.float64), _features(list(faces.pictures))
    width = 2 * float(seen.var(axis=0).sum())
    kernel = _kernel(seen, seen, width) + RIDGE * np.eye(len(seen))
    middle = float(ages.mean())
    return GradientAge(seen, width, middle, np.linalg.solve(kernel, ages - middle))


def _features(frames: Sequence[Frame]) -> Numbers:
    """N×d: histograms of the luma's gradients, each block of 2×2 cells of length 1."""
    counters = [
        cv2.HOGDescriptor((SIDE, SIDE), (2 * cell, 2 * cell), (cell, cell), (cell, cell), 9)
        for cell in CELLS
    ]
    rows = []
    for frame in frames:
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        found = [counter.compute(grey).ravel() for counter in counters]
        rows.append(np.concatenate([each / len(each) ** 0.5 for each in found]))
    return np.array(rows, np.float64)


def _kernel(some: Numbers, others: Numbers, width: float) -> Numbers:
    """Return exp(−‖x − y‖² / width) of all pairs."""
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    likeness: Numbers = np.exp(-np.maximum(squares, 0) / width)
    return likeness

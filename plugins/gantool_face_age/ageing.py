"""Faces at other ages: what the models say of a crop, and what that changes in a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gantool import Frame, ItemError, Predict, note
from gantool_face_age.crops import Face, about, cut, laid
from gantool_face_age.strips import strip

if TYPE_CHECKING:
    from gantool_face_age.crops import Values

YOUNGEST, OLDEST = 18, 80
"""Years that can be asked for."""
MINOR = 20
"""Years below which a reading is taken for a minor's: by caution, it is no sure sign."""
SURROUNDINGS = 0.75
"""Share of a crop that a strip shows about it."""
LEFT_ALONE = f"read as under {MINOR}, which may be a minor: left alone"
Find: TypeAlias = "Callable[[Frame], list[Face]]"


@dataclass(frozen=True)
class Goal:
    """An age to show; `relative` to the present one, else in itself."""

    years: int
    relative: bool = False

    def of(self, present: float) -> float:
        """For a face that reads `present` years; the models know nothing beyond their ages."""
        wanted = present + self.years if self.relative else self.years
        return min(max(wanted, YOUNGEST), OLDEST)


@dataclass(frozen=True)
class Ageing:
    """What is done with the faces of pictures."""

    goals: Sequence[Goal]
    find: Find
    largest: bool = False
    """Only the largest face of a picture."""
    as_strip: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of the results."""
        if len(self.goals) == 1 or self.as_strip:
            return ("",)
        return tuple(str(goal.years) for goal in self.goals)

    def paint(self, frame: Frame, base: Predict, years: Predict) -> Frame | Mapping[str, Frame]:
        """H×W×3 → the same with its faces at the ages asked for.

        Raises ItemError where there is no face, or none that may be changed.
        """
        faces = self.chosen(self.find(frame))
        if not faces:
            raise ItemError("no face found")
        seen = [(face, crop, read(crop, years)) for face in faces for crop in [cut(frame, face)]]
        adults = [each for each in seen if each[2] >= MINOR]
        if not adults:
            raise ItemError(f"{_count(len(seen))} {LEFT_ALONE}")
        if len(adults) < len(seen):
            note(f"{_count(len(seen) - len(adults))} {LEFT_ALONE}")
        places = [face for face, _, _ in adults]
        made = [
            laid(frame, places, [changed(crop, goal.of(age), base) for _, crop, age in adults])
            for goal in self.goals
        ]
        if self.as_strip:
            part = about(frame, places, SURROUNDINGS)
            made = [result[part] for result in made]
        return self.results(made)

    def results(self, frames: Sequence[Frame]) -> Frame | Mapping[str, Frame]:
        """One frame for each goal → as they are asked for."""
        if self.as_strip:
            return strip(frames, [str(goal.years) for goal in self.goals])
        return frames[0] if len(frames) == 1 else dict(zip(self.names, frames, strict=True))

    def chosen(self, faces: list[Face]) -> list[Face]:
        """Those that are asked for."""
        return sorted(faces, key=lambda face: -abs(face.side))[:1] if self.largest else faces


def _count(faces: int) -> str:
    return "a face is" if faces == 1 else f"{faces} faces are each"


def read(crop: Frame, years: Predict) -> float:
    """The age that the estimator gives a crop, years: its answer is a picture, 1 for a hundred."""
    import numpy as np

    answer = years(crop)
    return float(answer.mean(dtype=np.float64)) / np.iinfo(answer.dtype).max * 100


def changed(crop: Frame, age: float, base: Predict) -> Values:
    """S×S×3 uint16 → what the generator adds to show it at this age, −1 to 1.

    Raises ItemError for a model that changes the size.
    """
    import numpy as np

    result = base(crop, age=np.full((1, 1), age, np.float32))
    if result.shape != crop.shape:
        raise ItemError("the model gives a crop another size: it is none for face-age")
    return (result.astype(np.float32) - crop) / np.float32(65535)

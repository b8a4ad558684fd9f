"""Faces through a film: followed along its motion, so that nothing jumps.

They are looked for in every few frames and go with the optical flow between, also where they are
missed for a while; they fade in and out. What the model changes is averaged over time in the crop,
which moves with the face, wherever that looks as it did: outside the crops a film keeps its bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gantool import Frame, Frames, Predict, note
from gantool.pipeline import SCENE
from gantool.temporal import Motion, forget, motion_between, reduced
from gantool_face_age.ageing import LEFT_ALONE, MINOR, Ageing, changed, read
from gantool_face_age.crops import Face, cut, laid
from gantool_face_age.finding import inside, same

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool_face_age.crops import Values

EVERY = 3
"""Frames from one search to the next."""
PATIENCE = 2
"""Searches that miss a face from which on it fades out: it may have turned away. It goes on with
the flow till then."""
FADE = 8
"""Frames from nothing to all of a change."""
STILL, LOOSE = 0.3, 4.0
"""How much of the way to where it was found a face goes, and how much more for each share of its
side that this is long: what trembles is held, what is wrong is put right."""
LASTING = 0.85
"""Of the change before that is kept where the crop looks the same."""
ALIKE = 0.04
"""Difference in a crop, of the whole range, with which it looks the same by a third."""
GRAIN = 2.0
"""Blur of such differences, pixels."""
READINGS = 25
"""Of an age, whose mean it is at most."""
AHEAD = 1.3
"""How much larger another face must be to become the largest."""
GRID, WILD = 8, 0.1
"""Points a side by which the flow of a face is measured; what it turns or grows at most."""
COPY, NUMBER, TRACKS, CROPS, CHANGES = (
    f"{SCENE}face-age.{name}" for name in ("copy", "number", "tracks", "crops", "changes")
)
"""The memory: a copy of the frame before, its number in the scene, its tracks, a row each."""


@dataclass(frozen=True)
class Track:
    """A face that is followed."""

    face: Face
    years: float
    """The mean of what was read."""
    readings: int
    crop: Frame
    """What the face looked like last, black before that."""
    changes: Values
    """What was changed in it for each goal, goals×SIDE×SIDE×3."""
    missed: int = 0
    """Searches since it was found."""
    weight: float = 0.0
    """Of what is changed, 0 to 1."""


def film(
    frames: Frames, base: Predict, years: Predict, *, ageing: Ageing
) -> Iterator[Frame | Mapping[str, Frame]]:
    """What `ageing` makes of each frame; one without faces stays as it is."""
    import numpy as np  # the command line starts without it

    memory = frames.memory
    for frame in frames:
        copy = reduced(frame)
        tracks = followed(frame, copy, memory)
        number = int(memory[NUMBER][0]) + 1 if tracks is not None else 0
        if number % EVERY == 0:
            tracks = searched(frame, tracks or [], years, ageing)
            if any(each.years < MINOR for each in tracks):
                note(f"a face is {LEFT_ALONE}")
        tracks = weighted(tracks or [], largest=ageing.largest, at_once=number == 0)
        tracks = [aged(frame, track, base, ageing) for track in tracks]
        memory |= {COPY: copy, NUMBER: np.array([number]), **_rows(tracks)}
        yield ageing.results([_laid(frame, tracks, goal) for goal in range(len(ageing.goals))])


def followed(frame: Frame, copy: Frame, memory: dict[str, NDArray[Any]]) -> list[Track] | None:
    """The tracks of the frame before, where they are now; None where a scene begins."""
    known = COPY in memory and memory[COPY].shape == copy.shape
    motion = motion_between(copy, memory[COPY]) if known else None
    if motion is None:
        forget(memory)
        return None
    scale = frame.shape[1] / copy.shape[1]
    moved = [replace(each, face=carried(each.face, motion, scale)) for each in _tracks(memory)]
    return [track for track in moved if inside(track.face, frame)]


def carried(face: Face, motion: Motion, scale: float) -> Face:
    """The face by the similarity that fits the flow on it best, the copy being 1/scale as large."""
    import numpy as np

    steps = (np.arange(GRID) + 0.5) / GRID
    now = (face.corner + face.side * (steps[None] + 1j * steps[:, None]).ravel()) / scale
    height, width = motion.trust.shape
    x, y = now.real.astype(int).clip(0, width - 1), now.imag.astype(int).clip(0, height - 1)
    weight = motion.trust[y, x].astype(np.float64) + 1e-9
    before = now + motion.flow[y, x] @ np.array([1, 1j])
    mean_now, mean_before = (np.average(each, weights=weight) for each in (now, before))
    off = before - mean_before
    turn = (weight * off.conj() * (now - mean_now)).sum() / (weight * abs(off) ** 2).sum()
    turn = turn if abs(turn - 1) < WILD else 1
    left, right = (
        complex(mean_now + turn * (eye / scale - mean_before)) * scale
        for eye in (face.left, face.right)
    )
    return Face(left, right)


def searched(frame: Frame, tracks: list[Track], years: Predict, ageing: Ageing) -> list[Track]:
    """The tracks, put right by the faces that are found, and new ones."""
    found, kept, lost = ageing.find(frame), [], []
    for track in tracks:
        near = [face for face in found if same(face, track.face)]
        if not near:
            lost.append(replace(track, missed=track.missed + 1))
            continue
        face = min(near, key=lambda face: abs(face.centre - track.face.centre))
        found.remove(face)
        kept.append(_seen(frame, track, face, years))
    kept += [track for track in lost if not any(same(track.face, each.face) for each in kept)]
    return kept + [_new(frame, face, years, len(ageing.goals)) for face in found]


def _seen(frame: Frame, track: Track, face: Face, years: Predict) -> Track:
    """The track nearer to where its face was found, its age too."""
    placed = towards(track.face, face)
    count = min(track.readings, READINGS - 1) + 1
    age = track.years + (read(cut(frame, placed), years) - track.years) / count
    return replace(track, face=placed, years=age, readings=count, missed=0)


def _new(frame: Frame, face: Face, years: Predict, goals: int) -> Track:
    import numpy as np

    crop = cut(frame, face)
    changes = np.zeros((goals, *crop.shape), np.float32)
    return Track(face, read(crop, years), 1, np.zeros_like(crop), changes)


def towards(face: Face, found: Face) -> Face:
    """Some of the way, more the longer it is."""
    steps = found.left - face.left, found.right - face.right
    part = min(STILL + LOOSE * max(map(abs, steps)) / abs(face.side), 1)
    return Face(face.left + part * steps[0], face.right + part * steps[1])


def weighted(tracks: list[Track], *, largest: bool, at_once: bool) -> list[Track]:
    """One step on their way in or out; those that are out for good are left out."""
    wanted = [each for each in tracks if each.missed < PATIENCE and each.years >= MINOR]
    if largest and wanted:
        wanted = [max(wanted, key=lambda each: abs(each.face.side) * (AHEAD if each.weight else 1))]
    step, result = (1 if at_once else 1 / FADE), []
    for track in tracks:
        wish = any(track is each for each in wanted)
        weight = min(track.weight + step, 1) if wish else max(track.weight - step, 0)
        if weight or track.missed < PATIENCE:
            result.append(replace(track, weight=weight))
    return result


def aged(frame: Frame, track: Track, base: Predict, ageing: Ageing) -> Track:
    """The track with what is to be changed in this frame: the mean over time where it is still."""
    import cv2
    import numpy as np

    if not track.weight:
        return track
    crop = cut(frame, track.face)
    new = np.stack([changed(crop, goal.of(track.years), base) for goal in ageing.goals])
    off = cv2.absdiff(crop, track.crop).max(2).astype(np.float32) / 65535
    kept = LASTING * np.exp(-np.square(cv2.GaussianBlur(off, (0, 0), GRAIN) / ALIKE))
    return replace(track, crop=crop, changes=new + kept[..., None] * (track.changes - new))


def _laid(frame: Frame, tracks: Sequence[Track], goal: int) -> Frame:
    faces = [track.face for track in tracks]
    return laid(frame, faces, [track.weight * track.changes[goal] for track in tracks])


def _rows(tracks: Sequence[Track]) -> dict[str, NDArray[Any]]:
    """Tracks as arrays, for the memory."""
    import numpy as np

    if not tracks:
        return {TRACKS: np.zeros((0, 7)), CROPS: np.zeros(0), CHANGES: np.zeros(0)}
    rows = [
        (each.face.left, each.face.right, each.years, each.readings, each.missed, each.weight)
        for each in tracks
    ]
    return {
        TRACKS: np.array(rows),
        CROPS: np.stack([each.crop for each in tracks]),
        CHANGES: np.stack([each.changes for each in tracks]),
    }


def _tracks(memory: dict[str, NDArray[Any]]) -> list[Track]:
    """And back."""
    return [
        Track(
            Face(complex(row[0]), complex(row[1])),
            years=float(row[2].real),
            readings=int(row[3].real),
            crop=crop,
            changes=changes,
            missed=int(row[4].real),
            weight=float(row[5].real),
        )
        for row, crop, changes in zip(memory[TRACKS], memory[CROPS], memory[CHANGES], strict=True)
    ]

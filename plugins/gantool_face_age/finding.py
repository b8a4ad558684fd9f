"""Faces found with what OpenCV brings along: no model file, no network.

Viola & Jones, «Rapid Object Detection using a Boosted Cascade of Simple Features», 2001. One
cascade guesses, in a reduced copy that is turned for tilted heads; each guess is then looked at
again by three, upright and as sharp as the picture is, and its eyes are looked for. Profiles are
not found.
"""

from __future__ import annotations

import cmath
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias, cast

from gantool import Frame
from gantool_face_age.crops import EYES, Face, cut, matrix, of_crop

if TYPE_CHECKING:
    import numpy as np
    from cv2 import CascadeClassifier
    from numpy.typing import NDArray

    Grey: TypeAlias = NDArray[np.uint8]
    """H×W."""

LONGEST = 1000
"""Longest side of the copy that is searched, pixels."""
TURNS = ((0, 26), (-28, 42), (28, 42))
"""Degrees that it is turned by, and the smallest faces that are looked for then, pixels."""
AROUND = 0.06
"""Share of the copy that is put about it, for faces at the border."""
CLOSE, LARGE, MUCH = 300, 50, 0.3
"""The same of a copy that is searched for faces which fill the picture, and more."""
GUESSING = "frontalface_alt2"
JUDGES = (GUESSING, "frontalface_default", "frontalface_alt")
BOX, WIDTH = -0.004 - 0.102j, 1.016
"""What these cascades mean by a face: its upper left corner and its width, in shares of the crop;
measured on aligned faces."""
WIDER = 0.35
"""Share of the crop that is put about it for the second look."""
LOOK = 100
"""Side of the crop in the second look, pixels."""
FITTING = 0.25
"""Share of the crop by which its face may lie off."""
SURE, SURE_WITHOUT_EYES = 20, 160
"""Boxes on a face that the judges must have in sum, with both eyes found and without."""
EYE_JUDGES = ("eye", "eye_tree_eyeglasses")
NEAR_EYE = 0.12
"""Share of the crop by which an eye may be off its usual place."""
FEWEST = 2
"""Neighbours that a box must have."""
CENTRE = LOOK * (0.5 + WIDER) * (1 + 1j)
"""Of the second look."""


@dataclass(frozen=True)
class Guess:
    """Something like a face, and how many boxes say so."""

    face: Face
    boxes: int


def find(frame: Frame) -> list[Face]:
    """The faces in H×W×3, from left to right; none is there twice."""
    far, close = _grey(reduced(frame)), _grey(reduced(frame, CLOSE))
    guesses = [
        *_guessed(close, frame.shape[1], least=LARGE, around=MUCH),
        *(
            guess
            for turn, least in TURNS
            for guess in _guessed(far, frame.shape[1], turn, least=least, around=AROUND)
        ),
    ]
    found = [_confirmed(frame, guess.face) for guess in together(guesses)]
    apart = [
        guess.face
        for guess in together(each for each in found if each)
        if inside(guess.face, frame)
    ]
    return sorted(apart, key=lambda face: (face.centre.real, face.centre.imag))


def reduced(frame: Frame, longest: int = LONGEST) -> NDArray[np.uint8]:
    """The frame in 8 bits, with at most so many pixels a side."""
    import cv2  # the command line starts without it

    height, width = frame.shape[:2]
    factor = min(longest / max(height, width), 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return _eight(cast(Frame, cv2.resize(frame, size, interpolation=cv2.INTER_AREA)))


def _eight(frame: Frame) -> NDArray[np.uint8]:
    import cv2

    scaled = cv2.convertScaleAbs(frame, alpha=1 if frame.dtype.itemsize == 1 else 1 / 257)
    return cast("NDArray[np.uint8]", scaled)


def _grey(frame: Frame) -> Grey:
    """H×W×3 → H×W, 8 bits."""
    import cv2

    return cast("Grey", cv2.cvtColor(_eight(frame), cv2.COLOR_RGB2GRAY))


def together(guesses: Iterable[Guess]) -> list[Guess]:
    """One guess for each face, the one that most boxes say; its tilt is the mean of theirs all."""
    order = sorted(
        guesses, key=lambda each: (-each.boxes, each.face.left.real, each.face.left.imag)
    )
    groups: list[list[Guess]] = []
    for guess in order:
        group = next((group for group in groups if same(group[0].face, guess.face)), None)
        if group is None:
            groups.append([guess])
        else:
            group.append(guess)
    return [_mean(group) for group in groups]


def same(one: Face, other: Face) -> bool:
    """Whether they cannot both be there."""
    large, small = sorted((abs(one.side), abs(other.side)), reverse=True)
    return abs(one.centre - other.centre) < 0.45 * large and small > 0.4 * large


def _mean(group: Sequence[Guess]) -> Guess:
    first = group[0].face
    tilt = sum(each.boxes * each.face.side / abs(each.face.side) for each in group)
    side = tilt / abs(tilt) * abs(first.side) if tilt else first.side
    boxes = sum(each.boxes for each in group)
    return Guess(of_crop(first.centre - side * (0.5 + 0.5j), side), boxes)


def _guessed(
    copy: Grey, width: int, turn: float = 0, *, least: int, around: float
) -> Iterator[Guess]:
    """In a copy of a picture of this width, turned by so many degrees."""
    import cv2

    step, scale = cmath.rect(1, math.radians(turn)), width / copy.shape[1]
    corners = [complex(x, y) / step for x in (0, copy.shape[1]) for y in (0, copy.shape[0])]
    x, y = [each.real for each in corners], [each.imag for each in corners]
    margin = around * max(copy.shape)
    start = step * complex(min(x) - margin, min(y) - margin)
    size = tuple(math.ceil(max(each) - min(each) + 2 * margin) for each in (x, y))
    flags, beyond = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    turned = cv2.warpAffine(copy, matrix(step, start), size, flags=flags, borderMode=beyond)
    for corner, side, boxes in _boxes(GUESSING, cast("Grey", turned), least, scale=1.1):
        yield Guess(of_crop((start + step * corner) * scale, step * side * scale), boxes)


def _confirmed(frame: Frame, face: Face) -> Guess | None:
    """The face where it is exactly, if a second look and its eyes say that it is one."""
    look = _grey(cut(frame, face, wider=WIDER, side=round(LOOK * (1 + 2 * WIDER))))
    seen = [
        (corner, side, boxes)
        for judge in JUDGES
        for corner, side, boxes in _boxes(judge, look, round(0.7 * LOOK), scale=1.05)
        if abs(corner + side * (0.5 + 0.5j) - CENTRE) < FITTING * LOOK and side < 1.4 * LOOK
    ]
    total = sum(boxes for _, _, boxes in seen)
    eyes = _eyes(look) if total >= SURE else ()
    if len(eyes) == 2:
        return Guess(Face(*(face.inner(_share(eye)) for eye in eyes)), total)
    if total < SURE_WITHOUT_EYES:
        return None
    corner = sum(corner * boxes for corner, _, boxes in seen) / total
    side = sum(side * boxes for _, side, boxes in seen) / total
    return Guess(of_crop(face.inner(_share(corner)), face.side * side / LOOK), total)


def _eyes(look: Grey) -> list[complex]:
    """Those that are near enough to where eyes are: left, right. Pixels of the look."""
    import cv2

    top, left = round((WIDER + 0.05) * LOOK), round(WIDER * LOOK)
    part = look[top : top + LOOK // 2, left : left + LOOK]
    large = cast("Grey", cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    origin, found = complex(left, top), []
    for judge in EYE_JUDGES:
        for corner, side, boxes in _raw(judge, large, LOOK // 4, scale=1.1):
            found.append((origin + (corner + side * (0.5 + 0.5j)) / 2, boxes))
    pair = []
    for usual in EYES:
        near = [(eye, n) for eye, n in found if abs(_share(eye) - usual) < NEAR_EYE]
        if near:
            pair.append(sum(eye * n for eye, n in near) / sum(n for _, n in near))
    return pair


def _share(place: complex) -> complex:
    """Pixels of the look → shares of the crop."""
    return place / LOOK - WIDER * (1 + 1j)


def _boxes(
    judge: str, picture: Grey, least: int, *, scale: float
) -> Iterator[tuple[complex, float, int]]:
    """The crops, upper left corner and side, of the faces that a cascade sees, and how often."""
    for corner, side, boxes in _raw(judge, picture, least, scale=scale):
        yield corner - BOX * side / WIDTH, side / WIDTH, boxes


def _raw(
    judge: str, picture: Grey, least: int, *, scale: float
) -> list[tuple[complex, float, int]]:
    """Its own boxes, in an order that does not depend on threads."""
    with _LOCK:  # a cascade remembers the picture that it looks at
        boxes, counts = _cascade(judge).detectMultiScale2(
            picture, scaleFactor=scale, minNeighbors=FEWEST, minSize=(least, least)
        )
    found = sorted(zip(map(tuple, boxes), map(int, counts), strict=True))
    return [(complex(x, y), float(side), count) for (x, y, side, _), count in found]


def inside(face: Face, frame: Frame) -> bool:
    """Whether its middle is in the picture."""
    height, width = frame.shape[:2]
    return bool(0 <= face.centre.real < width and 0 <= face.centre.imag < height)


@functools.cache
def _cascade(name: str) -> CascadeClassifier:
    import cv2.data

    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")


_LOCK = Lock()

"""Faces found by a model file that OpenCV runs: sharper eyes than those of cascades.

Wu et al., «YuNet: A Tiny Millisecond-level Face Detector», 2023.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from gantool import Frame, UsageError
from gantool_face_age.ageing import Find
from gantool_face_age.crops import Face
from gantool_face_age.finding import reduced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCORE, OVERLAP, MOST = 0.7, 0.3, 1000
"""From which score it is a face; how far two may overlap; how many are looked at."""
FRONTAL = 0.3
"""Distance of the eyes in widths of the face below which it is a profile: left alone."""


def finder(path: Path) -> Find:
    """A function that finds faces with this file. Raises UsageError."""
    import cv2  # the command line starts without it

    if not path.is_file():
        raise UsageError(f"--detector {path}: no such file")
    try:
        detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), SCORE, OVERLAP, MOST)
    except cv2.error as error:
        raise UsageError(f"--detector {path}: OpenCV cannot read it: {error.err}") from error
    lock = Lock()

    def find(frame: Frame) -> list[Face]:
        small = cv2.cvtColor(reduced(frame), cv2.COLOR_RGB2BGR)
        with lock:
            detector.setInputSize(small.shape[1::-1])
            _, rows = detector.detect(small)
        scale = frame.shape[1] / small.shape[1]
        faces = [face_of(row, scale) for row in ([] if rows is None else rows)]
        return [face for face in faces if face]

    return find


def face_of(row: NDArray[np.float32], scale: float) -> Face | None:
    """Its row: box, right eye of the person, left eye, nose, mouth, score."""
    left, right = complex(row[4], row[5]), complex(row[6], row[7])
    if abs(right - left) < FRONTAL * row[2]:
        return None
    return Face(left * scale, right * scale)

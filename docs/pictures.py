"""Makes the pictures of `examples/` and those of the README.

    python docs/pictures.py

The originals come with scikit-image: NASA's portrait of the astronaut Eileen Collins (public
domain) and Stéfan van der Walt's photograph of the cat Chelsea (CC0); the packaged sample is
SpaceX's photograph of a rocket (CC0), from there too.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import gantool
from gantool.api import SAMPLE
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training import degrade
from gantool_translate.task import Brush

ROOT = Path(__file__).parent.parent
Frame = NDArray[np.uint8]


def main() -> None:
    small = {
        "astronaut": degrade.reduce(data.astronaut(), 2),
        "cat": degrade.reduce(data.chelsea(), 2),
    }
    for name, frame in small.items():
        write_image(ROOT / "examples" / f"{name}.jpg", frame, Carry(), quality=92)
    crops = [small["astronaut"][6:96, 62:182], small["cat"][30:120, 55:175]]
    rows = [np.vstack([panel(crop) for crop in crops])]
    write_image(ROOT / "docs" / "before-after.png", np.vstack(rows), Carry())
    photo = np.asarray(read_image(SAMPLE)[0], np.uint8)
    painted = Brush(512, 1.0).paint(photo, gantool.load("translate/monet"))
    both = np.hstack([photo, painted.astype(np.uint8)])
    write_image(ROOT / "docs" / "translate.jpg", both, Carry(), quality=90)


def panel(crop: Frame) -> Frame:
    """The crop's own pixels beside what the tool makes of it, at the same size."""
    enlarged = gantool.load("superres/photo-x4")(crop)
    height, width = enlarged.shape[:2]
    before = cv2.resize(crop, (width, height), interpolation=cv2.INTER_NEAREST)
    gap = np.full((height, 8, 3), 255, np.uint8)
    line = np.full((8, 2 * width + 8, 3), 255, np.uint8)
    return np.vstack([np.hstack([before, gap, enlarged]), line])


if __name__ == "__main__":
    main()

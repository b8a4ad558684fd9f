"""Pictures on which a stranger's model is tried before it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gantool.api.planning import SAMPLE

if TYPE_CHECKING:
    from gantool.pipeline import Frame


def probes() -> list[Frame]:
    """Three parts of the sample, 96×224×3 uint8: lights and lines, lattice, the whole with noise.

    Bright and dark, sharp and soft: what a network does far away shows in one of them.
    """
    import cv2
    import numpy as np

    from gantool.media.images import read_image

    photo, _ = read_image(SAMPLE)
    small = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(0).normal(0, 8, (96, 224, 3))
    noisy = np.clip(1.5 * small[110:206, 50:274] + grain, 0, 255).astype(np.uint8)
    parts = (photo[318:414, 240:464], photo[180:404, 530:626].transpose(1, 0, 2), noisy)
    return [cast("Frame", np.ascontiguousarray(part)) for part in parts]

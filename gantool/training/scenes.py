"""What is in front of the camera: crops of photographs, some in the dark, and rendered pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from gantool.training.camera_noise import to_bytes
from gantool.training.data import Photos
from gantool.training.degrade import Bytes
from gantool.training.layouts import Layout
from gantool.training.rendered import render

STOPS = (0.5, 4.0)
"""By how many halvings of the light a dark picture is underexposed."""
GAMMA = 2.2
SIZES = (1.0, 0.75, 0.5)
"""Of the copies of a photograph, shares of its sides."""


@dataclass(frozen=True)
class Scenes:
    """Crops like those of `Photos`: a share `rendered` is drawn, a share `dark` underexposed."""

    photos: Photos
    rendered: float = 0.0
    dark: float = 0.0

    def crop(self, random: Generator, size: int) -> Bytes:
        """Return a size×size×3 picture."""
        if random.random() < self.rendered:
            return render(random, size)
        frame = self.photos.crop(random, size)
        return darken(frame, random.uniform(*STOPS)) if random.random() < self.dark else frame


def read_scenes(layout: Layout, smallest: int, rendered: float, dark: float) -> Scenes:
    """Return those of all pictures with sides of `smallest` pixels or more, at several sizes.

    Raises UsageError where there are none, ItemError for a picture that cannot be read.
    """
    return Scenes(Photos(layout, sizes=SIZES, smallest=smallest), rendered, dark)


def darken(frame: Bytes, stops: float) -> Bytes:
    """Return the picture with the light halved `stops` times, its black as it was."""
    factor = np.float32(2 ** (-stops / GAMMA))
    return to_bytes(frame * factor)

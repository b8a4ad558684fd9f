"""Photographs as they are found, made from sharp ones by chance, each with its noise-free twin.

After Wang et al., «Real-ESRGAN», 2021, with noise as cameras make it, and with many pictures that
are harmed little or not at all. Pictures are H×W×3 uint8.

What befalls a picture is drawn first, as a plan; the plan is then carried out twice: as it is, and
without its noise and JPEG. So both show the same blur and the same pixels, and their difference is
the noise that a user may want to keep.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import cv2
import numpy as np
from numpy.random import Generator

from gantool.training import camera_noise, degrade
from gantool.training.degrade import Bytes
from gantool.training.photo_degradation import FIRST, RESIZES, SECOND, Range, blur, jpeg

VERSION = 1
"""Of what is drawn; outputs that were kept for another one are made anew."""
Change = Callable[[Bytes], Bytes]
Stage = tuple[Change, Change]
"""What is done to a picture, and what of it to its twin."""

SHARES = {"saved": 0.19, "noisy": 0.25, "twice": 0.56}
"""Of the pictures that are not clean."""
SIGMA: Range = (1, 30)
SMALL_SIGMA: Range = (1, 20)
"""Of the noise on a picture that is reduced afterwards."""
QUALITY = (30, 95)
AGAIN = 0.3
"""Of the saved pictures: the share that is saved twice."""
BLURRED = 0.4
"""Of the noisy pictures: the share that is out of focus."""
FOCUS: Range = (0.5, 2.5)
"""σ of that, pixels of the large picture."""
NOISY = 0.6
"""Of the pictures that go through two rounds: the share with noise, in each."""
NOISES = {"gaussian": 0.2, "grey": 0.15, "photons": 0.25, "chroma": 0.15, "sensor": 0.25}
ADD: Mapping[str, Callable[[Bytes, float, Generator], Bytes]] = {
    "gaussian": camera_noise.add_gaussian,
    "grey": partial(camera_noise.add_gaussian, grey=True),
    "photons": camera_noise.add_photons,
    "chroma": camera_noise.add_chroma,
    "sensor": camera_noise.through_sensor,
}


def harm(frame: Bytes, scale: int, random: Generator, *, clean: float) -> tuple[Bytes, Bytes]:
    """`sH×sW×3` → the picture as found and its twin, H×W×3 each.

    A share `clean` is reduced and nothing else; those are one and the same array.
    """
    if random.random() < clean:
        small = degrade.reduce(frame, scale)
        return small, small
    stages = plan(frame.shape[0] // scale, frame.shape[1] // scale, scale, random)
    found, twin = (reduce(lambda x, stage: stage[n](x), stages, frame) for n in range(2))
    return found, twin


def plan(height: int, width: int, scale: int, random: Generator) -> Sequence[Stage]:
    """Draw what befalls a picture on its way to height×width."""
    kind = random.choice(list(SHARES), p=list(SHARES.values()))
    if kind == "twice":
        return _two_rounds(height, width, scale, random)
    small = _alike(partial(degrade.reduce, scale=scale))
    if kind == "saved":
        return [small, *_saved(random)]
    soft = [_blurred(FOCUS, random)] if random.random() < BLURRED else []
    return [*soft, small, _noise(SIGMA, random), *_saved(random)]


def _two_rounds(height: int, width: int, scale: int, random: Generator) -> Sequence[Stage]:
    """The second-order degradation, Wang et al. 2021, section 3.2."""
    stages = [_blurred(FIRST.blur, random)] if random.random() < FIRST.blurred else []
    stages.append(_resized(height * scale, width * scale, random, FIRST.resize))
    stages += [_noise(SMALL_SIGMA, random)] if random.random() < NOISY else []
    stages.append(_jpeg(random))
    stages += [_blurred(SECOND.blur, random)] if random.random() < SECOND.blurred else []
    stages.append(_resized(height, width, random, SECOND.resize))
    stages += [_noise(SIGMA, random)] if random.random() < NOISY else []
    return [*stages, _resized(height, width, random), _jpeg(random)]


def _saved(random: Generator) -> Sequence[Stage]:
    return [_jpeg(random) for _ in range(2 if random.random() < AGAIN else 1)]


def _jpeg(random: Generator) -> Stage:
    quality = int(random.integers(QUALITY[0], QUALITY[1] + 1))
    return _drawing(lambda frame, own: jpeg(frame, quality, own), random), _nothing


def _blurred(sigma: Range, random: Generator) -> Stage:
    return _alike(_drawing(lambda frame, own: blur(frame, own, sigma), random))


def _resized(height: int, width: int, random: Generator, factors: Range = (1, 1)) -> Stage:
    """To `factors` of height×width, in one of several ways."""
    factor = random.uniform(*factors)
    size = [max(1, round(side * factor)) for side in (width, height)]
    how = RESIZES[int(random.integers(len(RESIZES)))]
    return _alike(lambda frame: cv2.resize(frame, size, interpolation=how).astype(np.uint8))


def _noise(sigma: Range, random: Generator) -> Stage:
    """Of the twin only the detail goes that a sensor's mosaic loses."""
    kind, strength = (
        str(random.choice(list(NOISES), p=list(NOISES.values()))),
        random.uniform(*sigma),
    )
    seed, add = _seed(random), ADD[kind]

    def change(level: float) -> Change:
        return lambda frame: add(frame, level, np.random.default_rng(seed))

    return change(strength), change(0.0) if kind == "sensor" else _nothing


def _drawing(change: Callable[[Bytes, Generator], Bytes], random: Generator) -> Change:
    """`change` with a generator of its own: it draws the same however often it is run."""
    seed = _seed(random)
    return lambda frame: change(frame, np.random.default_rng(seed))


def _seed(random: Generator) -> int:
    return int(random.integers(2**62))


def _alike(change: Change) -> Stage:
    return change, change


def _nothing(frame: Bytes) -> Bytes:
    return frame

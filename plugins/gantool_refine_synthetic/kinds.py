"""What SimGAN trains on: renders in `synthetic/`, photographs of the like in `real/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from gantool.errors import UsageError
from gantool.training.data import Kept, read_eight_bit, to_tensor
from gantool.training.degrade import Bytes, grey
from gantool.training.layouts import look
from gantool.training.picture_files import sampled, size
from gantool.training.system import Batch

KINDS = ("synthetic", "real")


@dataclass(frozen=True)
class Kinds:
    """Samples `synthetic` and `real`, 3×height×width in [0, 1], drawn independently of each other.

    Each is cut out at random, where it is larger, and mirrored at random.
    """

    synthetic: Sequence[Bytes]
    real: Sequence[Bytes]
    height: int
    width: int
    size: int

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One of each kind; the same ones for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        return {kind: self._draw(random, getattr(self, kind)) for kind in KINDS}

    def _draw(self, random: np.random.Generator, pictures: Sequence[Bytes]) -> Tensor:
        picture = pictures[int(random.integers(len(pictures)))]
        top = int(random.integers(picture.shape[0] - self.height + 1))
        left = int(random.integers(picture.shape[1] - self.width + 1))
        piece = picture[top : top + self.height, left : left + self.width]
        return to_tensor(piece[:, ::-1] if random.integers(2) else piece)


def read(root: Path, split: str, *, crop: int, smallest: int, size_: int, as_grey: bool) -> Kinds:
    """The two kinds in `root`, cut to what all pictures have, at most `crop` pixels a side.

    Raises UsageError for another layout, for pictures with a side under `smallest`, and where one
    kind is grey and the other in colour but for `as_grey`; ItemError for what cannot be read.
    """
    layout = look(root, split)
    if set(layout.parts) != set(KINDS):
        raise UsageError(
            f"{layout}: put the renders into synthetic/ and photographs of the like into real/"
        )
    sizes = [size(path) for kind in KINDS for path in layout.parts[kind]]
    width, height = (min(crop, *sides) for sides in zip(*sizes, strict=True))
    if min(width, height) < smallest:
        raise UsageError(f"{root}: a picture of {width}×{height}: at least {smallest} are needed")
    synthetic, real = (_kept(layout.parts[kind], as_grey) for kind in KINDS)
    if not as_grey:
        _refuse_mismatch(root, _is_grey(synthetic), _is_grey(real))
    return Kinds(synthetic, real, height, width, size_)


def _kept(paths: Sequence[Path], as_grey: bool) -> Kept[Bytes]:
    return Kept([partial(_picture, path, as_grey) for path in paths], lambda frame: frame.nbytes)


def _picture(path: Path, as_grey: bool) -> Bytes:
    frame = read_eight_bit(path)
    return grey(frame) if as_grey else frame


def _is_grey(pictures: Kept[Bytes]) -> bool:
    some = [pictures[number] for number in sampled(range(len(pictures)))]
    return all((frame == frame[..., :1]).all() for frame in some)


def _refuse_mismatch(root: Path, synthetic: bool, real: bool) -> None:
    """A discriminator would see nothing but the colours."""
    if synthetic != real:
        names = KINDS if synthetic else reversed(KINDS)
        grey_one, other = (f"{name}/" for name in names)
        raise UsageError(
            f"{root}: {grey_one} is grey, {other} in colour: train in grey with --grey true, "
            "or make both alike"
        )

"""Crops with a teacher's outputs, computed once and kept in a folder, then drawn from.

A crop is a file `000123.crop` of raw bytes: the input, the teacher's output, and where the input
has noise the output for its noise-free twin with that noise added. The folder's name says what
the crops are made of, `crops.json` in it the same in words. A file appears whole or not at all.
"""

import hashlib
import json
import math
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gantool import atomic, folders
from gantool.training import found_photos
from gantool.training.camera_noise import to_bytes
from gantool.training.degrade import Bytes
from gantool.training.found_pairs import MARGIN, blend, draw, wanted_share, with_noise
from gantool.training.layouts import Layout
from gantool.training.scenes import Scenes, read_scenes
from gantool.training.system import Batch
from gantool.training.teacher import Teacher, with_low_frequencies_of

SIDE = 64
"""Of an input that is kept, pixels."""
AT_ONCE = 8
"""Crops that the teacher is given together."""
NOTE = "crops.json"


@dataclass(frozen=True)
class Kind:
    """What decides the crops beside the photographs and the teacher."""

    scale: int
    clean: float
    rendered: float
    dark: float


@dataclass(frozen=True)
class TaughtCrops:
    """Samples cut out of `count` crops; those that are missing are made when they are needed."""

    layout: Layout
    teacher: Teacher
    kind: Kind
    folder: Path
    """With a folder in it for these crops."""
    count: int
    crop: int
    size: int
    side: int = SIDE

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair, mirrored and turned; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        parts = self._parts(int(random.integers(self.count)))
        places = random.integers(0, self.side - self.crop + 1, 2) / self.side
        turns, mirrored = int(random.integers(4)), bool(random.integers(2))
        cut = [_cut(part, (places[0], places[1]), self.crop / self.side) for part in parts]
        low, target, noisy = (_turned(part, turns, mirrored) for part in cut)
        return blend(low, target, noisy, wanted_share(random))

    def prepare(self, rank: int, world: int) -> Generator[tuple[int, int], None, None]:
        """Make this process's share of what is missing; yields how many there are of how many."""
        own = range(rank, self.count, world)
        missing = [number for number in own if not self._is_whole(number)]
        for start in range(0, len(missing), AT_ONCE):
            self._make(missing[start : start + AT_ONCE])
            left = max(0, len(missing) - start - AT_ONCE) * world
            yield max(0, self.count - left), self.count

    @cached_property
    def place(self) -> Path:
        """The folder of these crops, which is there afterwards."""
        facts = self._facts()
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        place = self.folder / digest[:16]
        if not (place / NOTE).is_file():
            atomic.make_folder(place)
            atomic.write_text(place / NOTE, json.dumps(facts, indent=1) + "\n")
        return place

    @cached_property
    def scenes(self) -> Scenes:
        """Read when the first crop is made."""
        smallest = (self.side + 2 * MARGIN) * self.kind.scale
        return read_scenes(self.layout, smallest, self.kind.rendered, self.kind.dark)

    def _facts(self) -> dict[str, Any]:
        """All that decides a crop, but for its number."""
        paths = [path for files in self.layout.parts.values() for path in files]
        photos = json.dumps([[path.name, path.stat().st_size] for path in paths])
        return {
            "teacher": self.teacher.sha256,
            "photos": hashlib.sha256(photos.encode()).hexdigest(),
            "version": found_photos.VERSION,
            "side": self.side,
            **asdict(self.kind),
        }

    def _parts(self, number: int) -> list[Bytes]:
        """The input, and the targets without and with its noise: views of a file."""
        if not self._is_whole(number):
            self._make([number])
        raw = np.memmap(self._file(number), np.uint8, "r")
        low, high = self._sizes()
        pictures = [raw[:low], raw[low : low + high], raw[-high:]]
        return [_square(each) for each in pictures]

    def _make(self, numbers: Sequence[int]) -> None:
        """Draw these crops, ask the teacher about all at once, and write them."""
        kind = self.kind
        drawn = [
            draw(self.scenes, kind.scale, self.side, kind.clean, np.random.default_rng(number))
            for number in numbers
        ]
        inputs = [low for _, low, _ in drawn]
        inputs += [twin for _, low, twin in drawn if twin is not low]
        outputs = list(self.teacher.enlarge(np.stack(inputs)))
        twins = iter(outputs[len(drawn) :])
        for number, (_, low, twin), output in zip(numbers, drawn, outputs, strict=False):
            parts = [low, to_bytes(with_low_frequencies_of(twin, output))]  # no blotches of noise
            if twin is not low:
                parts.append(with_noise(with_low_frequencies_of(twin, next(twins)), low, twin))
            atomic.write_bytes(self._file(number), b"".join(part.tobytes() for part in parts))

    def _is_whole(self, number: int) -> bool:
        low, high = self._sizes()
        file = self._file(number)
        return file.is_file() and file.stat().st_size in (low + high, low + 2 * high)

    def _sizes(self) -> tuple[int, int]:
        """Bytes of an input and of a target."""
        low = 3 * self.side**2
        return low, low * self.kind.scale**2

    def _file(self, number: int) -> Path:
        return self.place / f"{number:06d}.crop"


def default_folder() -> Path:
    """Where crops are kept unless another folder is named: they can be made again."""
    return folders.cache("crops")


def _square(raw: Bytes) -> Bytes:
    side = math.isqrt(len(raw) // 3)
    return raw.reshape(side, side, 3)


def _cut(part: Bytes, place: tuple[float, float], share: float) -> Bytes:
    """The square of `share` of the side at `place`, in shares of the side, too."""
    top, left, side = (round(each * len(part)) for each in (*place, share))
    return part[top : top + side, left : left + side]


def _turned(frame: Bytes, turns: int, mirrored: bool) -> Bytes:
    turned = np.rot90(frame, turns)
    return turned[:, ::-1] if mirrored else turned

"""What is trained on: pictures in rain or snow beside the same without, made or given."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantool.errors import UsageError
from gantool.training.data import Photos, to_tensor
from gantool.training.layouts import find
from gantool.training.pairs import Pairs, read_pairs
from gantool.training.system import Batch, Dataset
from gantool.training.weather import DRAWS, Weather, weathered

SIZES = (1.0, 0.75, 0.5, 0.35)


@dataclass(frozen=True)
class MadePairs:
    """Samples `input` and `target`, 3×c×c in [0, 1]: crops of photographs, weather over them.

    A share `clean` has none: there both are the crop.
    """

    photos: Photos
    weather: Weather
    crop: int
    size: int
    clean: float

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        random = np.random.default_rng([seed, step, item])
        frame = self.photos.crop(random, self.crop)
        seen, behind = frame, frame
        if random.random() >= self.clean:
            seen, behind = weathered(frame, DRAWS[self.weather](random), random)
        return {"input": to_tensor(seen), "target": to_tensor(behind)}


@dataclass(frozen=True)
class GivenPairs:
    """The same from pairs of photographs, with the weather and without."""

    pairs: Pairs

    @property
    def size(self) -> int:
        return self.pairs.size

    def sample(self, seed: int, step: int, item: int) -> Batch:
        """One pair; the same one for the same seed, step and item."""
        sample = self.pairs.sample(seed, step, item)
        return {name: (picture + 1) / 2 for name, picture in sample.items()}


def dataset(
    root: Path, split: str, *, weather: Weather, crop: int, size: int, clean: float
) -> Dataset:
    """Pairs in `root` as they are, or made of the photographs in it.

    Raises UsageError where there is neither or where pictures are smaller than the crop.
    """
    layout = find(root, split)
    if layout.kind not in ("pairs", "side-by-side"):
        photos = Photos(layout, sizes=SIZES, smallest=crop)
        return MadePairs(photos, weather, crop, size, clean)
    pairs = read_pairs(layout)
    if smallest := [one.shape for one, _ in pairs if min(one.shape[:2]) < crop]:
        height, width = smallest[0][:2]
        raise UsageError(f"{root}: a pair of {width}×{height} pixels: train with a smaller crop")
    return GivenPairs(Pairs(pairs, crop, size))

"""Where the samples of superres-distilled come from: originals, or the outputs of a teacher."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gantool.training.found_pairs import MARGIN, FoundPairs
from gantool.training.layouts import find
from gantool.training.scenes import read_scenes
from gantool.training.taught_crops import Kind, TaughtCrops
from gantool.training.teacher import Teacher, read_teacher


@dataclass(frozen=True)
class Source:
    """What the samples are: crops of photographs, harmed, and the teacher that enlarges them."""

    kind: Kind
    batch: int
    crop: int
    taught_by: Path | None
    count: int
    folder: Path

    @cached_property
    def teacher(self) -> Teacher | None:
        """Read when there is to be a training: an export does without it."""
        return read_teacher(self.taught_by, self.kind.scale) if self.taught_by else None

    def dataset(self, root: Path, split: str) -> FoundPairs | TaughtCrops:
        layout, kind = find(root, split), self.kind
        if self.teacher is not None:
            return TaughtCrops(
                layout, self.teacher, kind, self.folder, self.count, self.crop, self.batch
            )
        smallest = (self.crop + 2 * MARGIN) * kind.scale
        scenes = read_scenes(layout, smallest, kind.rendered, kind.dark)
        return FoundPairs(scenes, kind.scale, self.crop, self.batch, kind.clean)

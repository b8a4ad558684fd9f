"""Pictures to measure a model on: what of a folder is input, what target; read one at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from gantool.errors import ItemError, UsageError
from gantool.media.images import read_image
from gantool.media.pixels import as_depth
from gantool.training import degrade
from gantool.training.degrade import Bytes
from gantool.training.layouts import SPLITS, Layout, look
from gantool.training.partners import partners, renames_to_pairs

Given: TypeAlias = Bytes | None
Reader: TypeAlias = Callable[[Path], tuple[Given, Given]]


@dataclass(frozen=True)
class Choices:
    """What a user can say about the data."""

    split: str | None = None
    """`train`, `val` or `test`; None: the first there is of test, val and train."""
    made_from: str | None = None
    """How inputs are made from a plain folder of targets: a name in `degrade.FROM`."""
    side: int | None = None
    """Short side that inputs and targets are brought to, as in a training at that size."""
    limit: int | None = None
    """At most so many pictures of a kind, the first by name."""
    by_distance: bool = False
    """Whether two kinds of pictures that are not paired will do."""


@dataclass(frozen=True)
class Sample:
    """A picture file, or the two of a pair; `read` gives input and target, None where it has none.

    It raises ItemError for what cannot be read.
    """

    source: Path
    read: Callable[[], tuple[Given, Given]]


@dataclass(frozen=True)
class Samples:
    """Inputs with their targets, or inputs first and then targets that are not theirs."""

    each: tuple[Sample, ...]
    counts: tuple[int, ...]
    """Of the pairs, or of the inputs and of the targets."""
    comparison: str
    """What is compared, in words."""
    split: str
    """The part of the data set; empty where it has no parts."""
    paired: bool


def collect(root: Path, choices: Choices, scale: int) -> Samples:
    """The samples in `root` for a model that enlarges by `scale`, as its layout gives them.

    Raises UsageError where there is nothing to compare a result with.
    """
    split = split_of(root, choices.split)
    layout = look(root, split or "test")
    comparison, parts = _arranged(layout, choices, scale)
    each = tuple(sample for part in parts for sample in part)
    counts = tuple(len(part) for part in parts)
    comparison += f", short side {choices.side}" if choices.side else ""
    return Samples(each, counts, comparison, split, layout.kind != "unpaired")


def split_of(root: Path, wanted: str | None = None) -> str:
    """The part of `root` to measure on, `wanted` or the one held out; empty without parts.

    Raises UsageError where `wanted` is not there.
    """
    names = [path.name for path in root.glob("*/")]
    there = {SPLITS.get(name) or SPLITS.get(name[:-1], "") for name in names} - {""}
    if wanted and wanted not in there:
        found = f"only {', '.join(sorted(there))}" if there else "no parts: leave --split out"
        raise UsageError(f"--split {wanted}: {root} has {found}")
    return wanted or next((part for part in ("test", "val", "train") if part in there), "")


def _arranged(layout: Layout, choices: Choices, scale: int) -> tuple[str, list[list[Sample]]]:
    """What is compared, in words, and the samples: those of pairs, or of two kinds."""
    _refuse(layout, choices, scale)
    first, *rest = (files[: choices.limit] for files in layout.parts.values())
    side = choices.side
    if layout.kind == "pairs":
        pairs = _partners(layout)[: choices.limit]
        return "pairs", [[Sample(a, partial(_two, a, b, scale, side)) for a, b in pairs]]
    if layout.kind == "unpaired":
        inputs = [Sample(path, partial(_input, path, side)) for path in first]
        targets = [Sample(path, partial(_target, path, side)) for path in rest[0]]
        return " → ".join(layout.parts), [inputs, targets]
    comparison, read = _reader(choices, scale)
    return comparison, [[Sample(path, partial(read, path)) for path in first]]


def _refuse(layout: Layout, choices: Choices, scale: int) -> None:
    """Raise UsageError for choices that do not fit what there is."""
    made_from, plain = choices.made_from, layout.kind == "plain"
    if made_from and made_from not in degrade.FROM:
        raise UsageError(f"--from {made_from}: there are {', '.join(degrade.FROM)}")
    if made_from and scale > 1:
        raise UsageError(f"--from {made_from}: this model takes pictures reduced by {scale}")
    if made_from and not plain:
        raise UsageError(f"--from {made_from} is for a folder of targets alone; {layout}")
    if layout.kind == "unpaired" and not choices.by_distance:
        moves = renames_to_pairs(layout)
        pairs = f": {moves}" if moves else " with equal names"
        raise UsageError(
            f"{layout}: --features FILE.onnx compares two kinds; pairs are in A/ and B/{pairs}"
        )
    if layout.kind == "classes" or (plain and scale == 1 and not made_from):
        raise UsageError(
            f"{layout}: nothing to compare results with: put pairs side by side or into A/ and B/, "
            f"or have the inputs made with --from {'|'.join(degrade.FROM)}"
        )


def _reader(choices: Choices, scale: int) -> tuple[str, Reader]:
    """What is compared, in words, and how one file gives input and target."""
    if scale > 1:
        return f"reduced by {scale}", partial(_reduced, scale=scale, side=choices.side)
    if choices.made_from:
        made = partial(_made, made_from=choices.made_from, side=choices.side)
        return f"{choices.made_from} made from targets", made
    return "pairs side by side", partial(_halves, side=choices.side)


def _partners(layout: Layout) -> list[tuple[Path, Path]]:
    pairs, lonely = partners(layout)
    if lonely:
        there = "B" if lonely[0].parent.name == "A" else "A"
        raise UsageError(
            f"{lonely[0]}: no picture of that name in {there}/: add it, or take this one out"
        )
    return pairs


def _two(a: Path, b: Path, scale: int, side: int | None) -> tuple[Bytes, Bytes]:
    one, other = _picture(a), _picture(b)
    if other.shape[:2] != (one.shape[0] * scale, one.shape[1] * scale):
        sizes = " and ".join(f"{each.shape[1]}×{each.shape[0]}" for each in (one, other))
        wanted = "both must have one size" if scale == 1 else f"the target must be {scale} times it"
        raise ItemError(f"{a}, {b}: a pair of {sizes}: {wanted}")
    small = _brought(one, side)
    return small, degrade.resize(other, small.shape[0] * scale, small.shape[1] * scale)


def _halves(path: Path, side: int | None) -> tuple[Bytes, Bytes]:
    both = _picture(path)
    middle = both.shape[1] // 2
    return _brought(both[:, :middle], side), _brought(both[:, middle : 2 * middle], side)


def _made(path: Path, made_from: str, side: int | None) -> tuple[Bytes, Bytes]:
    """The input is made at full size and then brought to `side`, as in training."""
    target = _picture(path)
    return _brought(degrade.FROM[made_from](target), side), _brought(target, side)


def _reduced(path: Path, scale: int, side: int | None) -> tuple[Bytes, Bytes]:
    original = _brought(_picture(path), side)
    height, width = (length // scale * scale for length in original.shape[:2])
    if not height or not width:
        raise ItemError(f"{path}: too small to be reduced by {scale}")
    return degrade.reduce(original, scale), original[:height, :width]


def _input(path: Path, side: int | None) -> tuple[Bytes, None]:
    return _brought(_picture(path), side), None


def _target(path: Path, side: int | None) -> tuple[None, Bytes]:
    return None, _brought(_picture(path), side)


def _picture(path: Path) -> Bytes:
    """In 8 bits."""
    return cast(Bytes, as_depth(read_image(path)[0], np.uint8))


def _brought(frame: Bytes, side: int | None) -> Bytes:
    return frame if side is None else degrade.to_side(frame, side)

"""Pairs of pictures made from single ones, as files: `A/` the inputs, `B/` the originals."""

from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gantool import atomic
from gantool.errors import ItemError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.media.pixels import as_depth
from gantool.training import degrade, layouts
from gantool.training.layouts import Layout

SMALLEST = 8
"""Pixels of a side from which a pair can be made."""


@dataclass(frozen=True)
class PairFile:
    """A picture and the two files that are made of it."""

    source: Path
    input: Path
    target: Path


@dataclass(frozen=True)
class Made:
    """What came of one picture; `problem` is empty unless it could not be read."""

    source: Path
    problem: str = ""


@dataclass(frozen=True)
class Pairing:
    """Pairs that can be made: nothing has been written yet."""

    files: Sequence[PairFile]
    made_from: str

    def write(self) -> Generator[Made, None, None]:
        """Pair by pair, in order; every file whole or not at all. Closing it stops early.

        Raises OutputError.
        """
        for folder in {each.parent for file in self.files for each in (file.input, file.target)}:
            atomic.make_folder(folder)
        with ThreadPoolExecutor() as pool:
            yield from pool.map(partial(_write, made_from=self.made_from), self.files)


def plan(root: Path, made_from: str, output: Path, *, overwrite: bool = False) -> Pairing:
    """Pairs of every picture of a plain folder, splits mirrored, in `output`.

    Raises UsageError for another layout and for an `output` that is in use or in `root`.
    """
    if made_from not in degrade.FROM:
        raise UsageError(f"--from {made_from}: there are {', '.join(degrade.FROM)}")
    splits = layouts.splits(root)
    _check_output(root, output, overwrite=overwrite)
    files = [file for layout in splits.values() for file in _files(root, layout, output)]
    originals = {file.source.resolve() for file in files}
    for path in (path for file in files for path in (file.input, file.target)):
        if path.resolve() in originals:
            raise UsageError(f"{path}: is one of the originals: choose another place with -o")
    return Pairing(files, made_from)


def _check_output(root: Path, output: Path, *, overwrite: bool) -> None:
    if output.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{output}: lies in {root}: choose a place outside of it with -o")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: is a file: name a folder with -o")
    if output.is_dir() and any(output.iterdir()) and not overwrite:
        raise UsageError(
            f"{output}: there are files in it: choose another folder with -o, "
            "or let --overwrite replace those of the same names"
        )


def _files(root: Path, layout: Layout, output: Path) -> list[PairFile]:
    if layout.kind != "plain":
        advice = "give one of its folders" if layout.kind in ("unpaired", "classes") else ""
        raise UsageError(f"{layout}: {advice or 'has its pairs already: train on it as it is'}")
    place = output / layout.root.relative_to(root)
    names = _names(layout.parts["pictures"])
    return [
        PairFile(path, place / "A" / name, place / "B" / name)
        for path, name in zip(layout.parts["pictures"], names, strict=True)
    ]


def _names(paths: Sequence[Path]) -> list[str]:
    """`a.png` for `a.jpg`; where two would have one name, `a.jpg.png` for all."""
    stems = Counter(path.stem.lower() for path in paths)
    whole = len(stems) < len(paths)
    return [f"{path.name if whole else path.stem}.png" for path in paths]


def _write(file: PairFile, made_from: str) -> Made:
    try:
        frame, carry = read_image(file.source)
    except ItemError as error:
        return Made(file.source, str(error))
    if min(frame.shape[:2]) < SMALLEST:
        return Made(file.source, f"{file.source}: under {SMALLEST} pixels a side: leave it out")
    original = as_depth(frame, np.uint8).astype(np.uint8, copy=False)
    colours = Carry(icc=carry.icc)  # what a picture's profile says of its numbers holds for both
    write_image(file.target, original, colours)
    write_image(file.input, degrade.FROM[made_from](original), colours)
    return Made(file.source)

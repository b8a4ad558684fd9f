"""How a folder of training pictures is laid out: found out, and said in words.

| layout | what lies in the folder |
|---|---|
| `side-by-side` | pictures twice as wide as high, input left, target right; flat or in `train/` |
| `pairs` | `A/` and `B/` with files of the same names |
| `unpaired` | `trainA/` and `trainB/`, or any two folders of pictures |
| `classes` | three or more folders of pictures |
| `plain` | pictures of one kind; pairs can be made of them |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gantool.errors import UsageError
from gantool.media.images import SUFFIXES, read_image

Kind = Literal["side-by-side", "pairs", "unpaired", "classes", "plain"]
SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test", "heldout": "test"}
SAMPLE = 5
"""Pictures looked into to tell side-by-side pairs from others."""


@dataclass(frozen=True)
class Layout:
    """What was found: the files of each part, in the order of their names."""

    kind: Kind
    root: Path
    parts: Mapping[str, Sequence[Path]]

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {len(files)}" for name, files in self.parts.items())
        return f"{self.root}: {MEANINGS[self.kind]} ({sizes})"


MEANINGS: Mapping[Kind, str] = {
    "side-by-side": "pairs side by side, input left, target right",
    "pairs": "pairs in two folders, by equal names",
    "unpaired": "two kinds of pictures, not paired",
    "classes": "pictures in a folder per class",
    "plain": "pictures of one kind",
}


def find(root: Path, split: str = "train") -> Layout:
    """The layout of `root`; of its folders for splits the one called `split` is taken.

    Raises UsageError that says what was found and what to rename.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder: give a folder of pictures")
    folders = {folder.name: folder for folder in sorted(root.iterdir()) if _is_visible(folder)}
    if sides := _sides(folders, split):
        return Layout("unpaired", root, {name: _pictures(path) for name, path in sides.items()})
    if within := [name for name in folders if SPLITS.get(name) == split]:
        return find(folders[within[0]], split)
    parts = {name: files for name, path in folders.items() if (files := _pictures(path))}
    if set(parts) == {"A", "B"}:
        return Layout("pairs", root, _matched(root, parts))
    if len(parts) >= 2:
        return Layout("unpaired" if len(parts) == 2 else "classes", root, parts)
    files = _pictures(root) or next(iter(parts.values()), [])
    return _flat(root, files)


def _flat(root: Path, files: Sequence[Path]) -> Layout:
    if not files:
        raise UsageError(
            f"{root}: no picture in there: put pictures into it, or into A/ and B/ for pairs, "
            "or trainA/ and trainB/ for two kinds"
        )
    if len(files) == 1:
        raise UsageError(f"{root}: one picture only ({files[0].name}): training needs more")
    double = [_is_double(path) for path in files[:: max(1, len(files) // SAMPLE)]]
    if all(double):
        return Layout("side-by-side", root, {"pairs": files})
    return Layout("plain", root, {"pictures": files})


def _sides(folders: Mapping[str, Path], split: str) -> dict[str, Path]:
    names = (f"{split}A", f"{split}B")
    found = {name: folders[name] for name in names if name in folders}
    if len(found) == 1:
        present, absent = sorted(names, key=lambda name: name not in found)
        raise UsageError(
            f"{folders[present].parent}: {present}/ without {absent}/: add that folder"
        )
    return {name[-1]: path for name, path in found.items()}


def _matched(root: Path, parts: Mapping[str, Sequence[Path]]) -> dict[str, list[Path]]:
    """A and B in the same order. Raises UsageError for a file without its other half."""
    stems = {name: {path.stem: path for path in files} for name, files in parts.items()}
    lonely = sorted(stems["A"].keys() ^ stems["B"].keys())
    if lonely:
        here, there = ("A", "B") if lonely[0] in stems["A"] else ("B", "A")
        raise UsageError(
            f"{stems[here][lonely[0]]}: no picture of that name in {there}/ "
            f"({len(lonely)} without the other half): pairs have equal names in A/ and B/"
        )
    return {name: [stems[name][stem] for stem in sorted(stems["A"])] for name in parts}


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _is_visible(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _is_double(path: Path) -> bool:
    frame, _ = read_image(path)
    return bool(frame.shape[1] == 2 * frame.shape[0])

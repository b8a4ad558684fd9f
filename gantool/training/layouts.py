"""How a folder of training pictures is laid out: found out, and said in words.

| layout | what lies in the folder |
|---|---|
| `side-by-side` | pictures twice as wide as high, input left, target right |
| `pairs` | `A/` and `B/` with files of the same names |
| `unpaired` | `trainA/` and `trainB/`, or any two folders of pictures |
| `classes` | three or more folders of pictures |
| `plain` | pictures of one kind; pairs can be made of them |

Each may lie in `train/`, with pictures held out in `val/` or `test/` (`valA/ valB/` …) beside it.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gantool.errors import ItemError, UsageError
from gantool.training.partners import matched
from gantool.training.picture_files import first_below, pictures, sampled, size

Kind = Literal["side-by-side", "pairs", "unpaired", "classes", "plain"]
MEANINGS: Mapping[Kind, str] = {
    "side-by-side": "pairs side by side, input left, target right",
    "pairs": "pairs in two folders, by equal names",
    "unpaired": "two kinds of pictures, not paired",
    "classes": "pictures in a folder per class",
    "plain": "pictures of one kind",
}
SPLITS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "heldout": "test",
}
_SIDES = {f"{name}{side}": f"{split}{side}" for name, split in SPLITS.items() for side in "AB"}
_NAMES = {name.lower(): right for name, right in ({name: name for name in SPLITS} | _SIDES).items()}
"""How the names of folders with a meaning are to be written, by how they sound."""


@dataclass(frozen=True)
class Layout:
    """What was found: the files of each part, in the order of their names."""

    kind: Kind
    root: Path
    """The folder that the parts are in, `train/` where there is one."""
    parts: Mapping[str, Sequence[Path]]

    def __str__(self) -> str:
        return f"{self.root}: {MEANINGS[self.kind]} ({self.counts})"

    @property
    def counts(self) -> str:
        """`A 20, B 20`."""
        return ", ".join(f"{name} {len(files)}" for name, files in self.parts.items())


def find(root: Path, split: str = "train") -> Layout:
    """The layout of `root`, or of its folders for `split`; the parts of pairs in one order.

    Looks at names and into a few headers. Raises UsageError that says what was found and what to
    do, ItemError for a picture that cannot be read.
    """
    layout = look(root, split)
    if layout.kind == "pairs":
        layout = replace(layout, parts=matched(layout))
    for path in sampled([file for files in layout.parts.values() for file in files]):
        size(path)
    return layout


def look(root: Path, split: str = "train") -> Layout:
    """`find` that takes pictures and pairs as they are: damaged, without the other half."""
    folders = _folders(root)
    _refuse_misspelt(folders)
    if sides := _sides(folders, split):
        return Layout("unpaired", root, sides)
    if within := [name for name in folders if SPLITS.get(name) == split]:
        return look(folders[within[0]], split)
    others = {name: path for name, path in folders.items() if name not in _NAMES.values()}
    parts = {name: files for name, path in others.items() if (files := pictures(path))}
    if set(parts) == {"A", "B"}:
        return Layout("pairs", root, parts)
    if len(parts) >= 2:
        return Layout("unpaired" if len(parts) == 2 else "classes", root, parts)
    return _flat(root, parts, few=1 if split == "train" else 0)


def splits(root: Path) -> dict[str, Layout]:
    """What `look` gives for `train`, `val` and `test`, as far as they are there."""
    there = ["train", *(split for split in ("val", "test") if _has(root, split))]
    return {split: look(root, split) for split in there}


def held_out(root: Path) -> str:
    """The split to look at while training: `val`, else `test`, else `train` itself."""
    return next((split for split in ("val", "test") if _has(root, split)), "train")


def describe(root: Path) -> str:
    """What will be trained on and looked at, in one line. Raises what `find` raises."""
    found = {split: find(root, split) for split in dict.fromkeys(("train", held_out(root)))}
    counts = "; ".join(f"{split}: {layout.counts}" for split, layout in found.items())
    train = found["train"]
    width, height = size(next(iter(train.parts.values()))[0])
    return f"{root}: {MEANINGS[train.kind]} ({counts}), the first {width}×{height}"


def _flat(root: Path, parts: Mapping[str, Sequence[Path]], *, few: int) -> Layout:
    """Pictures in `root` itself or in its one folder; no more than `few` of them are refused."""
    files = pictures(root)
    if not files and (alone := parts.keys() & {"A", "B"}):
        here, there = (*alone, *({"A", "B"} - alone))
        raise UsageError(
            f"{root / here}: no pictures in {there}/ beside it: pairs have equal names in A/ and B/"
        )
    files = files or list(next(iter(parts.values()), []))
    if not files:
        raise UsageError(_nothing(root))
    if len(files) <= few:
        raise UsageError(f"{root}: one picture only ({files[0].name}): training needs more")
    if _are_double(files):
        return Layout("side-by-side", root, {"pairs": files})
    return Layout("plain", root, {"pictures": files})


def _nothing(root: Path) -> str:
    """What to do about a folder without pictures to train on."""
    names = [name for name in _folders(root) if name in _NAMES.values()]
    if names:
        needed = "train/" if names[0] in SPLITS else "trainA/ and trainB/"
        return f"{root}: only {', '.join(f'{name}/' for name in names)}: add {needed}, to train on"
    if deeper := first_below(root):
        return f"{root}: no picture straight in it: give a folder that has some: {deeper.parent}"
    return (
        f"{root}: no picture in there: put pictures into it, or into A/ and B/ for pairs, "
        "or trainA/ and trainB/ for two kinds"
    )


def _sides(folders: Mapping[str, Path], split: str) -> dict[str, list[Path]]:
    names = (f"{split}A", f"{split}B")
    found = {name: folders[name] for name in names if name in folders}
    if len(found) == 1:
        present, absent = sorted(names, key=lambda name: name not in found)
        raise UsageError(
            f"{folders[present].parent}: {present}/ without {absent}/: add that folder"
        )
    parts = {name[-1]: pictures(path) for name, path in found.items()}
    for name, path in found.items():
        if not parts[name[-1]]:
            raise UsageError(f"{path}: no picture in there: put the pictures of one kind into it")
    return parts


def _folders(root: Path) -> dict[str, Path]:
    """The visible folders in `root` by name. Raises UsageError where there is no `root`."""
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder: give a folder of pictures")
    return {
        path.name: path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }


def _has(root: Path, split: str) -> bool:
    """Whether there are pictures for `split`, whatever their layout."""
    names = {f"{split}A", f"{split}B", *(name for name in SPLITS if SPLITS[name] == split)}
    return any(
        first_below(path) is not None for name, path in _folders(root).items() if name in names
    )


def _refuse_misspelt(folders: Mapping[str, Path]) -> None:
    """`TrainA` or `train_A` would be taken for a kind of pictures."""
    for name, path in folders.items():
        right = _NAMES.get(re.sub(r"[\W_]+", "", name).lower(), name)
        if right not in folders and first_below(path):
            move = shlex.join(("mv", str(path), str(path.with_name(right))))
            raise UsageError(f"{path}: must be called {right}: {move}")


def _are_double(files: Sequence[Path]) -> bool:
    """Whether the sampled ones that can be read are twice as wide as high."""
    sizes = [found for path in sampled(files) if (found := _size_if_readable(path))]
    return bool(sizes) and all(width == 2 * height for width, height in sizes)


def _size_if_readable(path: Path) -> tuple[int, int] | None:
    try:
        return size(path)
    except ItemError:
        return None

"""What is to be known of a folder of pictures before training on it: every picture is decoded."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np

from gantool.errors import ItemError
from gantool.media.images import RAW_SUFFIXES, read_image
from gantool.training import layouts
from gantool.training.layouts import Layout
from gantool.training.partners import partners, renames_to_pairs
from gantool.training.picture_files import below, is_picture

SMALL = 64
"""Pixels of a side under which there is little to learn from a picture."""
MIXED = 4
"""How many times larger one picture of a set of pairs may be than another, by its side."""
UNREAD = {".jxl", ".jp2", ".psd", ".svg", ".raw"} | RAW_SUFFIXES
"""Endings of pictures that are not read."""


@dataclass(frozen=True)
class Seen:
    """What decoding a picture told; `problem` is empty unless it cannot be read."""

    path: Path
    width: int = 0
    height: int = 0
    deep: bool = False
    """More than 8 bits."""
    clear: bool = False
    """Some of it is transparent."""
    problem: str = ""

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


@dataclass(frozen=True)
class Remark:
    """Something about one file, or about several: then of the first one's kind."""

    path: Path
    text: str
    others: int = 0
    refuses: bool = False
    """Nothing can be trained before it is mended."""

    def __str__(self) -> str:
        more = f" (and {self.others} more)" if self.others else ""
        return f"{self.path}{more}: {self.text}"


@dataclass
class Inspection:
    """A folder and, once `look` has come to its end, what is in its pictures.

    Raises UsageError where the folder has no layout.
    """

    root: Path
    splits: Mapping[str, Layout] = field(init=False)
    seen: dict[Path, Seen] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.splits = layouts.splits(self.root)

    @cached_property
    def files(self) -> list[Path]:
        return [path for split in self.splits.values() for path in _all(split)]

    def look(self) -> Generator[Seen, None, None]:
        """Decode every picture, in order. Closing it stops early."""
        with ThreadPoolExecutor() as pool:
            for each in pool.map(_see, self.files):
                self.seen[each.path] = each
                yield each

    @property
    def unreadable(self) -> list[Seen]:
        return [each for each in self.seen.values() if each.problem]

    @property
    def meaning(self) -> str:
        """What is trained on, in words."""
        return layouts.MEANINGS[self.splits["train"].kind]

    def extent(self, files: Sequence[Path]) -> str:
        """`512×256`, or the smallest and the largest of those that can be read."""
        return _extent(self._whole(files))

    def _whole(self, files: Sequence[Path]) -> list[Seen]:
        """What was seen of those of the files that can be read."""
        return [each for path in files if not (each := self.seen[path]).problem]

    def remarks(self) -> Iterator[Remark]:
        """All that is to be said, what must be mended first."""
        for each in self.unreadable:
            yield Remark(each.path, each.problem)
        for layout in self.splits.values():
            seen = self._whole(_all(layout))
            if layout.kind == "pairs":
                yield from _mismatched(layout, self.seen)
            if layout.kind in ("pairs", "side-by-side"):
                yield from _mixed(seen)
            yield from _misnamed(layout)
            yield from _shapes(layout, seen)
            yield from _pixels(seen)
        yield from _other_kinds(self.splits)
        yield from _left_out(self.root, self.files)


def _extent(seen: Sequence[Seen]) -> str:
    sizes = sorted({each.size for each in seen}, key=lambda size: (size[0] * size[1], size))
    ends = dict.fromkeys((*sizes[:1], *sizes[-1:]))
    return " to ".join(f"{width}×{height}" for width, height in ends)


def _all(layout: Layout) -> list[Path]:
    return [path for files in layout.parts.values() for path in files]


def _see(path: Path) -> Seen:
    try:
        frame, carry = read_image(path)
    except ItemError as error:
        return Seen(path, problem=str(error).removeprefix(f"{path}: "))
    height, width = frame.shape[:2]
    alpha = carry.alpha
    clear = alpha is not None and bool(alpha.min() < np.iinfo(alpha.dtype).max)
    return Seen(path, width, height, frame.dtype != np.uint8, clear)


def _mismatched(layout: Layout, seen: Mapping[Path, Seen]) -> Iterator[Remark]:
    """Halves without the other, pairs of two sizes."""
    pairs, lonely = partners(layout)
    for path in lonely:
        there = "B" if path in layout.parts["A"] else "A"
        text = f"no picture of that name in {there}/: add it, or take this one out"
        yield Remark(path, text, refuses=True)
    for one, other in ((seen[a], seen[b]) for a, b in pairs):
        if one.size != other.size and not one.problem and not other.problem:
            sizes = f"{one.width}×{one.height}, but {other.path} {other.width}×{other.height}"
            yield Remark(
                one.path, f"{sizes}: bring both halves of a pair to one size", refuses=True
            )


def _mixed(seen: Sequence[Seen]) -> Iterator[Remark]:
    sides = sorted(seen, key=lambda each: min(each.size))
    if sides and min(sides[-1].size) > MIXED * min(sides[0].size):
        sizes = f"{_extent(sides[:1])} to {_extent(sides[-1:])}"
        text = f"very mixed sizes, {sizes}: enlarged to one size it is blurred: take it out"
        yield Remark(sides[0].path, text)


def _misnamed(layout: Layout) -> Iterator[Remark]:
    if moves := renames_to_pairs(layout):
        text = f"if its two folders are pairs, they must be called A and B: {moves}"
        yield Remark(layout.root, text)


def _shapes(layout: Layout, seen: Sequence[Seen]) -> Iterator[Remark]:
    """Pictures that are not shaped as the rest of their kind."""
    odd = [each for each in seen if each.width != 2 * each.height]
    if layout.kind == "side-by-side":
        text = "not twice as wide as high, but cut in the middle like the others: is it a pair?"
        yield from _grouped(odd, text)
    elif layout.kind == "plain" and len(odd) < len(seen) / 2:
        text = "not twice as wide as high like most here: if those are pairs, take it out"
        yield from _grouped(odd, text)


def _pixels(seen: Sequence[Seen]) -> Iterator[Remark]:
    small = [each for each in seen if min(each.size) < SMALL]
    yield from _grouped(small, f"a side under {SMALL} pixels: use larger ones, or a small crop")
    clear = [each for each in seen if each.clear]
    yield from _grouped(clear, "transparency is dropped: lay it over a background if it matters")
    deep = [each for each in seen if each.deep]
    yield from _grouped(deep, "16 bits are rounded to 8 for training: nothing to do")


def _grouped(things: Sequence[Seen | Path], text: str) -> Iterator[Remark]:
    """One remark for all of them, none for none."""
    if things:
        first = things[0]
        yield Remark(first if isinstance(first, Path) else first.path, text, len(things) - 1)


def _other_kinds(splits: Mapping[str, Layout]) -> Iterator[Remark]:
    """Parts held out must be laid out as what is trained on."""
    for layout in splits.values():
        if layout.kind != (wanted := splits["train"].kind):
            meanings = layouts.MEANINGS[layout.kind], layouts.MEANINGS[wanted]
            text = f"{meanings[0]}, but what is trained on is {meanings[1]}: lay out both alike"
            yield Remark(layout.root, text, refuses=True)


def _left_out(root: Path, files: Sequence[Path]) -> Iterator[Remark]:
    """Pictures of the folder that do not belong to its layout, folder by folder."""
    known = set(files)
    strange = [path for path in below(root) if path not in known]
    unread = [path for path in strange if path.suffix.lower() in UNREAD]
    yield from _grouped(unread, "a kind of file that is not read: convert it to PNG or JPEG")
    for _, group in groupby(strange, key=lambda path: path.parent):
        unused = [path for path in group if is_picture(path.name)]
        yield from _grouped(unused, "no part of this layout: move it to where it belongs")

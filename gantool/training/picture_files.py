"""Pictures in folders and their sizes, found without decoding them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from gantool.media.images import SUFFIXES, read_image

Thing = TypeVar("Thing")
SAMPLE = 5
"""About how many pictures are looked into to tell what a folder is."""
_ORIENTATION = 0x0112


def pictures(folder: Path) -> list[Path]:
    """The pictures straight in `folder`, by name; hidden ones are none."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_picture(entry.name) and entry.is_file()]
    return [folder / name for name in sorted(names)]


def is_picture(name: str) -> bool:
    """Whether a file of this name is to be read."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def below(root: Path) -> Iterator[Path]:
    """Every file in `root` and its folders, hidden ones left out, in the order of names."""
    for here, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(files) if not name.startswith("."))


def first_below(root: Path) -> Path | None:
    """The first picture in `root` and its folders."""
    return next((path for path in below(root) if is_picture(path.name)), None)


def size(path: Path) -> tuple[int, int]:
    """Width and height of the upright picture, by its header where one can. Raises ItemError."""
    try:
        with Image.open(path) as picture:
            stored = picture.format != "TIFF"  # Pillow gives a TIFF's size upright
            lies = stored and picture.getexif().get(_ORIENTATION, 1) >= 5
            return (picture.height, picture.width) if lies else picture.size
    except Exception:  # what Pillow does not know; the strict reader does, or says what is wrong
        frame, _ = read_image(path)
        return frame.shape[1], frame.shape[0]


def sampled(things: Sequence[Thing]) -> Sequence[Thing]:
    """A few of them, evenly spread."""
    return things[:: max(1, len(things) // SAMPLE)]

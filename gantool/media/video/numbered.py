"""Films as pictures with numbers in their names: `frames/%05d.png`. Does without av."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ItemError
from gantool.media.images import read_picture
from gantool.media.picture import Limits
from gantool.media.video.kinds import PATTERN

if TYPE_CHECKING:
    from gantool.pipeline import Frame

FPS = 25.0
"""Frames a second where nobody says how many."""


def files(pattern: Path) -> list[Path]:
    """Those that there are, by number."""
    match = PATTERN.search(pattern.name)
    if match is None or not pattern.parent.is_dir():
        return []
    before, after = pattern.name[: match.start()], pattern.name[match.end() :]
    digits = rf"\d{{{int(match[1] or 1)},}}"
    known = re.compile(f"{re.escape(before)}({digits}){re.escape(after)}")
    found = ((known.fullmatch(path.name), path) for path in pattern.parent.iterdir())
    numbers = {int(match[1]): path for match, path in found if match}
    return [numbers[number] for number in sorted(numbers)]


def file(pattern: Path, number: int) -> Path:
    """The one with this number. Only the first place for one is; signs of per cent are letters."""
    match = PATTERN.search(pattern.name)
    assert match
    before, after = pattern.name[: match.start()], pattern.name[match.end() :]
    return pattern.with_name(f"{before}{number:0{match[1] or 1}d}{after}")


def state(pattern: Path) -> tuple[int, int, str]:
    """Bytes of all together, when the last was changed, and a digest of names, sizes and times."""
    said = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files(pattern)]
    digest = hashlib.sha256(repr(said).encode()).hexdigest()
    return sum(each[1] for each in said), max((each[2] for each in said), default=0), digest


def pictures(pattern: Path, limits: Limits) -> Iterator[tuple[Frame, bool]]:
    """Each as H×W×3, and whether it had an alpha channel. Raises ItemError, naming the file."""
    for path in files(pattern):
        picture = read_picture(path, limits)
        if picture.timing:
            raise ItemError(f"{path}: moves: a frame of a film is a still picture")
        frame, carry = picture.frames[0]
        yield frame, carry.alpha is not None


def first(pattern: Path, limits: Limits) -> Frame:
    """The first of them. Raises ItemError where there is none."""
    for frame, _ in pictures(pattern, limits):
        return frame
    raise ItemError(f"{pattern}: no file has such a name")

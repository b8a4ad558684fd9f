"""What goes in: files, folders, patterns, lists. Nothing here opens a picture or writes a file."""

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gantool.errors import NoPictureError, UsageError
from gantool.media import heic, kinds
from gantool.media.images import RAW_SUFFIXES, SUFFIXES
from gantool.media.places import (
    Item,
    Places,
    beside,
    ending_of,
    exact,
    holds_results,
    manifest_of,
    refuse_collisions,
    root_of,
)
from gantool.media.video import numbered
from gantool.media.video.kinds import IN_FOLDERS, is_numbered

_TAKEN = SUFFIXES | IN_FOLDERS


@dataclass(frozen=True)
class Found:
    """What a run has before it, and what it does not take of the folders it was given."""

    items: tuple[Item, ...]
    left_out: Mapping[str, int]
    """How many pictures were left out, by the reason, as in «3 pictures that gantool made»."""
    unread: tuple[tuple[Path, str], ...] = ()
    """Folders that could not be looked into, and why."""


@dataclass(frozen=True)
class Choice:
    """Which of the pictures in folders and behind patterns are taken."""

    include: tuple[str, ...] = ()
    """Patterns of which a name or path must match one; none: every picture."""
    exclude: tuple[str, ...] = ()
    is_result: Callable[[Path], bool] = lambda _: False
    """Whether gantool made it."""

    def takes(self, relative: Path) -> bool:
        """By its path within the folder, or its name alone."""
        names = (relative.as_posix(), relative.name)
        wanted = not self.include or _any_matches(names, self.include)
        return wanted and not _any_matches(names, self.exclude)


OWN = "pictures that gantool made"
EVERY = Choice()


def plan(inputs: Sequence[str], places: Places, choice: Choice = EVERY) -> Found:
    """Every picture behind `inputs` with a target of its own.

    Raises UsageError for inputs that do not exist and for targets that collide with each other or
    with an input, NoPictureError where there is no picture.
    """
    left_out: Counter[str] = Counter()
    unread: list[OSError] = []
    given = list(dict.fromkeys(_expanded(inputs, choice, left_out)))
    file = exact(places, given)
    items: list[Item] = []
    for path in given:
        if file is not None:
            items.append(Item(path, file, file.parent))
        elif path.is_dir():
            tree = _Tree(path, places, choice, root_of(places.output, path, given))
            items += tree.items(left_out, unread)
        else:
            items.append(beside(path, places))
    items = list(dict.fromkeys(items))
    closed = tuple((Path(error.filename), error.strerror or str(error)) for error in unread)
    if not items:
        said = [f"{number} {what}" for what, number in left_out.items()]
        said += [f"{path}: cannot be read: {reason}" for path, reason in closed]
        raise NoPictureError(
            f"{', '.join(inputs)}: no picture in there"
            + (f" but {', '.join(said)}" if said else "")
        )
    refuse_collisions(items, places.results)
    return Found(tuple(items), left_out, closed)


def _expanded(
    inputs: Iterable[str],
    choice: Choice,
    left_out: Counter[str],
    within: frozenset[str] = frozenset(),
) -> Iterator[Path]:
    for text in inputs:
        if text in within:
            raise UsageError(f"{text}: the list names itself")
        if text.startswith("@") and not os.path.lexists(text):
            yield from _expanded(_lines(Path(text[1:])), choice, left_out, within | {text})
        elif os.path.exists(text):
            yield Path(text)
        elif is_numbered(Path(text)):
            if not numbered.files(Path(text)):
                raise NoPictureError(f"{text}: no file has such a name")
            yield Path(text)
        elif glob.has_magic(text):
            yield from _matches(text, choice, left_out)
        else:
            raise UsageError(f"{text}: no such file or folder")


def _lines(path: Path) -> list[str]:
    """Of a list; where a name may hold a line break, zeros part them, as of `find -print0`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the list of inputs cannot be read: {error.strerror}") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path}: the list of inputs is UTF-16: save it as UTF-8")
    content = content.removeprefix(b"\xef\xbb\xbf")
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]


def _matches(pattern: str, choice: Choice, left_out: Counter[str]) -> list[Path]:
    found = sorted(Path(match) for match in glob.glob(pattern, recursive=True))
    pictures = [path for path in found if path.is_file() and path.suffix.lower() in _TAKEN]
    if not pictures:
        raise NoPictureError(f"{pattern}: no picture matches")
    return [path for path in pictures if _taken(path, path, choice, left_out)]


def _taken(path: Path, relative: Path, choice: Choice, left_out: Counter[str]) -> bool:
    """Whether a picture that was not named itself is to be done; else it is counted."""
    if not choice.takes(relative):
        return False
    if choice.is_result(path):
        left_out[OWN] += 1
        return False
    return True


@dataclass(frozen=True)
class _Tree:
    """A folder whose pictures are done, mirrored to another one."""

    folder: Path
    places: Places
    choice: Choice
    root: Path | None
    """Of the results; None: beside the folder."""

    def items(self, left_out: Counter[str], unread: list[OSError]) -> list[Item]:
        """In order of their names; hidden files and the output itself are left out."""
        target, choice = self.target(), self.choice
        if any(map(holds_results, _upwards(self.folder))):
            choice = replace(choice, is_result=lambda _: False)  # results are what was asked for
        manifest = manifest_of(target, self.folder)
        items = []
        for path in self._files(target, left_out, unread):
            relative = path.relative_to(self.folder)
            if not _taken(path, relative, choice, left_out):
                continue
            ending = ending_of(path, self.places)
            items.append(Item(path, target / relative.with_suffix(ending), target, manifest))
        return items

    def target(self) -> Path:
        """The folder that mirrors this one."""
        top = self.folder if self.folder.name not in ("", "..") else self.folder.resolve()
        if not top.name and self.root is None:
            raise UsageError(f"{self.folder}: has no place beside it for results: give one with -o")
        return self.root or top.with_name(f"{top.name}-{self.places.name}")

    def _files(self, target: Path, left_out: Counter[str], unread: list[OSError]) -> Iterator[Path]:
        avoid = (self.places.output or target).resolve()
        if avoid == self.folder.resolve():
            avoid = Path()
        for here, folders, files in os.walk(self.folder, onerror=unread.append):
            folders[:] = sorted(
                each for each in folders if self._enters(Path(here, each), avoid, left_out)
            )
            for file in sorted(files):
                path = Path(here, file)
                if not file.startswith(".") and _is_picture(path, left_out):
                    yield path

    def _enters(self, folder: Path, avoid: Path, left_out: Counter[str]) -> bool:
        if folder.name.startswith(".") or folder.resolve() == avoid:
            return False
        if folder.is_symlink():
            left_out["linked folders: name them to do them"] += 1
            return False
        if holds_results(folder):
            left_out["folders of results that gantool made"] += 1
            return False
        return True


def _is_picture(path: Path, left_out: Counter[str]) -> bool:
    """By its ending; what only looks like a file is named, what needs another program counted."""
    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        left_out["camera raw files: develop them to TIFF first"] += 1
        return False
    if suffix in heic.SUFFIXES and not kinds.reads_heic():
        left_out['HEIC pictures: pip install "gantool[heif]"'] += 1
        return False
    if suffix not in _TAKEN:
        return False
    if path.is_file() or not path.exists():  # a link to nowhere is told when it is read
        return True
    left_out[f"that is no file but a socket, pipe or device ({path})"] += 1
    return False


def _upwards(folder: Path) -> Iterator[Path]:
    top = folder.resolve()
    yield top
    yield from top.parents


def _any_matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in patterns)

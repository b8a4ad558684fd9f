"""Where results go and what they are called."""

import hashlib
import itertools
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool.errors import UsageError
from gantool.media import heic
from gantool.media.images import WRITABLE, output_suffix
from gantool.media.video import kinds

RESULTS, BESIDE = ".gantool-results", ".gantool-beside"
"""How the names of manifests begin: in a folder of results alone, in one where inputs are too."""
UNWRITABLE = heic.SUFFIXES | {".ppm", ".pgm", ".pbm", ".pnm"}
_NAME_LIMIT = 255
"""Bytes that file systems allow a name."""
_ROOM = 12
"""Bytes left for what tells several results of a picture, or several runs, apart."""


@dataclass(frozen=True)
class Item:
    """One picture to do and the file its result goes to."""

    source: Path
    target: Path
    root: Path = Path()
    """The folder of the results, above `target`; its manifest lies in it."""
    manifest: str = BESIDE
    """How the name of that begins."""

    @property
    def name(self) -> str:
        """Of the target, below `root`, with slashes."""
        return self.target.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Places:
    """Where results go and what they are called."""

    name: str
    """As in `superres-x4`."""
    output: Path | None = None
    """Instead of beside the input."""
    suffix: str | None = None
    """Of another format than the input's."""
    results: tuple[str, ...] = ("",)
    """What each item gives: "" for one named as planned, else what is added to the name."""
    codec: str | None = None
    """Of films, as far as their containers depend on it."""


def named(target: Path, result: str) -> Path:
    """The file of one result of an item."""
    return target.with_stem(f"{target.stem}-{result}") if result else target


def holds_results(folder: Path) -> bool:
    """Whether results, and no inputs, were put into it."""
    try:
        return any(folder.glob(f"{RESULTS}*"))
    except OSError:  # it is told where it is looked into
        return False


def manifest_of(root: Path, folder: Path) -> str:
    """How the manifest of results in `root` is called, whose inputs are in `folder`."""
    return BESIDE if root.resolve() == folder.resolve() else RESULTS


def exact(places: Places, given: Sequence[Path]) -> Path | None:
    """The file that -o names for a single picture. Raises UsageError for one file of many."""
    output = places.output
    if output is None:
        return None
    if len(given) == 1 and _is_file_name(output, given[0]):
        if places.suffix not in (None, output.suffix.lower()):
            raise UsageError(f"-o {output}: not with --format: its ending says the format")
        _refuse_kind(output, given[0], places)
        return output
    if output.suffix.lower() in UNWRITABLE and not output.exists():
        raise UsageError(f"-o {output}: {output.suffix} cannot be written: choose .png or .jpg")
    is_pattern = kinds.is_numbered(output) and output.suffix.lower() in WRITABLE
    if output.is_file() or is_pattern or _names_one_of_several(output, given):
        raise UsageError(f"-o {output}: one file for several pictures: name a folder")
    return None


def root_of(output: Path | None, folder: Path, given: Sequence[Path]) -> Path | None:
    """Where a folder's tree goes under -o: straight into it, or by name where there are several."""
    several = sum(path.is_dir() for path in given) > 1
    return output / folder.resolve().name if output and several else output


def beside(path: Path, places: Places) -> Item:
    """A picture that was named itself, with its result beside it or in the output folder."""
    ending = ending_of(path, places)
    if places.output is not None:
        target = places.output / path.with_suffix(ending).name
        return Item(path, target, places.output, manifest_of(places.output, path.parent))
    if kinds.is_numbered(path):
        return _beside_frames(path, places, ending)
    stem = _shortened(path.stem, f"-{places.name}{ending}")
    return Item(path, path.with_name(f"{stem}-{places.name}{ending}"), path.parent)


def _beside_frames(pattern: Path, places: Places, ending: str) -> Item:
    """Numbered frames: to a folder beside theirs, or to a film beside it."""
    folder = pattern.absolute().parent
    if ending in kinds.CONTAINERS:
        target = folder.with_name(f"{folder.name}-{places.name}{ending}")
        return Item(pattern, target, target.parent)
    root = folder.with_name(f"{folder.name}-{places.name}")
    return Item(pattern, root / pattern.with_suffix(ending).name, root, RESULTS)


def _shortened(stem: str, rest: str) -> str:
    """The stem, or what of it leaves room for `rest` in a name, made distinct by its hash."""
    room = _NAME_LIMIT - len(os.fsencode(rest)) - _ROOM
    if len(os.fsencode(stem)) <= room:
        return stem
    end = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"
    while len(os.fsencode(stem + end)) > room:
        stem = stem[:-1]
    return stem + end


def _is_file_name(output: Path, given: Path) -> bool:
    known = WRITABLE | kinds.CONTAINERS.keys()
    return output.suffix.lower() in known and not output.is_dir() and not given.is_dir()


def _refuse_kind(output: Path, given: Path, places: Places) -> None:
    """Raises UsageError for a picture of a film, or a film of a picture."""
    if kinds.is_numbered(output):
        if not kinds.is_film(given):
            raise UsageError(f"-o {output}: {given} is one picture: leave the number out")
        return
    if kinds.is_film(given) == (output.suffix.lower() in kinds.CONTAINERS):
        if kinds.is_film(given):
            kinds.refuse_container(output.suffix, places.codec)
        return
    what, ending = "picture", ".png"
    if kinds.is_film(given):
        what, ending = "film", ".mp4, or frames as in frames/%06d.png"
    raise UsageError(f"-o {output}: {given} is a {what}: choose an ending as {ending}")


def _names_one_of_several(output: Path, given: Sequence[Path]) -> bool:
    several = len(given) > 1 and not any(path.is_dir() for path in given)
    return several and output.suffix.lower() in WRITABLE and not output.is_dir()


def ending_of(path: Path, places: Places) -> str:
    """Of a result: that of the format asked for, else the input's, where that can be written."""
    if kinds.is_film(path):
        return kinds.container_of(path, places.codec, places.suffix)
    if places.suffix in WRITABLE:
        return places.suffix
    kept = output_suffix(path.suffix.lower())
    return path.suffix if kept == path.suffix.lower() else kept


def refuse_collisions(items: Sequence[Item], results: Iterable[str]) -> None:
    """Raises UsageError where a result would go to an input or to that of another item."""
    sources = {_key(item.source) for item in items}
    taken: dict[str, Path] = {}
    for item, result in itertools.product(items, results):
        file = named(item.target, result)
        target = _key(file)
        if target in sources:
            raise UsageError(f"{file}: is an input; choose another place with -o")
        if taken.setdefault(target, item.source) != item.source:
            raise UsageError(
                f"{item.source} and {taken[target]} would both become {file}: "
                "run them apart, or with different -o"
            )


def _key(path: Path) -> str:
    """The same for names that are one file, also where the system tells no case apart."""
    whole = os.path.realpath(path)
    return whole.casefold() if sys.platform in ("darwin", "win32") else whole


def suffix_of(name: str) -> str:
    """`png` → `.png`. Raises UsageError for a format that cannot be written."""
    suffix = f".{name.lower().lstrip('.')}"
    if suffix not in WRITABLE | kinds.CONTAINERS.keys():
        known = ", ".join(sorted(each.lstrip(".") for each in (*WRITABLE, *kinds.CONTAINERS)))
        raise UsageError(f"--format {name}: not a format for results; there are {known}")
    return suffix

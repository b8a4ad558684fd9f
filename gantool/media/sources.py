"""What goes in and what its outputs are called. Nothing here opens a picture or writes a file."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool.errors import NoPictureError, UsageError
from gantool.media.images import SUFFIXES, WRITABLE, output_suffix


@dataclass(frozen=True)
class Item:
    """One picture to do and the file its result goes to."""

    source: Path
    target: Path


def plan(
    inputs: Sequence[str], *, name: str, output: Path | None = None, suffix: str | None = None
) -> list[Item]:
    """Every picture behind `inputs` with a target of its own.

    `name` (as in `superres-x4`) goes into the names of outputs, `output` replaces their place,
    `suffix` their format. Raises UsageError for inputs that do not exist and for targets that
    collide with each other or with an input, NoPictureError where there is no picture.
    """
    given = list(dict.fromkeys(_expanded(inputs)))
    exact = output if output and len(given) == 1 and _is_file_name(output, given[0]) else None
    if output and exact is None and (output.is_file() or _names_one_of_several(output, given)):
        raise UsageError(f"-o {output}: one file for several pictures: name a folder")
    items: list[Item] = []
    for path in given:
        if exact is not None:
            items.append(Item(path, exact))
        elif path.is_dir():
            items += _folder(path, name, output, _root(output, path, given), suffix)
        else:
            items.append(Item(path, _beside(path, name, output, suffix)))
    items = list(dict.fromkeys(items))
    if not items:
        raise NoPictureError(f"{', '.join(inputs)}: no picture in there")
    _refuse_collisions(items)
    return items


def suffix_of(name: str) -> str:
    """`png` → `.png`. Raises UsageError for a format that cannot be written."""
    suffix = f".{name.lower().lstrip('.')}"
    if suffix not in WRITABLE:
        known = ", ".join(sorted(each.lstrip(".") for each in WRITABLE))
        raise UsageError(f"--format {name}: not a format for results; there are {known}")
    return suffix


def _expanded(inputs: Iterable[str], within: frozenset[str] = frozenset()) -> Iterator[Path]:
    for text in inputs:
        if text in within:
            raise UsageError(f"{text}: the list names itself")
        if text.startswith("@") and not os.path.lexists(text):
            yield from _expanded(_lines(Path(text[1:])), within | {text})
        elif os.path.exists(text):
            yield Path(text)
        elif glob.has_magic(text):
            yield from _matches(text)
        else:
            raise UsageError(f"{text}: no such file or folder")


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the list of inputs cannot be read: {error}") from error


def _matches(pattern: str) -> list[Path]:
    found = sorted(Path(match) for match in glob.glob(pattern, recursive=True))
    pictures = [path for path in found if path.is_file() and path.suffix.lower() in SUFFIXES]
    if not pictures:
        raise NoPictureError(f"{pattern}: no picture matches")
    return pictures


def _folder(
    folder: Path, name: str, output: Path | None, root: Path | None, suffix: str | None
) -> list[Item]:
    """The tree of `folder`, mirrored; hidden files and the output itself are left out."""
    top = folder if folder.name not in ("", "..") else folder.resolve()
    if not top.name and root is None:
        raise UsageError(f"{folder}: has no place beside it for results: give one with -o")
    target = root or top.with_name(f"{top.name}-{name}")
    avoid = (output or target).resolve()
    inside = avoid != folder.resolve()
    items = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".") and not (inside and Path(here, each).resolve() == avoid)
        )
        for file in sorted(files):
            path = Path(here, file)
            if not file.startswith(".") and path.suffix.lower() in SUFFIXES:
                relative = path.relative_to(folder)
                items.append(Item(path, target / relative.with_suffix(_ending(path, suffix))))
    return items


def _root(output: Path | None, folder: Path, given: Sequence[Path]) -> Path | None:
    """Where a folder's tree goes under -o: straight into it, or by name where there are several."""
    several = sum(path.is_dir() for path in given) > 1
    return output / folder.resolve().name if output and several else output


def _beside(path: Path, name: str, output: Path | None, suffix: str | None) -> Path:
    ending = _ending(path, suffix)
    if output is not None:
        return output / path.with_suffix(ending).name
    return path.with_name(f"{path.stem}-{name}{ending}")


def _is_file_name(output: Path, given: Path) -> bool:
    return output.suffix.lower() in WRITABLE and not output.is_dir() and not given.is_dir()


def _names_one_of_several(output: Path, given: Sequence[Path]) -> bool:
    several = len(given) > 1 and not any(path.is_dir() for path in given)
    return several and output.suffix.lower() in WRITABLE and not output.is_dir()


def _ending(path: Path, suffix: str | None) -> str:
    if suffix is not None:
        return suffix
    kept = output_suffix(path.suffix.lower())
    return path.suffix if kept == path.suffix.lower() else kept


def _refuse_collisions(items: Sequence[Item]) -> None:
    sources = {os.path.realpath(item.source) for item in items}
    taken: dict[str, Path] = {}
    for item in items:
        target = os.path.realpath(item.target)
        if target in sources:
            raise UsageError(f"{item.target}: is an input; choose another place with -o")
        if target in taken:
            raise UsageError(
                f"{item.source} and {taken[target]} would both become {item.target}: "
                "run them apart, or with different -o"
            )
        taken[target] = item.source

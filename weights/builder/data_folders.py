"""Folders of links to pictures, in the layout that a recipe trains on."""

import fnmatch
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from builder.recipe_file import Source
from gantool.errors import UsageError
from gantool.training.picture_files import is_picture, pictures

Parts = Mapping[str, Sequence[Source]]
Links = dict[str, Path]
"""Pictures by the names of their links, `trainA/00-x.jpg`."""


def plan_links(
    name: str, parts: Parts, locate: Callable[[str], Path], *, most: int | None = None
) -> Links:
    """Return the links of folder `name`; `locate` gives the path of a source.

    At most `most` pictures of each source. Raises UsageError where a source has none.
    """
    links: Links = {}
    for part, sources in parts.items():
        for number, source in enumerate(sources):
            found = list_pictures(source, locate(source.pictures))[:most]
            if not found:
                raise UsageError(f"data folder {name}: no picture in {locate(source.pictures)}")
            alone = len(sources) == 1 and source.times == 1
            for copy in range(source.times):
                prefix = "" if alone else f"{number:02}{chr(97 + copy)}-"
                links |= {os.path.join(part, f"{prefix}{path.name}"): path for path in found}
    return links


def list_pictures(source: Source, place: Path) -> list[Path]:
    """Return the pictures of a source that are taken, by name; `place` is a folder or a pattern."""
    if place.is_dir():
        found = pictures(place)
    else:
        found = [path for path in sorted(place.parent.glob(place.name)) if is_picture(path.name)]
    found = [path for path in found if not fnmatch.fnmatch(path.name, source.without)]
    return [
        path
        for number, path in enumerate(found)
        if _is_chosen(number, path.name, source) != source.rest
    ]


def digest_links(links: Links) -> str:
    """Return a hash of the links' names; packed pictures keep theirs."""
    return hashlib.sha256("\n".join(sorted(links)).encode()).hexdigest()


def write_links(folder: Path, links: Links) -> None:
    """Make `folder` hold these links; what is there already stays."""
    for name, target in links.items():
        link = folder / name
        if link.is_symlink() and Path(os.readlink(link)) == target:
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _is_chosen(number: int, name: str, source: Source) -> bool:
    if source.by == "hash":
        return int(hashlib.sha256(name.encode()).hexdigest(), 16) % source.every == 0
    return (number + 1) % source.every == 0

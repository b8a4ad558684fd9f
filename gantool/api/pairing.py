"""What is compared with what: files that show one thing, by what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gantool.errors import NoPictureError, UsageError

INPUT = "input"
"""The title of a picture that models are run on."""


@dataclass(frozen=True)
class Scene:
    """One thing, and the files that show it."""

    name: str
    paths: tuple[Path, ...]
    titles: tuple[str, ...]
    reference: Path | None = None


def paired(paths: Sequence[Path]) -> tuple[list[Scene], int]:
    """Files as one scene; of folders a scene for each name that all have, and how many have none.

    Endings of names do not matter unless they tell two files of a folder apart.
    """
    titles = tuple(_titles(paths))
    if not any(path.is_dir() for path in paths):
        name = paths[0].name if len({path.name for path in paths}) == 1 else " · ".join(titles)
        return [Scene(name, tuple(paths), titles)], 0
    if not all(path.is_dir() for path in paths):
        raise UsageError("a folder is compared with folders, a picture with pictures")
    trees = [_tree(path) for path in paths]
    shared = [key for key in trees[0] if all(key in tree for tree in trees)]
    if not shared:
        raise NoPictureError(f"{', '.join(map(str, paths))}: no picture has one name in all")
    scenes = [Scene(key, tuple(tree[key] for tree in trees), titles) for key in shared]
    return scenes, sum(len(tree) - len(shared) for tree in trees)


def alone(paths: Sequence[Path]) -> list[Scene]:
    """Each picture a scene of its own."""
    found: list[Scene] = []
    for path in paths:
        tree = _tree(path) if path.is_dir() else {path.name: path}
        found += [Scene(name, (each,), (INPUT,)) for name, each in tree.items()]
    return found


def _tree(folder: Path) -> dict[str, Path]:
    """The pictures and films of a folder, by what they are called in it."""
    from gantool.media import places, sources

    items = sources.plan([str(folder)], places.Places("compare")).items
    files = [item.source.relative_to(folder) for item in items]
    stems = Counter(file.with_suffix("") for file in files)
    keys = (file if stems[file.with_suffix("")] > 1 else file.with_suffix("") for file in files)
    return {key.as_posix(): folder / file for key, file in zip(keys, files, strict=True)}


def _titles(paths: Sequence[Path]) -> Iterator[str]:
    """The last part of each path, or all of it where that is another's too."""
    names = Counter(path.name for path in paths)
    return (str(path) if names[path.name] > 1 else path.name for path in paths)


def referred(scenes: Sequence[Scene], reference: Path | None) -> Iterator[Scene]:
    """With what each is measured against. Raises UsageError where that is told for none."""
    if reference is None:
        yield from scenes
        return
    if not reference.is_dir():
        if len(scenes) > 1:
            raise UsageError(f"--reference {reference}: of several pictures it is a folder")
        yield replace(scenes[0], reference=reference)
        return
    tree = _tree(reference)
    keys = [_key(scene, tree) for scene in scenes]
    if not any(keys):
        raise NoPictureError(f"--reference {reference}: no picture there has one of the names")
    for scene, key in zip(scenes, keys, strict=True):
        yield replace(scene, reference=tree[key] if key else None)


def _key(scene: Scene, tree: Mapping[str, Path]) -> str:
    """What the picture of a scene is called there; empty where it is not."""
    names = (scene.name, Path(scene.name).with_suffix("").as_posix(), scene.paths[0].stem)
    return next((name for name in names if name in tree), "")

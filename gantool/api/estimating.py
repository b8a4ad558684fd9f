"""What a run would take: measured on one of its pictures, read off the headers of the others."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ItemError, ends_the_run, reason
from gantool.media.video.kinds import is_film

if TYPE_CHECKING:
    from gantool.api.planning import Plan
    from gantool.media.places import Item

FRAMES = 10
"""Of a film that are tried."""
TRIES = 3
"""Pictures that are tried until one of them can be done."""


@dataclass(frozen=True)
class Estimate:
    """Of all items together."""

    frames: int = 0
    """Of films, about."""
    pixels: int = 0
    """Of the results."""
    bytes: int = 0
    """On disk."""
    seconds: float = 0.0
    free: int = 0
    """Bytes free where the first result goes."""
    refused: tuple[str, ...] = ()
    """Lines about items that will fail, by what their headers tell."""


@dataclass(frozen=True)
class _Probe:
    """What a picture took, for each of its pixels."""

    pixels: float
    bytes: float
    seconds: float


def estimate(plan: Plan) -> Estimate:
    """About what `plan` takes; runs one picture of middling size in memory, writes nothing."""
    refused: list[str] = []
    sizes = dict(_sizes(plan, refused))
    groups = [
        {item: size for item, size in sizes.items() if is_film(item.source) == films}
        for films in (False, True)
    ]
    probed = [(group, next(_probes(plan, group), None)) for group in groups]
    taken = [(sum(each.pixels for each in group.values()), probe) for group, probe in probed]
    known = [(total, probe) for total, probe in taken if probe]
    return Estimate(
        sum(size.frames for size in groups[1].values()),
        round(sum(total * probe.pixels for total, probe in known)),
        round(sum(total * probe.bytes for total, probe in known)),
        sum(total * probe.seconds for total, probe in known),
        shutil.disk_usage(_existing(plan.items[0].root)).free if plan.items else 0,
        tuple(refused),
    )


@dataclass(frozen=True)
class _Size:
    pixels: int
    """Of all frames together."""
    frames: int = 1


def _sizes(plan: Plan, refused: list[str]) -> Iterator[tuple[Item, _Size]]:
    for item in plan.items:
        try:
            yield item, _size(plan, item)
        except ItemError as error:
            refused.append(reason(item.source, error))


def _size(plan: Plan, item: Item) -> _Size:
    """By its header. Raises ItemError for one that will fail."""
    from gantool.media.headers import read_header
    from gantool.media.results import check_fits

    limits = plan.rules.limits
    if is_film(item.source):
        from gantool.media.video.copying import check
        from gantool.media.video.film import probe

        film = probe(item.source, plan.rules.film, limits)
        check(film, item.target.suffix, plan.rules.film)
        return _Size(film.pixels, film.frames)
    header = read_header(item.source, limits)
    width, height = (round(side * limits.scale) for side in (header.width, header.height))
    check_fits(width, height, header.frames, item.target.suffix)
    return _Size(header.width * header.height * header.frames)


def _probes(plan: Plan, sizes: Mapping[Item, _Size]) -> Iterator[_Probe]:
    ordered: Sequence[Item] = sorted(sizes, key=lambda item: sizes[item].pixels)
    middle = len(ordered) // 2
    for item in (*ordered[middle:], *ordered[:middle])[:TRIES]:
        try:
            yield _film_probe(plan, item) if is_film(item.source) else _probe(plan, item)
        except Exception as error:  # a stranger's process may raise anything
            if ends_the_run(error):
                raise


def _probe(plan: Plan, item: Item) -> _Probe:
    from gantool import engine
    from gantool.media.images import read_picture, write_picture

    began = time.monotonic()
    picture = read_picture(item.source, plan.rules.limits)
    results = engine.applied(plan.work(), picture, plan.rules)
    size = 0
    for result in results.values():
        file = io.BytesIO()
        write_picture(file, result, item.target.suffix, quality=plan.rules.quality)
        size += file.getbuffer().nbytes
    seconds = time.monotonic() - began
    given, made = picture.pixels, sum(result.pixels for result in results.values())
    return _Probe(made / given, size / given, seconds / given)


def _film_probe(plan: Plan, item: Item) -> _Probe:
    """By its first frames."""
    from gantool import films

    given, made, size, seconds = films.tried(item, plan.work(), plan.rules, frames=FRAMES)
    return _Probe(made / given, size / given, seconds / given)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)

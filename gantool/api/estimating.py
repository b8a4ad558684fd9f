"""What a run would take: measured on one of its pictures, read off the headers of the others."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ItemError

if TYPE_CHECKING:
    from gantool.api.planning import Plan
    from gantool.media.places import Item

TRIES = 3
"""Pictures that are tried until one of them can be done."""


@dataclass(frozen=True)
class Estimate:
    """Of all items together."""

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
    probe = next(_probes(plan, sizes), None)
    if probe is None:
        return Estimate(refused=tuple(refused))
    total = sum(sizes.values())
    free = shutil.disk_usage(_existing(plan.items[0].root)).free
    return Estimate(
        round(total * probe.pixels),
        round(total * probe.bytes),
        total * probe.seconds,
        free,
        tuple(refused),
    )


def _sizes(plan: Plan, refused: list[str]) -> Iterator[tuple[Item, int]]:
    from gantool.media.headers import read_header
    from gantool.media.results import check_fits

    limits = plan.rules.limits
    for item in plan.items:
        try:
            header = read_header(item.source, limits)
            width, height = (round(side * limits.scale) for side in (header.width, header.height))
            check_fits(width, height, header.frames, item.target.suffix)
        except ItemError as error:
            text = str(error)
            named = text if str(item.source) in text else f"{item.source}: {text}"
            refused.append(named)
            continue
        yield item, header.width * header.height * header.frames


def _probes(plan: Plan, sizes: dict[Item, int]) -> Iterator[_Probe]:
    from gantool.errors import ends_the_run

    ordered: Sequence[Item] = sorted(sizes, key=lambda item: sizes[item])
    middle = len(ordered) // 2
    for item in (*ordered[middle:], *ordered[:middle])[:TRIES]:
        try:
            yield _probe(plan, item)
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


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)

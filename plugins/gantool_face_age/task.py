"""Task face-age: the faces of adults at other ages, all else left as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gantool import Pipeline, UsageError
from gantool_face_age import finding, yunet
from gantool_face_age.ageing import OLDEST, YOUNGEST, Ageing, Goal
from gantool_face_age.tracking import film

BASE, YEARS = "face-age/base", "face-age/years"
SAMPLE = Path(__file__).parent / "sample.jpg"
"""A portrait of an astronaut. NASA, public domain."""
COUNT = 6
"""Ages from the first to the last of --to."""
RANGE = re.compile(r"(\d+)\.\.(\d+)")


def face_age(
    age: Annotated[
        int | None, typer.Option(metavar="YEARS", help=f"Age to show, {YOUNGEST} to {OLDEST}.")
    ] = None,
    by: Annotated[
        int | None, typer.Option(metavar="±YEARS", help="Years to add to the age that is read.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="A..B", help=f"{COUNT} ages from A to B, a result for each."),
    ] = None,
    strip: Annotated[
        bool, typer.Option("--strip", help="With --to: one picture of all, side by side.")
    ] = False,
    faces: Annotated[
        str, typer.Option(metavar="all|largest", help="Which faces of a picture.")
    ] = "all",
    detector: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Find faces with this YuNet file, not with cascades."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
) -> Pipeline:
    """Show the faces of adults older or younger. Not for minors, nor to deceive.

    For example: gantool face-age portrait.jpg --age 65
    """
    goals = _goals(age, by, to)
    if strip and to is None:
        raise UsageError("--strip: shows the ages of --to: give both, as in --to 20..70 --strip")
    if faces not in ("all", "largest"):
        raise UsageError(f"--faces {faces}: there are all, largest")
    find = yunet.finder(detector) if detector else finding.find
    ageing = Ageing(goals, find, largest=faces == "largest", as_strip=strip)
    label = f"by{by:+d}" if by is not None else str(age) if to is None else to.replace("..", "-")
    return Pipeline(
        models=(model or BASE, YEARS),
        process=ageing.paint,
        stream=partial(film, ageing=ageing),
        label=f"{label}-strip" if strip else label,
        scale=None if strip else 1,
        results=ageing.names,
        sample=str(SAMPLE),
        kind="composite",
    )


def _goals(age: int | None, by: int | None, to: str | None) -> Sequence[Goal]:
    """The ages to show. Raises UsageError."""
    if [age, by, to].count(None) != 2:
        raise UsageError("choose one of --age 65, --by +20 and --to 20..70")
    if by is not None:
        return [Goal(by, relative=True)]
    if age is not None:
        return [Goal(_adult(age, f"--age {age}"))]
    assert to is not None
    ends = RANGE.fullmatch(to)
    first, last = (int(each) for each in ends.groups()) if ends else (0, 0)
    if first == last:
        raise UsageError(f"--to {to}: two ages, as in --to 20..70")
    for each in (first, last):
        _adult(each, f"--to {to}")
    steps = [first + (last - first) * step / (COUNT - 1) for step in range(COUNT)]
    return [Goal(years) for years in dict.fromkeys(round(step) for step in steps)]


def _adult(years: int, said: str) -> int:
    if not YOUNGEST <= years <= OLDEST:
        raise UsageError(f"{said}: ages are from {YOUNGEST} to {OLDEST}: adults only")
    return years

"""`gantool bench`: how fast it is here."""

import dataclasses
import json
import re
from typing import Annotated

import typer

from gantool import api
from gantool.api.benching import Bench
from gantool.cli import show, tables
from gantool.errors import DeviceError, UsageError


def bench(
    what: Annotated[
        str, typer.Argument(metavar="[TASK|MODEL]", help="A task, or a model by name or file.")
    ] = "superres",
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Where; several times to compare. [default: auto]"),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="auto|fp32|fp16|bf16", help="How finely.")
    ] = "auto",
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the pictures.")] = "1280x720",
    seconds: Annotated[float, typer.Option(metavar="S", help="For each device, about.")] = 6.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each device.")
    ] = False,
) -> int:
    """Say how many pictures a second a task does here. Beside it stands the bare model."""
    sides = _size(size)
    done, problem = [], 0
    for name in device or ["auto"]:
        try:
            found = api.bench(what, device=name, precision=precision, size=sides, seconds=seconds)
        except DeviceError as error:  # of several devices the others are measured
            show.say(f"gantool: {error}")
            problem = error.exit_code
            continue
        done.append(found)
        if as_json:
            values = dataclasses.asdict(found) | {"v": 1, "efficiency": found.efficiency}
            print(json.dumps(values))
    if done and not as_json:
        tables.table(HEADER, [_row(each) for each in done])
    return problem


HEADER = ("device", "picture", "bare model", "task in memory", "files to files")


def _row(found: Bench) -> tuple[str, ...]:
    return (
        found.device,
        f"{found.width}×{found.height}",
        f"{_rate(found.model)}/s",
        f"{_rate(found.engine)}/s ({found.efficiency:.0%})",
        f"{_rate(found.files)}/s ({found.overlap:.0%})",
    )


def _rate(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if match is None or not (int(match[1]) >= 16 and int(match[2]) >= 16):
        raise UsageError(f"--size {text}: as in 1280x720, 16 pixels or more a side")
    return int(match[1]), int(match[2])

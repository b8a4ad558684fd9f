"""`gantool doctor`."""

from typing import Annotated

import typer
from rich.markup import escape

from gantool import api
from gantool.cli import show

MARKS = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "    "}


def doctor(
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda[:N]", help="The device to try a tile on.")
    ] = "auto",
) -> int:
    """Say what this machine can do, try it, and name what to install."""
    findings = list(api.doctor(device))
    for finding in findings:
        show.RESULTS.print(f"{MARKS[finding.good]}{finding.name:<14} {escape(finding.text)}")
        if finding.fix:
            show.RESULTS.print(f"{'':<18} → {escape(finding.fix)}")
    return 1 if any(finding.needed and finding.good is False for finding in findings) else 0

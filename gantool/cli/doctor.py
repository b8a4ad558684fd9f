"""`gantool doctor`."""

from typing import Annotated

import typer

from gantool import api

MARKS = {True: "ok", False: "no", None: ""}


def doctor(
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda[:N]", help="The device to try a tile on.")
    ] = "auto",
) -> int:
    """Say what this machine can do, try it, and name what to install."""
    well = True
    for finding in api.doctor(device):
        print(f"{MARKS[finding.good]:<4}{finding.name:<24}{finding.text}")
        if finding.fix:
            print(f"{'':<28}→ {finding.fix}")
        well &= not (finding.needed and finding.good is False)
    return 0 if well else 1

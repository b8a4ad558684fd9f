"""`gantool doctor`."""

import dataclasses
import json
from typing import Annotated

import typer

from gantool import api
from gantool.cli import completion

MARKS = {True: "ok", False: "no", None: ""}


def doctor(
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|cuda[:N]|tensorrt[:N]|openvino|webgpu|coreml",
            help="The device that must work.",
        ),
    ] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each finding.")
    ] = False,
) -> int:
    """Say what this machine can do, and what to install.

    Every device is tried on a tile. Ends with 0 where all that is needed is there and the device
    asked for works.
    """
    well, working = True, []
    for finding in api.doctor(device):
        if finding.good:
            working.append(finding.name)
        well &= not (finding.needed and finding.good is False)
        if as_json:
            print(json.dumps({"v": 1, **dataclasses.asdict(finding)}))
            continue
        print(f"{MARKS[finding.good]:<4}{finding.name:<24}{finding.text}")
        if finding.fix:
            print(f"{'':<28}→ {finding.fix}")
    completion.remember_devices(working)
    return 0 if well else 1

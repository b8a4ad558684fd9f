"""`gantool compare`."""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gantool import api
from gantool.cli import show, tables
from gantool.cli.chatter import silenced
from gantool.cli.run_options import AcceptLicence
from gantool.cli.runs import print_paths


def compare(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="A [B]...", help="Pictures or films of one thing, or folders of such."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.html",
            help="The page. [default: compare-A-B.html, here]",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Show what these models make of each picture instead."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Measure against this picture, or against those of the same names in this folder.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where models run.")
    ] = "auto",
    accept_licence: AcceptLicence = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")] = False,
) -> int:
    """Compare pictures in a page, under a divider. They are zoomed together and measured.

    \b
    For example:
      gantool compare photo.jpg photo-superres-x4.jpg
      gantool compare photos/ one/ other/ -o report.html      those of the same names
      gantool compare photo.jpg --models superres/photo-x4,superres/photo-x4-fidelity
      gantool compare small/ --models mine.onnx,superres/photo-x4 --reference originals/
    """
    began = time.monotonic()
    names = [name for name in (each.strip() for each in (models or "").split(",")) if name]
    comparing = api.compare(
        inputs,
        models=names,
        reference=reference,
        output=output,
        device=device,
        accept_licence=accept_licence,
    )
    done = _run(comparing, quiet=quiet)
    for each in done:
        if each.problem:
            show.say(f"failed {each.problem}")
    failed = sum(bool(each.problem) for each in done)
    _print(comparing, done, as_json=as_json)
    if not quiet:
        show.say(_truth(comparing, len(done) - failed, failed, time.monotonic() - began))
    return int(failed > 0)


def _run(comparing: api.Comparing, *, quiet: bool) -> list[api.Compared]:
    done = []
    with silenced(), show.bar("pictures", len(comparing.scenes), quiet=quiet) as progress:
        for each in comparing.run(" ".join(["gantool", *sys.argv[1:]])):
            done.append(each)
            progress.advance(each.name)
    return done


def _print(comparing: api.Comparing, done: list[api.Compared], *, as_json: bool) -> None:
    """The page's name, and the measures where there are some."""
    means = api.means(done)
    written = any(not each.problem for each in done)
    if as_json:
        pictures = [
            {"name": each.name, "problem": each.problem, "metrics": _finite(each.scores)}
            for each in done
        ]
        page = str(comparing.page) if written else None
        show.out(f"{json.dumps({'page': page, 'metrics': _finite(means), 'pictures': pictures})}\n")
        return
    if means:
        names = list(next(iter(means.values())))
        rows = [(whose, *(f"{each[name]:#.4g}" for name in names)) for whose, each in means.items()]
        tables.table(("picture", *names), rows)
    if written:
        print_paths([comparing.page])


def _finite(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """JSON has no infinity; the PSNR of equal pictures becomes null."""
    return {
        whose: {name: value if math.isfinite(value) else None for name, value in each.items()}
        for whose, each in scores.items()
    }


def _truth(comparing: api.Comparing, done: int, failed: int, seconds: float) -> str:
    parts = [f"{show.count(done, 'comparison')} · {seconds:.1f} s"]
    parts += [f"{failed} failed"] if failed else []
    bare = sum(scene.reference is None for scene in comparing.scenes)
    if 0 < bare < len(comparing.scenes):
        parts.append(f"{bare} without a reference")
    left = comparing.left_out
    parts += [f"left out: {show.count(left, 'picture')} without a partner"] if left else []
    return " · ".join(parts)

"""`gantool evaluate`."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool import api
from gantool.cli import show, tables
from gantool.cli.run_options import AcceptLicence
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.evaluation import Evaluation, Measured, Scores

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|RUN", help="A model's name or file, or the folder of a training run."
    ),
]
Dataset = Annotated[
    Path,
    typer.Argument(
        metavar="DATASET",
        help="Folder of pairs, of two kinds of pictures, or of originals, as for training.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="test|val|train", help="Which part of DATASET. [default: test, else val]"),
]
MadeFrom = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="edges|grey|lowres", help="Make the inputs of a folder of targets."
    ),
]
SMALLEST = 16
"""Pixels of a side that can be measured."""
Side = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Bring the short sides of inputs and targets to N pixels before; 0 leaves them. "
        "[default: as in the model's training]",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Only the first N pictures of a kind.")
]
Features = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.onnx",
        help="Measure the kernel inception distance (KID) too, by this network: "
        "N×3×H×W float32 in [0, 1] in, N×d out. Without pairs there is only that.",
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to run.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")]


def evaluate(
    model: Model,
    dataset: Dataset,
    split: Split = None,
    made_from: MadeFrom = None,
    side: Side = None,
    limit: Limit = None,
    features: Features = None,
    device: Device = "auto",
    accept_licence: AcceptLicence = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Measure a model on pictures it has not learnt from.

    Beside each figure stands what there is without the model.

    \b
    For example:
      gantool evaluate superres/photo-x4-fidelity Set5/     originals, reduced and enlarged again
      gantool evaluate maps-pix2pix/ maps/                  pairs; those in test/ where there is one
      gantool evaluate edges2cats.onnx cats/ --from edges   pairs made from targets
      gantool evaluate monet.onnx photos2monet/ --features inception.onnx
    """
    if side and side < SMALLEST:
        raise UsageError(f"--side {side}: must be {SMALLEST} or more, or 0")
    began = time.monotonic()
    evaluation = api.evaluate(
        model,
        dataset,
        split=split,
        made_from=made_from,
        side=side,
        limit=limit,
        features=features,
        device=device,
        accept_licence=accept_licence,
    )
    rows = _measured(evaluation, quiet=quiet)
    scores = _summary(evaluation, rows, dataset)
    if as_json:
        named = {"model": model, "sha256": evaluation.session.sha256, "dataset": str(dataset)}
        print(json.dumps({**named, **_facts(evaluation, rows), "metrics": _finite(scores)}))
    else:
        _print_table(scores)
    if not quiet:
        show.say(_truth(evaluation, rows, time.monotonic() - began))
    return 1 if any(row.problem for row in rows) else 0


def _measured(evaluation: "Evaluation", *, quiet: bool) -> list["Measured"]:
    rows = []
    with show.bar("pictures", len(evaluation.samples.each), quiet=quiet) as progress:
        for row in evaluation.run():
            rows.append(row)
            progress.advance(row.source.name)
    return rows


def _summary(evaluation: "Evaluation", rows: Sequence["Measured"], dataset: Path) -> "Scores":
    """The figures; says what is missing in them. Raises UsageError where there are none."""
    scores = evaluation.summary(rows)
    problems = [row.problem for row in rows if row.problem]
    if not scores:
        number = f"{len(rows) - len(problems)} of {show.count(len(rows), 'picture')}"
        raise UsageError(f"{dataset}: {number} could be measured, too few: {problems[0]}")
    for problem in problems:
        show.say(f"failed {problem}")
    if evaluation.features and not any(name.startswith("kid") for name in scores):
        show.say("no kid: too few pictures could be measured")
    return scores


def _facts(evaluation: "Evaluation", rows: Sequence["Measured"]) -> dict[str, object]:
    """What was measured, for programs."""
    failed = sum(bool(row.problem) for row in rows)
    network = evaluation.features
    return {
        "split": evaluation.samples.split,
        "comparison": evaluation.samples.comparison,
        "count": len(rows) - failed,
        "failed": failed,
        "features": {"file": str(network.path), "sha256": network.sha256} if network else None,
    }


def _finite(scores: "Scores") -> dict[str, dict[str, float | None]]:
    """JSON has no infinity; the PSNR of equal pictures becomes null."""
    return {
        name: {whose: value if math.isfinite(value) else None for whose, value in values.items()}
        for name, values in scores.items()
    }


def _print_table(scores: "Scores") -> None:
    columns = list(dict.fromkeys(whose for values in scores.values() for whose in values))
    rows = [
        (name, *(f"{values[whose]:#.5g}" if whose in values else "" for whose in columns))
        for name, values in scores.items()
    ]
    tables.table(("metric", *(whose.replace("_", " ") for whose in columns)), rows)


def _truth(evaluation: "Evaluation", rows: Sequence["Measured"], seconds: float) -> str:
    """What really happened, in one line."""
    failed = sum(bool(row.problem) for row in rows)
    samples = evaluation.samples
    what = f"{samples.split}, {samples.comparison}" if samples.split else samples.comparison
    parts = [f"{show.count(len(rows) - failed, 'picture')} ({what})", f"{seconds:.1f} s"]
    parts.append(str(evaluation.session.device))
    return " · ".join([*parts, f"{failed} failed"] if failed else parts)

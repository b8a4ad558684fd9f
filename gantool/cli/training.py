"""`gantool train` and `gantool export`."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gantool import api
from gantool.cli import show
from gantool.cli.signals import stopping
from gantool.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600}
Recipe = Annotated[str, typer.Argument(metavar="RECIPE", help="For example superres-fidelity.")]
Dataset = Annotated[Path, typer.Argument(metavar="DATASET", help="The folder of pictures.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="RUN", help="Folder of the run. [default: DATASET-RECIPE]"
    ),
]
Preset = Annotated[str, typer.Option(metavar="tiny|fast|full", help="A set of options.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the recipe, or steps; --KEY VALUE does the same.",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Decides the first weights and the order of the data.")
]
Precision = Annotated[
    str | None,
    typer.Option(metavar="fp32|bf16", help="Of the networks' arithmetic. [default: fp32]"),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to train.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in its folder.")]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="Stop after so many more steps.")]
MaxTime = Annotated[str | None, typer.Option(metavar="2h|30m|90s", help="Stop after so long.")]
PreviewEvery = Annotated[
    int, typer.Option(min=1, help="Steps between preview sheets, in RUN/previews.")
]
NoExport = Annotated[bool, typer.Option("--no-export", help="Do not write the model file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def add_to(app: typer.Typer) -> None:
    """Put the commands into `app`."""
    extra = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(context_settings=extra)(train)
    app.command()(export)


def train(
    context: typer.Context,
    recipe: Recipe,
    dataset: Dataset,
    output: Output = None,
    preset: Preset = "fast",
    settings: Settings = None,
    seed: Seed = 0,
    precision: Precision = None,
    device: Device = "auto",
    resume: Resume = False,
    max_steps: MaxSteps = None,
    max_time: MaxTime = None,
    preview_every: PreviewEvery = 1000,
    no_export: NoExport = False,
    quiet: Quiet = False,
) -> int:
    """Train a model on a folder of pictures.

    For example: gantool train superres-fidelity photos/ --scale 4
    """
    options = api.TrainOptions(
        output=output,
        preset=preset,
        given=_pairs([*(settings or []), *_extra(context.args)]),
        seed=seed,
        precision=precision,
        device=device,
        resume=resume,
    )
    run = api.prepare_training(recipe, dataset, options)
    steps = run.train(max_steps, _seconds(max_time), preview_every)
    with (
        stopping() as stop,
        closing(steps),
        show.bar("steps", run.settings.steps, done=run.step, quiet=quiet) as progress,
    ):
        for step in steps:
            progress.advance(" ".join(f"{name} {value:.4f}" for name, value in step.losses.items()))
            if stop.signal:
                break
    if not run.finished:
        show.say(f"{run.folder}: {run.step} of {run.settings.steps} steps; go on with --resume")
    elif not no_export:
        _exported(api.export(run.folder))
    return 128 + stop.signal if stop.signal and not run.finished else 0


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training run.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.onnx",
            help="The model file. [default: RUN/RUN.onnx]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model in its contract.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", "--license", help="Its licence.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="What it was trained on, in words.")] = None,
) -> int:
    """Write the model file of a training run.

    For example: gantool export photos-superres-fidelity/
    """
    given = {"name": name, "licence": licence, "data": data}
    known = {key: value for key, value in given.items() if value is not None}
    _exported(api.export(run, output, metadata=known))
    return 0


def _exported(paths: list[Path]) -> None:
    for path in paths:
        print(path)


def _extra(arguments: list[str]) -> list[str]:
    """`--scale 4` and `--scale=4` as `scale=4`."""
    pairs, rest = [], list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise UsageError(f"{option}: an argument too many")
        if "=" not in option and not rest:
            raise UsageError(f"{option}: needs a value")
        pairs.append((option if "=" in option else f"{option}={rest.pop(0)}").lstrip("-"))
    return pairs


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"--set {text}: must be key=value")
    return dict(text.split("=", 1) for text in texts)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise UsageError(f"--max-time {text}: must be like 2h, 30m or 90s")
    return float(match[1]) * SECONDS[match[2]]

"""`gantool train` and `gantool export`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from gantool import api
from gantool.cli import training_options as options
from gantool.cli import training_talk as talk
from gantool.cli.run_options import AcceptLicence
from gantool.cli.signals import stopping
from gantool.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600}


def add_to(app: typer.Typer) -> None:
    """Put the commands into `app`."""
    extra = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(context_settings=extra)(train)
    app.command()(export)


def train(
    context: typer.Context,
    recipe: options.Recipe,
    dataset: options.Dataset,
    output: options.Output = None,
    preset: options.Preset = "fast",
    settings: options.Given = None,
    config: options.Config = None,
    init: options.Init = None,
    accept_licence: AcceptLicence = None,
    seed: options.Seed = None,
    precision: options.Precision = None,
    accumulate: options.Accumulate = None,
    device: options.Device = "auto",
    resume: options.Resume = False,
    max_steps: options.MaxSteps = None,
    max_time: options.MaxTime = None,
    preview_every: options.PreviewEvery = 1000,
    on_collapse: options.OnCollapse = "warn",
    tensorboard: options.Tensorboard = False,
    dry_run: options.DryRun = False,
    no_export: options.NoExport = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Train a model on a folder of pictures.

    For example: gantool train pix2pix cats/ --from edges --preset tiny
    """
    chosen = api.TrainOptions(
        output=output,
        preset=preset,
        given={**(context.obj or {}), **_pairs([*(settings or []), *_extra(context.args)])},
        init=init,
        seed=seed,
        precision=precision,
        accumulate=accumulate,
        device=device,
        resume=resume,
        accept_licence=accept_licence,
    )
    with stopping() as stop:
        limits = api.Limits(
            max_steps=max_steps,
            max_seconds=_seconds(max_time),
            stop=lambda: bool(stop.signal),
            on_collapse=on_collapse,
            preview_every=preview_every,
            tensorboard=tensorboard,
        )
        run = api.prepare_training(recipe, dataset, chosen)
        if dry_run:
            talk.plan(run)
            return 0
        talk.follow(run, api.train(run, limits), as_json=as_json, quiet=quiet)
    if run.finished and not no_export and run.workers.first:
        talk.exported(api.export(run.folder), as_json=as_json)
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
    best: Annotated[
        bool,
        typer.Option("--best", help="Of the checkpoint nearest to its targets, not the newest."),
    ] = False,
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
    talk.exported(api.export(run, output, best=best, metadata=known))
    return 0


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
    """The options of the recipe by the names of its signature."""
    for text in texts:
        if "=" not in text:
            raise UsageError(f"--set {text}: must be key=value")
    pairs = dict(text.split("=", 1) for text in texts)
    return {key.replace("-", "_"): value for key, value in pairs.items()}


def _seconds(text: str | None) -> float:
    if text is None:
        return float("inf")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise UsageError(f"--max-time {text}: must be like 2h, 30m or 90s")
    return float(match[1]) * SECONDS[match[2]]

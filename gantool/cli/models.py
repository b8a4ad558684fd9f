"""`gantool models`: what the catalogue has, what a model file says of itself, models of others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gantool import api
from gantool.cli import pulling, show, tables
from gantool.cli.run_options import AcceptLicence
from gantool.errors import ModelError
from gantool.pipeline import Model

app = typer.Typer(help="List, download, import and check models.", no_args_is_help=True)
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")]
Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name, or its file.")]


@app.command("list")
def list_models(
    every: Annotated[bool, typer.Option("--all", help="Those too that are not here yet.")] = False,
) -> None:
    """List the models that are here. Those of plugins and your own, with their licences."""
    models = api.models()
    shown = [model for model in models if every or api.is_here(model)]
    rows = [(model.name, _licence(model), _note(model)) for model in shown]
    tables.table(("model", "licence", "what it is"), rows)
    if len(shown) < len(models) and sys.stdout.isatty():
        show.say(f"{show.count(len(models) - len(shown), 'model')} more with --all")


@app.command("licences")
def list_licences() -> None:
    """List the licences that must be accepted. A line for each model, and where the text is."""
    asking = [model for model in api.models() if model.terms]
    rows = [(model.licence, model.name, _state(model), model.terms) for model in asking]
    tables.table(("licence", "model", "state", "text"), rows)


@app.command()
def info(name: Name) -> None:
    """What the file of a model says of itself."""
    for key, value in api.model_info(name).items():
        print(f"{key:<12} {value}")


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of models.")],
    accept_licence: AcceptLicence = None,
    quiet: Quiet = False,
) -> None:
    """Download models that are not here yet, or damaged. Prints where their files are.

    For example: gantool models pull haze/outdoor
    """
    known = {model.name for model in api.models()}
    for strange in (name for name in names if name not in known):
        api.model_path(strange)  # says which name is near
    pulling.pull(names, quiet=quiet, accept_licence=accept_licence, mend=True)
    for name in names:
        print(api.model_path(name))


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of models. [default: all that are here]"),
    ] = None,
) -> None:
    """Compare the files of models with their hashes. Exit code 4 if one differs."""
    bad = 0
    for each in api.verify(names or []):
        bad += bool(each.problem)
        print(f"{each.name}: {each.problem or 'good'}: {each.file}")
    if bad:
        lost = show.count(bad, "model")
        raise ModelError(f"{lost} not as in the catalogue: models pull mends what has URLs")


@app.command()
def path(name: Name) -> None:
    """Where the file of a model is."""
    print(api.model_path(name))


@app.command("import")
def import_model(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A checkpoint, .pth .pt .ckpt .safetensors, or an .onnx file."
        ),
    ],
    task: Annotated[
        str, typer.Option(metavar="TASK", help="What it does, as in superres or translate.")
    ],
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Its name. [default: of its file or folder]", show_default=False
        ),
    ] = "",
    licence: Annotated[
        str,
        typer.Option(
            "--licence",
            "--license",
            metavar="SPDX",
            help="Its licence. [default: unknown]",
            show_default=False,
        ),
    ] = "",
    layout: Annotated[
        str,
        typer.Option(
            metavar="nchw|nhwc",
            help="How an .onnx file takes pictures. [default: found out]",
            show_default=False,
        ),
    ] = "",
    taken: Annotated[
        str,
        typer.Option(
            "--range",
            metavar="0..1|0..255|-1..1",
            help="Black and white of an .onnx file. [default: found out]",
            show_default=False,
        ),
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace one of yours.")] = False,
) -> None:
    """Make a model of a network that another tool has trained.

    For example: gantool models import RealESRGAN_x4plus.pth --task superres --licence BSD-3-Clause
    """
    ready = api.prepare_import(
        file,
        task=task,
        name=name,
        licence=licence,
        overwrite=overwrite,
        layout=layout,
        taken=taken,
    )
    show.say(f"{file}: {ready.kind}; writing and comparing it takes a minute, large ones some")
    model = api.finish_import(ready)
    said = api.model_info(model.name)
    facts = [f"licence {model.licence}", f"halo {said['halo']}"]
    if said["parity"] != "None":  # a model of gantool may come without
        facts.append(f"parity {float(said['parity']):.2g} of 255")
    show.say(f"{said['file']}: {', '.join(facts)}")
    print(model.name)


def _licence(model: Model) -> str:
    return f"{model.licence} ({_state(model)})" if model.terms else model.licence


def _state(model: Model) -> str:
    return "accepted" if api.is_accepted(model) else "not accepted yet"


def _note(model: Model) -> str:
    if model.is_fetched and not api.is_here(model):
        return f"not here yet: {model.note}"
    return model.note if model.source or model.urls else f"not installed: {model.note}"


@app.command("rm")
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of an imported or downloaded model.")
    ],
) -> None:
    """Delete an imported or a downloaded model."""
    show.say(f"{api.remove_model(name)}: removed")

"""`gantool models`: what the catalogue has and what a model file says of itself."""

from typing import Annotated

import typer

from gantool import api
from gantool.cli import tables

app = typer.Typer(help="The catalogue of models.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name, or its file.")]


@app.command("list")
def list_models() -> None:
    """All models of the installed plugins, with licence."""
    models = sorted(api.registry().models.values(), key=lambda each: each.name)
    rows = [(model.name, model.licence, model.note) for model in models]
    tables.table(("model", "licence", "what it is"), rows)


@app.command()
def info(name: Name) -> None:
    """What the file of a model says of itself."""
    for key, value in api.model_info(name).items():
        print(f"{key:<12} {value}")


@app.command()
def path(name: Name) -> None:
    """Where the file of a model is."""
    print(api.model_path(name))

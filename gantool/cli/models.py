"""`gantool models`: what the catalogue has and what a model file says of itself."""

from typing import Annotated

import typer
from rich.table import Table

from gantool import api
from gantool.cli import show

app = typer.Typer(help="The catalogue of models.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name, or its file.")]


@app.command("list")
def list_models() -> None:
    """All models of the installed plugins, with licence."""
    table = Table("model", "licence", "what it is", box=None, pad_edge=False)
    for model in sorted(api.registry().models.values(), key=lambda each: each.name):
        table.add_row(model.name, model.licence, model.note)
    show.RESULTS.print(table)


@app.command()
def info(name: Name) -> None:
    """What the file of a model says of itself."""
    for key, value in api.model_info(name).items():
        show.RESULTS.print(f"{key:<12} {value}", markup=False)


@app.command()
def path(name: Name) -> None:
    """Where the file of a model is."""
    print(api.model_path(name))

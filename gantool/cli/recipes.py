"""`gantool recipes`."""

from typing import Annotated

import typer
from rich.table import Table

from gantool import api
from gantool.cli import show


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show all options of this recipe.")
    ] = None,
) -> None:
    """List what can be trained, or show all about one recipe.

    For example: gantool recipes pix2pix
    """
    if name is None:
        table = Table("recipe", "what it learns", box=None, pad_edge=False)
        for each in api.registry().recipes:
            table.add_row(each, api.recipe_notes(each).summary)
        show.RESULTS.print(table)
        return
    notes = api.recipe_notes(name)
    for paragraph in (notes.summary, notes.source, notes.explanation):
        show.RESULTS.print(paragraph + "\n", markup=False)
    table = Table("option", "type", "default", *notes.presets, box=None, pad_edge=False)
    for option in notes.options:
        chosen = [str(values.get(option.name, "")) for values in notes.presets.values()]
        table.add_row(option.name, option.kind, option.default, *chosen)
    steps = [str(values.get("steps", "")) for values in notes.presets.values()]
    table.add_row("steps", "int", "", *steps)
    show.RESULTS.print(table)

"""`gantool recipes`."""

import dataclasses
from typing import Annotated

import typer

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
        found = api.registry().recipes
        show.table(
            ("recipe", "what it learns"), [(each, api.recipe_notes(each).summary) for each in found]
        )
        return
    notes = api.recipe_notes(name)
    for paragraph in (notes.summary, notes.source, notes.explanation):
        print(paragraph + "\n")
    rows = [(*dataclasses.astuple(option), *notes.chosen(option.name)) for option in notes.options]
    rows.append(("steps", "int", "", *notes.chosen("steps")))
    show.table(("option", "type", "default", *notes.presets), rows)

"""`gantool recipes`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from gantool import api, recipe_notes
from gantool.cli import tables
from gantool.errors import PluginError
from gantool.recipe_notes import Notes

STEPS = "optimizer steps of the whole training"


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show all options of this recipe.")
    ] = None,
) -> None:
    """List what can be trained, or show all about one recipe.

    For example: gantool recipes pix2pix
    """
    if name is None:
        registry = api.registry()
        titles = recipe_notes.titles(registry.recipes, registry.tasks)
        header = ("recipe", "what it learns", "paper", "data", "cost")
        tables.table(header, [_row(each, title) for each, title in titles.items()])
    else:
        _describe(api.recipe_notes(name))


def _row(name: str, title: str) -> Sequence[str]:
    """A recipe that cannot be read says why; the others are listed as ever."""
    try:
        notes = api.recipe_notes(name)
    except PluginError as error:
        return title, str(error), "", "", ""
    return title, notes.summary, notes.paper, notes.data, _cost(notes)


def _cost(notes: Notes) -> str:
    """`tiny 2 min · fast 2 h`, which may be broken between presets only."""
    each = (_whole(f"{preset} {time}") for preset, time in notes.cost.items())
    return f"{tables.UNBROKEN}· ".join(each)


def _whole(text: str) -> str:
    """Never broken between two lines."""
    return text.replace(" ", tables.UNBROKEN)


def _describe(notes: Notes) -> None:
    """All about one recipe, with a command to copy."""
    for paragraph in (notes.summary, notes.citation, notes.explanation):
        if paragraph:
            print("\n".join(tables.wrapped(paragraph, tables.columns())) + "\n")
    if notes.data:
        print(f"Data: {notes.data}\n")
    tables.table(("option", "type", "default", *notes.presets, "meaning"), _options(notes))
    preset = "tiny" if "tiny" in notes.presets else next(iter(notes.presets), "fast")
    print(f"\nFor example: gantool train {notes.name} FOLDER --preset {preset}")


def _options(notes: Notes) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [
        (each.flag, each.kind, each.default, *notes.chosen(each.name), each.meaning)
        for each in notes.options
    ]
    rows.append(("--steps", "N", "", *notes.chosen("steps"), notes.steps or STEPS))
    if notes.cost:
        times = [_whole(notes.cost.get(preset, "")) for preset in notes.presets]
        rows.append(("takes", "", "", *times, "on two CPU cores"))
    return rows

"""Laws of the table that shells read: what an option is called says what is offered for it."""

from typing import Annotated

import pytest
import typer

from gantool.cli import commands, word_table
from gantool.pipeline import Model

FOREST = Model("haze/forest", "haze", "forest.onnx", "", "MIT", "")
SEA = Model("haze/sea", "haze", "sea.onnx", "", "Asking", "", terms="terms.txt")
MONET = Model("translate/monet", "translate", "monet.onnx", "", "MIT", "")


def _broken(incomplete: str) -> list[str]:
    raise RuntimeError("a stranger's")


def haze(
    inputs: Annotated[list[str] | None, typer.Argument(metavar="INPUT")] = None,
    style: Annotated[str, typer.Option(metavar="NAME")] = "",
    model: Annotated[str, typer.Option(metavar="NAME|FILE")] = "",
    accept_licence: Annotated[str, typer.Option(metavar="NAME")] = "",
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]")] = "auto",
    share: Annotated[float, typer.Option(metavar="0..1")] = 1.0,
    tile: Annotated[str, typer.Option(metavar="auto|N|off")] = "auto",
    into: Annotated[str, typer.Option(metavar="FOLDER")] = "",
    page: Annotated[str, typer.Option(metavar="FILE.html")] = "",
    colour: Annotated[str, typer.Option(autocompletion=lambda: ["red", "light blue"])] = "",
    broken: Annotated[str, typer.Option(autocompletion=_broken)] = "",
    fast: Annotated[bool, typer.Option("--fast/--slow")] = True,
    secret: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Take the haze out."""


@pytest.fixture
def takes():
    """What each word takes, with devices that were seen to work."""

    def table(*devices: str) -> dict[str, str]:
        app = typer.Typer(add_completion=False)
        app.command("haze")(haze)
        app.command("other")(lambda: None)
        known = word_table.Known(
            models={each.name: each for each in (FOREST, SEA, MONET)},
            own=frozenset(),
            recipes={},
            tasks=("haze",),
            devices=frozenset(devices),
        )
        root = commands.read(typer.main.get_command(app))
        rows = (line.split("\t") for line in word_table.table(root, known).splitlines())
        return {word: values for paths, word, values, _ in rows if "haze" in paths.split(",")}

    return table


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("*", "<file>"),
        ("--style", "forest sea"),
        ("--model", "haze/forest haze/sea <file>"),
        ("--accept-licence", "Asking"),
        ("--device", "auto cpu cuda"),
        ("--share", "-"),
        ("--tile", "auto off"),
        ("--into", "<folder>"),
        ("--page", "<file>"),
        ("--colour", "red"),  # shells would make two of «light blue»
        ("--broken", "-"),
        ("--fast", "."),
        ("--slow", "."),
        ("--help", "."),
    ],
)
def test_values_follow_from_names(takes, word, values):
    assert takes()[word] == values


def test_what_is_hidden_is_not_offered(takes):
    assert "--secret" not in takes()


def test_devices_that_did_not_work_are_not_offered(takes):
    assert takes("cpu", "GPU")["--device"] == "auto cpu"

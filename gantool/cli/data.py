"""`gantool data`: folders of training pictures, looked through and turned into pairs."""

import re
import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantool import api
from gantool.cli import show
from gantool.errors import PluginError, UsageError

if TYPE_CHECKING:
    from gantool.training.inspection import Inspection

app = typer.Typer(
    help="Check folders to train on, or make pairs of pictures.", no_args_is_help=True
)
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of pictures.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
DATA = {
    "unpaired": r"unpaired|two (folders|kinds|sets)",
    "classes": r"class",
    "pairs": r"pairs",
    "plain": r"photo|picture|folder",
}
"""What recipes say of the data they need, by layout; the first that fits counts."""


@app.command()
def check(folder: Folder, quiet: Quiet = False) -> int:
    """Say what a folder to train on is, and what to mend. Then which recipes can train on it.

    For example: gantool data check edges2cats/
    """
    found = api.check_data(folder)
    with (
        closing(found.look()) as pictures,
        show.bar("pictures", len(found.files), quiet=quiet) as progress,
    ):
        for each in pictures:
            progress.advance(each.path.name)
    remarks = list(found.remarks())
    _print(f"{folder}: {found.meaning}", _summary(found))
    _print("remarks:", map(str, remarks))
    if refusing := [remark for remark in remarks if remark.refuses]:
        more = f" (and {len(refusing) - 1} more, above)" if len(refusing) > 1 else ""
        raise UsageError(f"{folder}: not ready to train on: {refusing[0]}{more}")
    commands = list(_commands(found.splits["train"].kind, folder))
    _print("to train on it:", commands or ["no recipe for this layout is installed"])
    if found.unreadable:
        number = show.count(len(found.unreadable), "picture")
        show.say(f"{folder}: {number} cannot be read: replace or remove before training")
    return 1 if found.unreadable else 0


@app.command()
def pairs(
    folder: Folder,
    made_from: Annotated[
        Literal["edges", "grey", "lowres"],
        typer.Option("--from", metavar="edges|grey|lowres", help="What the inputs are to be."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="[default: FOLDER-FROM]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of the same names in OUT.")
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Make pairs of a folder of pictures, as files.

    OUT/A/NAME.png is the input, OUT/B/NAME.png the original.

    The folders train/, val/ and test/ are kept: OUT/train/A/NAME.png. Transparency is dropped,
    16 bits are rounded to 8. For example: gantool data pairs cats/ --from edges -o edges2cats/
    """
    output = output or _beside(folder, made_from)
    began, failed = time.monotonic(), 0
    pairing = api.make_pairs(folder, made_from, output, overwrite=overwrite)
    with (
        closing(pairing.write()) as made,
        show.bar("pairs", len(pairing.files), quiet=quiet) as progress,
    ):
        for each in made:
            if each.problem:
                failed += 1
                show.say(f"failed {each.problem}")
            progress.advance(each.source.name)
    done = len(pairing.files) - failed
    if done:
        print(output)
    if not quiet:
        show.say(_truth(done, failed, time.monotonic() - began, output))
    return 1 if failed else 0


def _print(title: str, lines: Iterable[str]) -> None:
    """A paragraph on stdout; none where there are no lines."""
    if texts := [show.one_line(f"  {line}") for line in lines]:
        print("\n".join((show.one_line(title), *texts)), flush=True)


def _summary(found: "Inspection") -> Iterator[str]:
    """A line for each part of each split: how many pictures, of what sizes."""
    for split, layout in found.splits.items():
        place = layout.root.relative_to(found.root)
        where = f"  in {place}/" if place.parts and place.name != split else ""
        for part, files in layout.parts.items():
            yield f"{split:<6} {part:<10} {len(files):>6}  {found.extent(files)}{where}"


def _commands(kind: str, folder: Path) -> Iterator[str]:
    """The command lines that train on such a layout, of the recipes that are installed."""
    kind = "pairs" if kind == "side-by-side" else kind
    for name in api.registry().recipes:
        with suppress(PluginError):  # a recipe without its source
            notes = api.recipe_notes(name)
            command = shlex.join(("gantool", "train", name, str(folder)))
            makes = [each.flag for each in notes.options if each.name == "from_"]
            if _needed(notes.data) == kind:
                yield command
            elif kind == "plain" and makes:
                yield f"{command} {makes[0]} edges"


def _needed(data: str) -> str:
    """The layout that a recipe asks for, by its own words."""
    return next((kind for kind, words in DATA.items() if re.search(words, data)), "")


def _beside(folder: Path, made_from: str) -> Path:
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return Path(f"{named}-{made_from}")


def _truth(done: int, failed: int, seconds: float, output: Path) -> str:
    """What really happened, and what to do with it, in one line."""
    parts = [show.count(done, "pair"), f"{seconds:.1f} s"]
    if failed:
        parts.append(f"{failed} failed")
    if done:
        parts += [f"train on it: {command}" for command in _commands("pairs", output)]
    return " · ".join(parts)

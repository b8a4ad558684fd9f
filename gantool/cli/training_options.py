"""The options of `gantool train`, and how a file of options goes below them."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from gantool.errors import UsageError


def configure(context: typer.Context, file: Path | None) -> Path | None:
    """Put what a file says below what the command line says.

    Options of the command become its defaults, all others are left for the recipe in `context.obj`.
    """
    if file is None:
        return None
    try:
        said = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--config {file}: {error}") from error
    if tables := [key for key, value in said.items() if isinstance(value, dict | list)]:
        raise UsageError(f"--config {file}: {tables[0]}: only lines like steps = 2000")
    said = {key.replace("-", "_"): _text(value) for key, value in said.items()}
    own = {each.name for each in context.command.params}
    context.default_map = {key: value for key, value in said.items() if key in own}
    context.obj = {key: value for key, value in said.items() if key not in own}
    return file


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Recipe = Annotated[
    str, typer.Argument(metavar="RECIPE", help="For example pix2pix; see gantool recipes.")
]
Dataset = Annotated[Path, typer.Argument(metavar="DATASET", help="The folder of pictures.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="RUN", help="Folder of the run. [default: DATASET-RECIPE]"
    ),
]
Preset = Annotated[str, typer.Option(metavar="tiny|fast|full", help="A set of options.")]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the recipe, or steps; --KEY VALUE does the same.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml",
        help="Options from a file, of the recipe and of this list; the command line goes before.",
        callback=configure,
        is_eager=True,
    ),
]
Init = Annotated[
    str | None,
    typer.Option(metavar="MODEL|FILE|RUN", help="Start from the weights of a trained model."),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Decides the first weights and the order of the data. [default: 0]"
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(metavar="fp32|bf16", help="Of the networks' arithmetic. [default: fp32]"),
]
Accumulate = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Work through each batch in N parts, to save memory."),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to train.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in its folder.")]
MaxSteps = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Stop after so many more steps.")
]
MaxTime = Annotated[str | None, typer.Option(metavar="2h|30m|90s", help="Stop after so long.")]
PreviewEvery = Annotated[
    int, typer.Option(min=1, metavar="N", help="Steps between preview sheets, in RUN/previews.")
]
OnCollapse = Annotated[
    str,
    typer.Option(metavar="stop|warn", help="When the generator collapses, drifts or does nothing."),
]
Tensorboard = Annotated[bool, typer.Option("--tensorboard", help="Write RUN/tensorboard as well.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and its time.")]
NoExport = Annotated[bool, typer.Option("--no-export", help="Do not write the model file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

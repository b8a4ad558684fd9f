"""The run options of every task, as the command line shows them."""

from pathlib import Path
from typing import Annotated, Any

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="Pictures, folders (with all below them), quoted patterns, @list.txt, - for a pipe.",
        show_default=False,
    ),
]

OPTIONS: dict[str, Any] = {
    "output": Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Folder for the results, or the file for a single one. "
            "By default beside the input, with the task in the name.",
        ),
    ],
    "device": Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where to run.")],
    "tile": Annotated[
        str,
        typer.Option(
            metavar="auto|N|off",
            help="Largest side run at once, pixels; smaller needs less memory.",
        ),
    ],
    "overwrite": Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Do pictures again whose result is already there.",
        ),
    ],
    "format": Annotated[
        str | None,
        typer.Option(
            metavar="png|jpg|webp|tif",
            help="Format of the results; by default that of the input.",
        ),
    ],
    "quality": Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Quality of JPEG and WebP. [default: 95]",
            show_default=False,
        ),
    ],
}
Demo = Annotated[bool, typer.Option("--demo", help="Run on a picture that gantool brings along.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer questions with yes.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")]

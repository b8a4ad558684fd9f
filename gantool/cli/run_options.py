"""The run options of every task, as the command line shows them."""

from pathlib import Path
from typing import Annotated, Any

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="Pictures, films, folders (with all below them), quoted patterns, @list.txt, - for a "
        "pipe.",
        show_default=False,
    ),
]


AcceptLicence = Annotated[
    str | None,
    typer.Option(
        "--accept-licence",
        "--accept-license",
        metavar="NAME",
        help="Accept the licence of a model that asks for it; needed once.",
    ),
]


def _film(kind: Any, text: str, metavar: str | None = None, *, flag: str = "") -> Any:
    """An option that is about films alone."""
    names = (flag,) if flag else ()
    return Annotated[kind, typer.Option(*names, metavar=metavar, help=f"Films: {text}")]


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
    "device": Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|cuda[:N]|tensorrt[:N]|openvino|webgpu|coreml",
            help="Where to run; gantool doctor says what there is. cuda:0,1 shares the work.",
        ),
    ],
    "precision": Annotated[
        str,
        typer.Option(
            metavar="auto|fp32|fp16|bf16",
            help="How finely 8-bit pictures are computed; auto is fp16 on a GPU where the result "
            "is as good, else fp32.",
        ),
    ],
    "tile": Annotated[
        str,
        typer.Option(
            metavar="auto|N|off",
            help="Largest side run at once, pixels; smaller needs less memory.",
        ),
    ],
    "exists": Annotated[
        str,
        typer.Option(
            metavar="auto|skip|overwrite|rename|error",
            help="Where a result is there: auto does again what changed and never replaces what "
            "other options made, or not gantool.",
        ),
    ],
    "overwrite": Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="The same as --exists overwrite: do all again.",
        ),
    ],
    "format": Annotated[
        str | None,
        typer.Option(
            metavar="jpg|png|webp|tif|gif|avif|bmp|mp4|mov|mkv|webm",
            help="Format of the results; by default that of the input.",
        ),
    ],
    "quality": Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            metavar="1..100",
            help="Quality of JPEG and WebP. [default: 95]",
            show_default=False,
        ),
    ],
    "metadata": Annotated[
        str,
        typer.Option(
            metavar="keep|strip|keep-no-gps",
            help="What results take along of EXIF, IPTC and XMP.",
        ),
    ],
    "provenance": Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Let results say, in XMP, that a model made them, and which.",
        ),
    ],
    "accept_licence": AcceptLicence,
    "offline": Annotated[
        bool,
        typer.Option("--offline", help="Download nothing; GANTOOL_OFFLINE=1 says so for good."),
    ],
    "include": Annotated[
        list[str],
        typer.Option(metavar="PATTERN", help="Of folders, only what matches, as in '*.tif'."),
    ],
    "exclude": Annotated[
        list[str], typer.Option(metavar="PATTERN", help="Of folders, not what matches.")
    ],
    "limit": Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Stop when N are done."),
    ],
    "shard": Annotated[
        str,
        typer.Option(
            metavar="K/N", help="Do the K-th of N parts: one for each of several machines."
        ),
    ],
    "max_pixels": Annotated[
        str,
        typer.Option(
            metavar="N", help="Refuse larger pictures, and results of 16 times as many pixels."
        ),
    ],
    "jobs": Annotated[
        int, typer.Option(min=1, metavar="N", help="Pictures read, and written, at once.")
    ],
    "fail_fast": Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first picture that fails.")
    ],
    "codec": _film(
        str | None,
        "encoder; by default h264 (CRF 16), for deep colour hevc (18), in webm vp9 (22).",
        "h264|hevc|vp9|av1|ffv1|prores",
    ),
    "crf": _film(int | None, "quality of the encoder; less is better and larger.", "N"),
    "pix_fmt": _film(str | None, "pixel format, as in yuv420p; by default the film's own.", "NAME"),
    "depth": _film(str, "bits, those of the film or 8.", "keep|8"),
    "audio": _film(str, "sound, copied as it is or left out.", "copy|none"),
    "subs": _film(str, "subtitles, copied or left out.", "copy|none"),
    "start": _film(str | None, "begin there, as in 90 or 1:30.", "TIME"),
    "end": _film(str | None, "stop there.", "TIME"),
    "fps": _film(float | None, "frames a second of numbered or raw frames.", "N"),
    "raw": _film(str | None, "INPUT is -, raw rgb24 frames of this size; they leave raw.", "WxH"),
    "deinterlace": _film(bool, "make whole frames of fields.", flag="--deinterlace"),
    "tonemap": _film(bool, "make of HDR a film for any screen.", flag="--tonemap"),
}
"""By the names of `RunOptions`."""

TALK: dict[str, Any] = {
    "json": Annotated[bool, typer.Option("--json", help="Events on stdout, a line of JSON each.")],
    "report": Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a page with pictures before and after, and what failed.",
            show_default=False,
        ),
    ],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")],
    "verbose": Annotated[
        bool, typer.Option("--verbose", "-v", help="Name what is skipped, and why.")
    ],
}
"""By the names of `Talk`."""

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be done, and what it takes; write nothing."),
]
Demo = Annotated[bool, typer.Option("--demo", help="Run on a picture that gantool brings along.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer questions with yes.")]

"""Shared by the gates, harm.py and droplets.py: rows with bars, the table, the exit status.

0: every bar is kept, or --report-only; 1: one is missed; 2 and more: it could not be measured, as
with gantool itself.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gantool
from gantool.errors import NoPictureError
from gantool.media.images import SUFFIXES, read_image

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One figure."""

    by: str
    check: str
    case: str
    value: float
    bar: float | None = None
    """The largest value that passes; None: only reported."""

    @property
    def passes(self) -> bool:
        return self.bar is None or self.value <= self.bar

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"≤ {self.bar:g}"
        verdict = "" if self.passes else "missed"
        text = f"{self.by:<36} {self.check:<9}{self.case:<30}{self.value:>8.3f} {bar:<8}{verdict}"
        return text.rstrip()


def run_gate(
    measure: Callable[[argparse.Namespace], Iterator[Row]], options: argparse.Namespace
) -> int:
    """Print the rows as they come and write them to `options.json`; return the exit status."""
    rows = []
    try:
        for row in measure(options):
            rows.append(row)
            print(row, flush=True)
    except gantool.GantoolError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return max(error.exit_code, 2)
    print(*summarise(rows), sep="\n")
    if options.json:
        options.json.write_text(write_table(rows))
    return int(not options.report_only and not all(row.passes for row in rows))


def summarise(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each that was measured: the worst of each check, and the bars it missed."""
    for by in dict.fromkeys(row.by for row in rows):
        own = [row for row in rows if row.by == by]
        worst: dict[str, float] = {}
        for row in own:
            worst[row.check] = max(row.value, worst.get(row.check, row.value))
        figures = " · ".join(f"{check} {value:.2f}" for check, value in worst.items())
        missed, barred = sum(not row.passes for row in own), sum(row.bar is not None for row in own)
        yield f"{by}: {figures} · {missed} of {barred} bars missed"


def write_table(rows: Sequence[Row]) -> str:
    """JSON, a row a line, each with `passes`."""
    lines = [json.dumps(asdict(row) | {"passes": row.passes}) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def make_parser(text: str | None) -> argparse.ArgumentParser:
    """The options that every gate has."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", action="append", default=[], metavar="NAME|FILE")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--report-only", action="store_true", help="exit status 0 for missed bars")
    return parser


def read_photos(folder: Path, limit: int | None = None) -> list[Frame]:
    """The first `limit` pictures of the folder, eight bits. Raises NoPictureError."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise NoPictureError(f"{folder}: no picture in it: give a folder of photographs")
    return [np.asarray(read_image(path)[0], np.uint8) for path in paths[:limit]]

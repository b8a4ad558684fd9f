"""Tables on stdout: as wide as the terminal, words kept whole; elsewhere each row is one line."""

import itertools
import re
import shutil
import sys
from collections.abc import Iterable, Sequence

import typer

GAP = 2
UNBROKEN = "\N{NO-BREAK SPACE}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns; rows of several lines stand apart."""
    head, *body = laid_out([header, *rows], columns())
    typer.secho("\n".join(head), bold=True)
    apart = any(len(lines) > 1 for lines in body)
    for lines in body:
        print("\n".join(["", *lines] if apart else lines).replace(UNBROKEN, " "))


def columns() -> int:
    """Columns of the terminal; without one there is no end to a line."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def laid_out(rows: Sequence[Sequence[str]], room: int) -> list[list[str]]:
    """The lines of each row: as few as fit into `room`, words kept whole."""
    widths = _widths(list(zip(*rows, strict=True)), room - GAP * (len(rows[0]) - 1))
    return [_lines(row, widths) for row in rows]


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [
        (" " * GAP).join(map(str.ljust, parts, widths)).rstrip()
        for parts in itertools.zip_longest(*cells, fillvalue="")
    ]


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Of each column, for the lowest rows that `room` allows."""
    tallest = max(len(wrapped(cell, 1)) for column in columns for cell in column)
    for lines in range(1, tallest + 1):
        widths = [_narrowest(column, lines) for column in columns]
        if sum(widths) <= room:
            break
    return _widened(widths, [max(map(len, column)) for column in columns], room)


def _widened(widths: Sequence[int], wanted: Sequence[int], room: int) -> list[int]:
    """What is left of `room` lets whole columns be unbroken; the rest goes to the one cut most."""
    wider = list(widths)
    order = sorted(range(len(widths)), key=lambda index: wanted[index] - widths[index])
    for index in order:
        lacking, spare = wanted[index] - widths[index], max(0, room - sum(wider))
        if lacking <= spare or index == order[-1]:
            wider[index] += min(lacking, spare)
    return wider


def _narrowest(column: Sequence[str], lines: int) -> int:
    """The least width at which no cell needs more than `lines` lines."""
    longest = max(len(word) for cell in column for word in wrapped(cell, 1))
    widest = max(longest, *(len(cell) for cell in column))
    return next(
        width
        for width in range(longest, widest + 1)
        if all(len(wrapped(cell, width)) <= lines for cell in column)
    )


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of `width` where its words allow; choices are broken after their `|`."""
    lines = [""]
    for piece in re.split(r"(?<=[ |])", text):
        if lines[-1] and len((lines[-1] + piece).rstrip(" ")) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]

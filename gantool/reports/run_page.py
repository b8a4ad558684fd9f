"""The page of a run: what failed, pictures before and after, everything else in a table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gantool import atomic
from gantool.errors import ItemError, OutputError, UsageError
from gantool.reports.page import GENERATOR, page, table, text
from gantool.reports.sights import sights
from gantool.reports.slider import SCRIPT, STYLE, slider

SHOWN = 60
"""Pictures shown at most, taken evenly from all that were done."""


@dataclass(frozen=True)
class Entry:
    """What has become of one input."""

    source: Path
    outputs: tuple[Path, ...] = ()
    state: Literal["done", "skipped", "failed"] = "done"
    reason: str = ""
    """Why it was skipped or failed, or what is to be said of its result."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    title: str
    """As in `superres x4`."""
    command: str
    """As it was typed."""
    truth: str
    """The line it ended with."""
    details: Mapping[str, str]
    entries: Sequence[Entry]


def check(path: Path, option: str = "--report") -> None:
    """Raises UsageError for a place that is not a page's, OutputError where none can be written.

    Nothing but a page that gantool wrote is ever replaced by one.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{option} {path}: must end in .html")
    if os.path.lexists(path) and not _is_page(path):
        raise UsageError(f"{option} {path}: there already, not a report of gantool: choose another")
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise OutputError(f"{option} {path}: cannot be written: {folder} is no folder to write in")


def _is_page(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return GENERATOR.encode() in file.read(4096)
    except OSError:
        return False


def write(path: Path, run: Run) -> None:
    """Write the page to one file that needs no other. Raises OutputError.

    Pictures that cannot be read (any more) are named in it.
    """
    atomic.make_folder(path.parent)
    with atomic.replacing(path) as file:
        for part in page(run.title, _body(run), style=STYLE, script=SCRIPT):
            file.write(part.encode("utf-8", "backslashreplace"))


def _body(run: Run) -> Iterator[str]:
    counts = Counter(entry.state for entry in run.entries)
    yield f"<h1>{text(run.title)}</h1>\n<p>{text(run.truth)}</p>\n"
    yield f'<p class="soft"><code>{text(run.command)}</code></p>\n'
    if counts["failed"]:
        yield f'<h2 class="bad">{counts["failed"]} failed</h2>\n'
        yield from table(("picture", "why"), _failures(run))
    done = [entry for entry in run.entries if entry.state == "done" and entry.outputs]
    if done:
        yield from _pictures(done)
    yield f"<h2>All {len(run.entries)}</h2>\n<details><summary>In a table</summary>\n"
    yield from table(("picture", "result", "", "seconds", "remark"), map(_row, run.entries))
    yield "</details>\n<h2>How</h2>\n<dl>\n"
    for key, value in run.details.items():
        yield f"<dt>{text(key)}</dt><dd>{text(value)}</dd>\n"
    yield "</dl>\n"


def _failures(run: Run) -> Iterator[tuple[object, ...]]:
    failed = (each for each in run.entries if each.state == "failed")
    return ((each.source, each.reason.removeprefix(f"{each.source}: ")) for each in failed)


def _pictures(done: Sequence[Entry]) -> Iterator[str]:
    count = min(len(done), SHOWN)
    part = "" if count == len(done) else f' <span class="soft">{count} of {len(done)}</span>'
    yield f'<h2>Before and after{part}</h2>\n<div class="cards">\n'
    for entry in (done[number * len(done) // count] for number in range(count)):
        for output in entry.outputs:
            yield _figure(entry, output)
    yield "</div>\n"


def _figure(entry: Entry, output: Path) -> str:
    names = f"<strong>{text(entry.source.name)}</strong> → {text(output)}"
    try:
        whole, close, sizes = sights(entry.source, output)
    except ItemError as error:
        caption = f'{names}<br><span class="bad">{text(error)}</span>'
        return f"<figure><figcaption>{caption}</figcaption></figure>\n"
    said = " · ".join(part for part in (sizes, _seconds(entry), entry.reason) if part)
    caption = f'{names}<br><span class="soft">{text(said)}</span>'
    return slider(whole, close, caption, label=str(entry.source))


def _row(entry: Entry) -> tuple[object, ...]:
    results = ", ".join(map(str, entry.outputs))
    seconds = f"{entry.seconds:.2f}" if entry.seconds else ""
    return entry.source, results, entry.state, seconds, entry.reason


def _seconds(entry: Entry) -> str:
    return f"{entry.seconds:.2f} s" if entry.seconds else ""

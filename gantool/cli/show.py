"""Draws runs: a bar on a terminal, plain lines elsewhere, one truth line at the end.

rich is imported where it draws: a run in a script or a pipe starts without it.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gantool import api

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar(Protocol):
    def advance(self, text: str = "", by: int = 1) -> None: ...


def print_paths(outputs: Sequence[Path]) -> None:
    """Each on a line of stdout."""
    print("".join(f"{path}\n" for path in outputs), end="", flush=True)


def run(
    plan: api.Plan, *, quiet: bool, deliver: Callable[[Sequence[Path]], None] = print_paths
) -> int:
    """Do `plan`; results go to stdout by `deliver`, all else to stderr. Returns the exit code."""
    from gantool.engine import Failed

    began, done, failed = time.monotonic(), 0, 0
    with bar("pictures", len(plan.items), quiet=quiet) as progress:
        for outcome in api.execute(plan):
            if isinstance(outcome, Failed):
                failed += 1
                say(f"failed {outcome.reason}")
            else:
                done += 1
                deliver(outcome.outputs)
            progress.advance(outcome.source.name)
    if not quiet:
        say(_truth(plan, done, failed, time.monotonic() - began))
    return 1 if failed else 0


def _truth(plan: api.Plan, done: int, failed: int, seconds: float) -> str:
    """What really happened, in one line."""
    parts = [count(done, "picture")]
    if done:
        parts += [f"{seconds:.1f} s", str(plan.device), f"{done / max(seconds, 1e-9):.1f}/s"]
    if failed:
        parts.append(f"{failed} failed")
    if plan.existing:
        parts.append(
            f"{len(plan.existing)} already there, left alone (--overwrite does them again)"
        )
    return " · ".join(parts)


@contextmanager
def bar(unit: str, total: int, *, done: int = 0, quiet: bool = False) -> Iterator[Bar]:
    """Progress over `total` units: a bar on a terminal, a line every ten seconds elsewhere."""
    if quiet or total == 0:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(unit, total, done)
    else:
        with _rich_bar() as progress:
            yield _Drawn(progress, progress.add_task("", total=total, completed=done))


def _rich_bar() -> "Progress":
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(compact=True),
        progress.TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),  # results in a file or a pipe must reach it
    )


class _Drawn:
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self.progress, self.task = progress, task

    def advance(self, text: str = "", by: int = 1) -> None:
        self.progress.update(self.task, advance=by, description=one_line(text))


class _Lines:
    """A line every ten seconds."""

    def __init__(self, unit: str, total: int, done: int) -> None:
        self.unit, self.total, self.done = unit, total, done
        self.began = self.spoken = time.monotonic()
        self.before = done

    def advance(self, text: str = "", by: int = 1) -> None:
        self.done += by
        now = time.monotonic()
        if now - self.spoken >= 10 and self.done < self.total:
            self.spoken = now
            pace = (now - self.began) / (self.done - self.before)
            left = duration((self.total - self.done) * pace)
            say(f"{self.done}/{self.total} {self.unit} {text} · {left} left")


class _Silent:
    def advance(self, text: str = "", by: int = 1) -> None: ...


def say(text: str) -> None:
    """A line on stderr."""
    print(one_line(text), file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """Control characters, which names of files may have, in a visible form."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def count(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2 days`."""
    if seconds < 60:
        return f"{max(1, seconds):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"

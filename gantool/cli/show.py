"""Draws runs: a bar on a terminal, plain lines elsewhere, one truth line at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gantool import api

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)
RESULTS = Console(highlight=False, soft_wrap=True)


class Bar(Protocol):
    def advance(self, text: str = "", by: int = 1) -> None: ...


def run(plan: api.Plan, *, quiet: bool) -> int:
    """Do `plan`; output paths go to stdout, all else to stderr. Returns the exit code."""
    from gantool.engine import Failed

    began, done, failed = time.monotonic(), 0, 0
    with bar("pictures", len(plan.items), quiet=quiet) as progress:
        for outcome in api.execute(plan):
            if isinstance(outcome, Failed):
                failed += 1
                say(f"[red]failed[/red] {escape(one_line(outcome.reason))}")
            else:
                done += 1
                for path in outcome.outputs:
                    print(path, flush=True)
            progress.advance(outcome.source.name)
    if not quiet:
        say(escape(_truth(plan, done, failed, time.monotonic() - began)))
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
    elif not ERRORS.is_terminal:
        yield _Lines(unit, total, done)
    else:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
        with Progress(*columns, TextColumn("{task.description}"), console=ERRORS) as progress:
            yield _Drawn(progress, progress.add_task("", total=total, completed=done))


class _Drawn:
    def __init__(self, progress: Progress, task: object) -> None:
        self.progress, self.task = progress, task

    def advance(self, text: str = "", by: int = 1) -> None:
        self.progress.update(self.task, advance=by, description=escape(text))  # type: ignore[arg-type]  # rich's own id type


class _Lines:
    """A line every ten seconds."""

    def __init__(self, unit: str, total: int, done: int) -> None:
        self.unit, self.total, self.done = unit, total, done
        self.spoken = time.monotonic()

    def advance(self, text: str = "", by: int = 1) -> None:
        self.done += by
        if time.monotonic() - self.spoken >= 10 and self.done < self.total:
            self.spoken = time.monotonic()
            say(escape(f"{self.done}/{self.total} {self.unit} {text}"))


class _Silent:
    def advance(self, text: str = "", by: int = 1) -> None: ...


def say(markup: str) -> None:
    """A line on stderr."""
    ERRORS.print(markup)


def one_line(text: str) -> str:
    """Control characters, which names of files may have, in a visible form."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def count(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Draws progress, a bar on a terminal and plain lines elsewhere; says lines, numbers and sizes.

rich is imported where it draws: a run in a script or a pipe starts without it.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from gantool.errors import OutputError
from gantool.outcomes import Advanced

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Unread(BaseException):
    """Nobody reads stdout any more. No OSError: Typer would take that for its own."""


class Bar(Protocol):
    def advance(self, text: str = "", by: int = 1) -> None: ...

    def within(self, film: Advanced) -> None:
        """How far a film is, of which there are `total` in all."""


@contextmanager
def bar(unit: str, total: int, *, done: int = 0, quiet: bool = False) -> Iterator[Bar]:
    """Progress over `total` units: a bar on a terminal, a line every ten seconds elsewhere."""
    if quiet or total == 0:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(unit, total, done)
    else:
        with _rich_bar() as progress:
            yield _Drawn(progress, progress.add_task("", total=total, completed=done), total == 1)


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


def byte_bar() -> "Progress":
    """For downloads: bars with bytes, pace and time left, on a terminal."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
    )


class _Drawn:
    """`alone`: there is one thing to do, so that a film has the bar for itself."""

    def __init__(self, progress: "Progress", task: "TaskID", alone: bool) -> None:
        self.progress, self.task, self.alone = progress, task, alone
        self.film: TaskID | None = None

    def advance(self, text: str = "", by: int = 1) -> None:
        if self.film is not None:
            self.progress.remove_task(self.film)
            self.film = None
        self.progress.update(self.task, advance=by, description=one_line(text), visible=True)

    def within(self, film: Advanced) -> None:
        if self.film is None:
            self.film = self.progress.add_task("")
            self.progress.update(self.task, visible=not self.alone)
        text = f"{one_line(film.source.name)} {film.fps:.1f} fps"
        most = film.total or None
        self.progress.update(self.film, completed=film.frames, total=most, description=text)


class _Lines:
    """A line every ten seconds."""

    def __init__(self, unit: str, total: int, done: int) -> None:
        self.unit, self.total, self.done = unit, total, done
        self.began = self.spoken = time.monotonic()
        self.before = done

    def advance(self, text: str = "", by: int = 1) -> None:
        self.done += by
        if self.done < self.total and self._is_due():
            pace = (time.monotonic() - self.began) / (self.done - self.before)
            left = duration((self.total - self.done) * pace)
            say(f"{self.done}/{self.total} {self.unit} {text} · {left} left")

    def within(self, film: Advanced) -> None:
        if self._is_due():
            left = f" · {duration((film.total - film.frames) / film.fps)} left"
            most = f"/{film.total}" if film.total else ""
            name = one_line(film.source.name)
            say(
                f"{film.frames}{most} frames {name} · {film.fps:.1f} fps"
                f"{left if film.total > film.frames else ''}"
            )

    def _is_due(self) -> bool:
        now = time.monotonic()
        due = now - self.spoken >= 10
        self.spoken = now if due else self.spoken
        return due


class _Silent:
    def advance(self, text: str = "", by: int = 1) -> None: ...

    def within(self, film: Advanced) -> None: ...


def out(text: str) -> None:
    """Results, to stdout at once. Raises Unread where nobody reads on, OutputError for the rest."""
    with _told():
        print(text, end="", flush=True)


def pour(content: bytes) -> None:
    """The same for a picture."""
    with _told():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise Unread from error
    except OSError as error:
        raise OutputError(f"stdout: cannot be written: {error.strerror}") from error


def say(text: str) -> None:
    """A line on stderr, where there is anybody to read it."""
    with suppress(OSError, ValueError):
        print(one_line(text), file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """Control characters, which names of files may have, in a visible form."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def count(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: int) -> str:
    """`12 kB`, `3.4 GB`."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number / 1e3:.0f} kB"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2 days`."""
    if seconds < 60:
        return f"{max(1, seconds):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"

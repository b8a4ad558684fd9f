"""Downloads of models, as they are told: a bar on a terminal, plain lines elsewhere."""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gantool import api
from gantool.cli import show

if TYPE_CHECKING:
    from rich.progress import TaskID

WAITING = "another process downloads it"
SPOKEN = 10
"""Seconds between two lines where there is no terminal."""


def pull(
    models: Iterable[str],
    *,
    quiet: bool = False,
    offline: bool = False,
    accept_licence: str | None = None,
    mend: bool = False,
) -> None:
    """`api.pull`, told. Raises ModelError, OutputError."""
    progress = api.pull(models, offline=offline, accept_licence=accept_licence, mend=mend)
    if quiet:
        for _ in progress:
            pass
    elif sys.stderr.isatty():
        _draw(progress)
    else:
        _tell(progress)


def _draw(progress: Iterator[api.Received]) -> None:
    """A bar for each download."""
    first = next(progress, None)
    if first is None:
        return
    with show.byte_bar() as bar:
        tasks: dict[str, TaskID] = {}
        for each in itertools.chain([first], progress):
            name = each.model + each.url
            if name not in tasks:
                tasks[name] = bar.add_task(show.one_line(_title(each)))
            bar.update(tasks[name], completed=each.done, total=each.total or None)


def _title(each: api.Received) -> str:
    host = urlsplit(each.url).hostname  # all of it would leave a terminal no room for the bar
    return f"{each.model} from {host}" if host else f"{each.model}: {WAITING}"


def _tell(progress: Iterator[api.Received]) -> None:
    """A line when a download begins, and every ten seconds."""
    last, spoken = ("", ""), 0.0
    for each in progress:
        now = time.monotonic()
        if (each.model, each.url) != last:
            show.say(f"{each.model}: {_beginning(each)}")
        elif now - spoken < SPOKEN:
            continue
        elif each.url:
            show.say(f"{each.model}: {show.size(each.done)} of {_whole(each)}")
        last, spoken = (each.model, each.url), now


def _beginning(each: api.Received) -> str:
    return f"downloading {_whole(each)} from {each.url}" if each.url else WAITING


def _whole(each: api.Received) -> str:
    return show.size(each.total) if each.total else "an unknown size"

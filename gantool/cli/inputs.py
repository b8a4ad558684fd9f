"""What a task runs on: what was named, a pipe, the packaged sample, the pictures here."""

import dataclasses
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import typer

from gantool import api
from gantool.cli import dry_runs, raw_frames, runs, show
from gantool.cli.runs import Talk
from gantool.errors import GantoolError, NoPictureError, UsageError

PIPE = "-"
_PART = 1 << 20
"""Bytes that are taken from a pipe, or put into one, at once: films may be larger than memory."""
Planner = Callable[[Sequence[str], api.RunOptions], api.Plan]
Way = Callable[[api.Plan], int]
"""What is done with a plan, and the exit code of that."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A task as it was called, with all its options."""

    typed: str
    """As in `translate --style monet`."""
    verb: str
    """What it does to pictures: the first word of its help."""
    label: Callable[[], str]
    """What its results are named after: `translate-monet`."""
    plan: Planner
    sample: Callable[[], Path] = lambda: api.SAMPLE
    """The picture of `--demo`."""


def run(
    call: Call,
    inputs: Sequence[str],
    options: api.RunOptions,
    *,
    demo: bool,
    yes: bool,
    talk: Talk,
    dry_run: bool,
) -> int:
    """`call` on the inputs, `-` among them, on the sample, or on what is found without either."""
    if talk.report:
        api.check_report(talk.report)
    if options.raw or (options.output == Path(PIPE) and _is_one_film(inputs)):
        return run_raw(call, inputs, options, talk)
    if options.output == Path(PIPE):
        if PIPE not in inputs:
            raise UsageError(
                "-o -: only with - for the input, or one film: name a file or a folder"
            )
        options = dataclasses.replace(options, output=None)
    if demo and inputs:
        raise UsageError("--demo brings its own picture: leave INPUT or --demo out")
    way = (
        partial(dry_runs.plan_only, as_json=talk.json) if dry_run else partial(runs.run, talk=talk)
    )
    if demo:
        return run_demo(call, options, way)
    if PIPE in inputs and dry_run:
        raise UsageError("--dry-run: not with a pipe, which can be read but once")
    if PIPE in inputs and len(inputs) > 1:
        raise UsageError("-: a pipe is one picture: give it alone")
    if PIPE in inputs:
        return run_pipe(call, options, talk)
    if inputs:
        return way(call.plan(inputs, options))
    return run_unnamed(call, options, yes=yes, talk=talk, way=way)


def run_unnamed(call: Call, options: api.RunOptions, *, yes: bool, talk: Talk, way: Way) -> int:
    """Without INPUT: what comes through a pipe, or after a question the pictures here.

    It never works on a folder that was not named, unless somebody said yes to it.
    """
    label = call.label()  # refuses wrong options before anything is asked
    if _piped():
        return run_pipe(call, options, talk)
    if not (yes or sys.stdin.isatty()):
        raise UsageError(f"no input. {_examples(call)}")
    place = options.output or Path(label)
    try:
        plan = call.plan(["."], dataclasses.replace(options, output=place))
    except NoPictureError as error:
        raise UsageError(f"no input, and no picture here. {_examples(call)}") from error
    number = show.count(len(plan.items), "picture")
    if plan.items and not yes:
        question = f"{call.verb} {number} here into {_folder(place)}?"
        if not typer.confirm(question, err=True):
            raise UsageError(f"nothing was done. {_examples(call)}")
    return way(plan)


def run_demo(call: Call, options: api.RunOptions, way: Way) -> int:
    """The picture that gantool brings along; its result goes into the current folder."""
    ending = options.format or "jpg"
    place = options.output or Path(f"demo-{call.label()}.{ending.lstrip('.')}")
    plan = call.plan([str(call.sample())], dataclasses.replace(options, output=place))
    return way(plan)


def run_pipe(call: Call, options: api.RunOptions, talk: Talk) -> int:
    """The picture that comes on stdin; its result goes to stdout, or where -o says."""
    if options.output is None and talk.json:
        raise UsageError("--json: stdout is taken by the picture: send that elsewhere with -o")
    if options.output is None and sys.stdout.isatty():
        raise UsageError("the result is a picture: send it to a file with > or -o")
    with _stdin_in_a_file(call) as source:
        place = options.output or source.with_name("result")
        plan = call.plan([str(source)], dataclasses.replace(options, output=place))
        talk = dataclasses.replace(talk, piped=source)
        if options.output is None:
            talk = dataclasses.replace(talk, deliver=_pour)
        return runs.run(plan, talk)


def run_raw(call: Call, inputs: Sequence[str], options: api.RunOptions, talk: Talk) -> int:
    """Frames of a film, or raw ones that come on stdin, to stdout as they are."""
    if talk.json or sys.stdout.isatty():
        raise UsageError("stdout takes the raw frames: send them on with | or >, without --json")
    if options.raw and (list(inputs) != [PIPE] or options.output not in (None, Path(PIPE))):
        raise UsageError("--raw: frames come with - for the input and leave on stdout")
    size = api.piping.size_of(options.raw) if options.raw else None
    with tempfile.TemporaryDirectory() as folder:  # nothing is written into it
        options = dataclasses.replace(options, output=Path(folder, "none"), raw=None)
        plan = call.plan([str(api.SAMPLE)] if size else inputs, options)
        frames = (
            api.piping.raw_frames(sys.stdin.buffer, *size) if size else api.piping.film_frames(plan)
        )
        rate = f"{options.fps or 25:g}" if size else api.piping.rate_of(plan)
        return raw_frames.pour(plan, frames, rate, talk)


def _is_one_film(inputs: Sequence[str]) -> bool:
    return len(inputs) == 1 and inputs[0] != PIPE and api.piping.is_film(Path(inputs[0]))


@contextmanager
def _stdin_in_a_file(call: Call) -> Iterator[Path]:
    head = sys.stdin.buffer.read(_PART)
    if not head:
        raise UsageError(f"nothing came through the pipe. {_examples(call)}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, f"stdin{api.ending(head)}")
        with source.open("wb") as file:
            file.write(head)
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield source


def _pour(outputs: Sequence[Path]) -> None:
    """The bytes of the one result to stdout."""
    if len(outputs) > 1:
        raise GantoolError(f"{len(outputs)} results: a pipe takes one: name a folder with -o")
    for path in outputs:
        with path.open("rb") as file:
            while part := file.read(_PART):
                show.pour(part)


def _piped() -> bool:
    """Whether stdin is a pipe or a file: neither a terminal, nor /dev/null, nor closed."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _examples(call: Call) -> str:
    typed = f"gantool {call.typed}"
    return f"For example: {typed} photo.jpg · {typed} photos/ -o results/ · {typed} --demo"


def _folder(place: Path) -> str:
    return f"{place}/" if place.is_absolute() else f"./{place}/"

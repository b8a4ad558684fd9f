"""`gantool pipe`: several tasks in a chain."""

import inspect
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gantool import api
from gantool.cli.tasks import Command, command, parameter, task_options
from gantool.errors import UsageError
from gantool.plugin_manager import TaskFunction

TEXT = """Run several tasks in one go. Pictures and films are read once and written once.

\b
For example:
  gantool pipe "derain | superres --scale 2" photos/
  gantool pipe "superres --scale 2 | translate --style monet" film.mp4 -o painted.mp4

Options of a task stand in the chain, those of the run outside it.
"""
RUNS = api.RUN_OPTIONS | api.TALK | {"o", "q", "v", "y"}
"""Options of the run, as names of parameters and as single letters."""
Chain = Annotated[
    str,
    typer.Argument(
        metavar='"TASK | TASK"', help="Tasks with their own options, parted by |, in quotes."
    ),
]


def pipe_command() -> Command:
    """`gantool pipe CHAIN INPUT...`."""
    before = [parameter("chain", Chain, inspect.Parameter.empty)]
    return command("pipe", TEXT, (_plan, _needs, _label, _sample), [], before)


def _plan(inputs: Sequence[str], options: api.RunOptions, *, chain: str) -> api.Plan:
    return api.plan_chain(links(chain), inputs, options)


def _needs(*, chain: str) -> tuple[str, ...]:
    return api.chain_models(links(chain))


def _label(*, chain: str) -> str:
    return api.chain_label(links(chain))


def _sample(*, chain: str) -> Path:
    return api.chain_sample(links(chain))


def links(chain: str) -> list[tuple[str, dict[str, Any]]]:
    """The tasks of a chain, each with its options, parsed as its own command would.

    Raises UsageError, with the number and the name of the part.
    """
    tasks = api.registry().tasks
    found = []
    for number, words in enumerate(_parts(chain), 1):
        if not words:
            raise UsageError(f"part {number} of the chain is empty: tasks are parted by one |")
        name, *rest = words
        if name not in tasks:
            raise UsageError(f"part {number}: no task {name}; there are {', '.join(sorted(tasks))}")
        try:
            found.append((name, parsed(name, tasks[name], rest)))
        except typer.TyperException as error:
            raise UsageError(f"part {number}, {name}: {_said(error)}") from error
    return found


def parsed(name: str, task: TaskFunction, words: Sequence[str]) -> dict[str, Any]:
    """The options of a task as `words` give them. Raises TyperException as its command would."""

    def given(**values: Any) -> dict[str, Any]:
        return values

    own = task_options(task)
    given.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]  # functions may carry one
    given.__annotations__ = {each.name: each.annotation for each in own}
    alone = typer.Typer(add_completion=False)
    alone.command(name, add_help_option=False)(given)
    values: dict[str, Any] = typer.main.get_command(alone)(list(words), name, standalone_mode=False)
    return values


def _parts(chain: str) -> Iterator[list[str]]:
    """The words of each part, as a shell would part them."""
    lexer = shlex.shlex(chain, posix=True, punctuation_chars="|")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        for word in lexer:
            if not re.fullmatch(r"\|+", word):
                words.append(word)
                continue
            for _ in word:
                yield words
                words = []
    except ValueError as error:  # a quotation that is not closed
        raise UsageError(f"{chain}: {str(error).lower()}") from error
    yield words


def _said(error: typer.TyperException) -> str:
    """In one line; of an option that runs have, where it belongs."""
    said = " ".join(error.format_message().split())
    option = re.match(r"No such option: -+([\w-]+)", said)
    if option and option[1].replace("-", "_") in RUNS:
        return f"{option[0]}: options of the run stand outside the chain"
    return said

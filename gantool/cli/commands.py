"""The commands and their options, read from Typer: what completions and the manual are made of."""

import contextlib
from dataclasses import dataclass

import typer
from typer._click import core as click
from typer.core import TyperArgument, TyperGroup, TyperOption


@dataclass(frozen=True)
class Parameter:
    """An option, or an argument where it has no flags."""

    name: str
    flags: tuple[str, ...]
    metavar: str
    """How its value is written, `auto|cpu`; empty for a switch, and where nothing is said."""
    switch: bool
    many: bool
    shown: str
    """As the help shows it: `-o, --output PATH`."""
    help: str
    words: tuple[str, ...]
    """Values that Typer knows itself: choices, and what a plugin's `autocompletion` gives."""


@dataclass(frozen=True)
class Command:
    path: str
    """As it is typed: `gantool models info`."""
    summary: str
    help: str
    parameters: tuple[Parameter, ...]
    commands: tuple["Command", ...]

    @property
    def name(self) -> str:
        return self.path.rpartition(" ")[2]


def read(command: click.Command, path: str = "gantool") -> Command:
    """The command and all below it, in the order of its help; what is hidden is left out."""
    context = typer.Context(command, info_name=path)
    shown = command.get_params(context)
    below = command.commands if isinstance(command, TyperGroup) else {}
    return Command(
        path=path,
        summary=command.get_short_help_str(limit=100),
        help=(command.help or "").strip(),
        parameters=tuple(
            _parameter(each, context)
            for each in shown
            if isinstance(each, TyperOption | TyperArgument) and not each.hidden
        ),
        commands=tuple(read(each, f"{path} {name}") for name, each in below.items()),
    )


def _parameter(given: TyperOption | TyperArgument, context: typer.Context) -> Parameter:
    shown, text = given.get_help_record(context) or ("", "")
    option = isinstance(given, TyperOption)
    return Parameter(
        name=given.name or "",
        flags=(*given.opts, *given.secondary_opts) if option else (),
        metavar=given.metavar or "",
        switch=isinstance(given, TyperOption) and bool(given.is_flag),
        many=given.nargs == -1,
        shown=shown if option else (given.metavar or given.name or "").strip("[]"),
        help=" ".join(text.split()),
        words=_words(given, context),
    )


def _words(given: TyperOption | TyperArgument, context: typer.Context) -> tuple[str, ...]:
    with contextlib.suppress(Exception):  # whatever a stranger's function does
        return tuple(each.value for each in given.shell_complete(context, "") if each.value)
    return ()

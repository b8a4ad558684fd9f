"""The manual page `gantool(1)`, in the man macros of troff, from the commands themselves."""

import inspect
import re
from collections.abc import Iterable, Iterator

from gantool import __version__, errors
from gantool.cli.commands import Command, Parameter

RUN = "gantool run"
"""What comes after its MODEL is common to all tasks."""
COMMON = "OPTIONS OF TASKS AND RUN"
BREAK = "\b"
"""In a help text: the paragraph keeps its lines."""
ENVIRONMENT = {
    "XDG_CACHE_HOME": "What can be made again is kept below it, in gantool/. Default: ~/.cache.",
    "XDG_DATA_HOME": "Imported models and accepted licences are kept below it, in gantool/. "
    "Default: ~/.local/share.",
    "GANTOOL_ACCEPT_LICENCE": "Names a licence that is accepted for this run.",
    "GANTOOL_DEBUG": "1 shows where in the code an unexpected error comes from.",
}
CODES = re.compile(r"(?:├──|└──) \w+ +(\d+) +(.+)")
SIGNALS = {"130, 143": "stopped by Ctrl-C or SIGTERM"}


def page(root: Command) -> str:
    """The whole manual. It states no date, so that it changes only with what it tells."""
    run = next(each for each in root.commands if each.path == RUN)
    common = list(run.parameters[1:])
    return "\n".join(
        (
            f'.TH GANTOOL 1 "" "gantool {__version__}" "User Commands"',
            *_section("NAME", [r"gantool \- image tasks built on generative adversarial networks"]),
            *_section("SYNOPSIS", [*_synopsis(root)]),
            *_section("DESCRIPTION", [*_text(root.help)]),
            *_section("COMMANDS", [*_commands(root, common)]),
            *_section(COMMON, [*_options(common)]),
            *_section("EXIT STATUS", [*_terms(_exit_codes())]),
            *_section("ENVIRONMENT", [*_terms(ENVIRONMENT.items())]),
            "",
        )
    )


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f'.SH "{title}"'
    yield from lines


def _synopsis(root: Command) -> Iterator[str]:
    yield r"\fBgantool\fP \fICOMMAND\fP [\fIOPTION\fP]... [\fIARGUMENT\fP]..."
    yield ".br"
    yield rf"\fBgantool\fP [\fICOMMAND\fP] \fB{_escaped('--help')}\fP"
    if any("--version" in each.flags for each in root.parameters):
        yield ".br"
        yield rf"\fBgantool {_escaped('--version')}\fP"


def _commands(command: Command, common: list[Parameter]) -> Iterator[str]:
    """All below `command`; options that tasks have in common are told of once."""
    for each in command.commands:
        if each.commands:
            yield from _commands(each, common)
            continue
        yield f'.SS "{" ".join(_heading(each))}"'
        yield from _text(each.help)
        yield from _options(mine for mine in each.parameters if mine not in common)
        if set(common) <= set(each.parameters):
            yield ".PP"
            yield f"For all else see {COMMON} below."


def _heading(command: Command) -> Iterator[str]:
    """`gantool run MODEL INPUT...`"""
    yield _escaped(command.path)
    for each in command.parameters:
        if not each.flags:
            yield rf"\fI{_escaped(each.shown)}\fP" + ("..." if each.many else "")


def _options(parameters: Iterable[Parameter]) -> Iterator[str]:
    """A paragraph each; what is said of `--help` is the same everywhere and left out."""
    for each in parameters:
        if each.flags != ("--help",) and (each.flags or each.help):
            yield ".TP"
            yield rf"\fB{_escaped(each.shown)}\fP"
            yield _escaped(each.help) or "."


def _terms(terms: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in terms:
        yield from (".TP", rf"\fB{_escaped(term)}\fP", _escaped(meaning))


def _exit_codes() -> Iterator[tuple[str, str]]:
    """As the module of errors has them."""
    yield "0", "all that was asked for is done"
    lines = CODES.findall(inspect.getdoc(errors) or "")
    yield from sorted(lines)
    yield from SIGNALS.items()


def _text(help_text: str) -> Iterator[str]:
    for paragraph in help_text.split("\n\n"):
        lines = inspect.cleandoc(paragraph).removeprefix(BREAK).strip("\n").splitlines()
        if paragraph.lstrip(" ").startswith(BREAK):
            yield from (".PP", ".nf", *map(_escaped, lines), ".fi")
        else:
            yield from (".PP", _escaped(" ".join(lines)))


def _escaped(text: str) -> str:
    """In ASCII, nothing in it a request; a hyphen is one that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"[^\x00-\x7f]", lambda letter: rf"\[u{ord(letter[0]):04X}]", text)
    return rf"\&{text}" if text.startswith((".", "'")) else text

"""Laws of the pages: their commands exist as they are written, their code compiles."""

import functools
import importlib.util
import re
import shlex
import textwrap
import tomllib
from pathlib import Path

import pytest
import typer
from pages import CARDS, PAGES, ROOT, SHELL, all_lines, blocks, gantool_words, mentioned
from typer._click.exceptions import BadOptionUsage, MissingParameter
from typer.core import TyperGroup

from gantool import api
from gantool.cli import app, pipes
from gantool.cli.training import _extra as extra

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PLACEHOLDERS = {"TASK": "superres", "N": "3", "…": ""}
"""Words of running text that stand for any other."""
OTHERS = {
    "pip": "a network; what it is told to install is looked at here",
    "python": "what it is told to run is looked at here",
    "python3": "what it is told to run is looked at here",
    "torchrun": "several processes; test_runs.py has what it starts in one",
    "bash": "its script is looked at here; .ci/run runs these very tests",
    "ruff": "the tool's own", "mypy": "the tool's own", "lint-imports": "the tool's own",
    "pytest": "these tests", "git": "the tool's own",
    "cd": "the shell's own", ".": "the shell's own",
    "ffmpeg": "test_runs.py has one that stands in for it",
    "twine": "a network, and an account",
}  # fmt: skip
"""Programs of others, and why they are not run from the pages."""
PLUGIN = "haze"
"""The task that a page writes; tests/test_newcomer.py goes that way."""
ELSEWHERE = ("build", "pip", "pytest", "venv")
"""Modules that `python -m` runs and that need not be here."""


@pytest.fixture(scope="module")
def root() -> TyperGroup:
    return app.build()


def parse(root, words: list[str], path: str = "gantool", parent=None) -> tuple[str, typer.Context]:
    """The command that the words are for, its options parsed and nothing run.

    Raises TyperException for an unknown command, option or value.
    """
    context = root.make_context(path, list(words), parent=parent)
    if not isinstance(root, TyperGroup):
        return path, context
    rest = [*context._protected_args, *context.args]
    if not rest:  # `gantool models` alone shows its help
        return path, context
    name, command, rest = root.resolve_command(context, rest)
    return parse(command, rest, f"{path} {name}", context)


@functools.cache
def options_of(recipe: str) -> set[str]:
    known = {each.flag.lstrip("-") for each in api.recipe_notes(recipe).options}
    return known | {"steps"}


def check(root, words: list[str]) -> None:
    """Raises where gantool would refuse the words before it looks at any file."""
    if words[:1] == [PLUGIN]:
        return
    path, context = parse(root, words)
    if path == "gantool train":
        given = {pair.partition("=")[0] for pair in extra(context.args)}
        given |= {pair.partition("=")[0] for pair in context.params.get("settings") or []}
        unknown = {each.replace("_", "-") for each in given} - options_of(context.params["recipe"])
        assert not unknown, f"no option {unknown} of {context.params['recipe']}"
    elif path == "gantool pipe":
        pipes.links(context.params["chain"])
    elif path == "gantool recipes" and context.params["name"]:
        api.recipe_notes(context.params["name"])


def check_other(command: list[str]) -> None:
    """What can be said of a stranger's command without running it."""
    program = command[0].rpartition("/")[2]
    assert program in OTHERS, f"{program} is not in the table of other programs"
    if program == "pip":
        for what in (word for word in command[1:] if word.startswith((".", "gantool["))):
            folder, _, extras = what.rstrip("]").partition("[")
            assert set(extras.split(",")) <= {"", *EXTRAS}, f"no such extras: {what}"
            assert folder == "gantool" or (ROOT / folder / "pyproject.toml").is_file(), what
    elif program.startswith("python") and command[1] == "-m":
        there = command[2] in ELSEWHERE or importlib.util.find_spec(command[2])
        assert there, f"no module {command[2]}"
    elif program in ("python", "bash"):
        assert (ROOT / command[1]).is_file(), f"no file {command[1]}"


def commands() -> list[tuple[str, str]]:
    return [(page, line.typed) for page in PAGES for line in all_lines(page)]


def test_there_are_commands():
    assert len(commands()) > 100
    assert {page for page, _ in commands()} >= {"README.md", "CONTRIBUTING.md", "docs/films.md"}


@pytest.mark.parametrize("page", [*PAGES, *CARDS])
def test_every_command_is_one_that_there_is(page, root):
    for line in all_lines(page):
        for command in line.commands:
            words = gantool_words(command)
            try:
                check_other(command) if words is None else check(root, words)
            except Exception as error:
                pytest.fail(f"{line.typed}: {error}")


@pytest.mark.parametrize("page", [*PAGES, *CARDS])
def test_commands_in_running_text_are_such_too(page, root):
    for line in mentioned(page):
        for command in line.commands:
            words = [PLACEHOLDERS.get(word, word) for word in gantool_words(command) or []]
            try:
                check(root, [word for word in words if word])
            except (MissingParameter, BadOptionUsage):  # the text names what is known already
                continue
            except Exception as error:
                pytest.fail(f"{line.typed}: {error}")


@pytest.mark.parametrize(
    "words",
    ["superrez a.jpg", "superres --scal 4 a.jpg", "models lst", "train pix2pix a/ --fron edges",
     'pipe "derain | superres --scal 2" a.jpg', "recipes pix3pix", "superres --quality x a.jpg"],
)  # fmt: skip
def test_what_is_misspelt_is_found(words, root):
    with pytest.raises((Exception, AssertionError)):
        check(root, shlex.split(words))


@pytest.mark.parametrize("command", ["pip install .[haze]", "pip install ./haze", "python haze.py",
                                     "python -m gantool_hase", "bash haze", "haze"])  # fmt: skip
def test_what_is_misspelt_of_others_is_found(command):
    with pytest.raises(AssertionError):
        check_other(command.split())


@pytest.mark.parametrize("page", PAGES)
def test_code_is_code(page):
    for block in blocks(page):
        assert block.language in (*SHELL, "python", "toml", ""), block.language
        if block.language == "python":
            body = textwrap.indent(block.text, " ")  # pages show insides of functions, too
            compile(f"def page():\n{body}", page, "exec")
        elif block.language == "toml":
            tomllib.loads(block.text)


def test_the_readme_names_every_extra():
    named = set(
        re.findall(r"`pip install (?:-e )?'\.\[(\w+)\]'`", Path(ROOT, "README.md").read_text())
    )
    assert named == set(EXTRAS)

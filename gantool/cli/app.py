"""Puts the commands together and turns every end of a run into one line and an exit code."""

import codecs
import io
import os
import sys
import warnings
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from gantool import __version__, api
from gantool.cli import (
    bench,
    compare,
    completion,
    data,
    doctor,
    evaluate,
    models,
    pipes,
    plugins,
    recipes,
    show,
    signals,
    tasks,
    training,
)
from gantool.errors import GantoolError, OutputError, PluginError
from gantool.plugin_manager import Plugin

INTRODUCTION = """Image tasks built on generative adversarial networks: tasks are plugins,
trained with PyTorch, exported to ONNX, run with onnxruntime.

\b
Start here:
  gantool superres photos/ --scale 4         photos/ enlarged, in photos-superres-x4/
  gantool translate --style monet photos/    photographs as paintings
  gantool colorize old.jpg                   a grey photograph in colours
  gantool derain rainy.jpg                   without the rain
  gantool run my.onnx photos/                any model file on pictures
  gantool train pix2pix cats/ --from edges   a model of your own
  gantool doctor                             what this machine can do

gantool COMMAND --help has all options of a command.
"""


def start(arguments: list[str]) -> int:
    """Run the command line; returns its exit code (DESIGN: one line says what went wrong)."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' notes to programmers
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("gantool", _any_text)
        sys.stdout.reconfigure(errors="gantool")
    try:
        registry = api.registry()
        signals.check()
        for plugin in registry.broken:
            _say(f"plugin {plugin} is off: {plugin.problem}")
        for clash in registry.clashes:
            _say(clash)
        _refuse_broken(arguments, registry.broken)
        root = build()
        result = root.main(arguments, prog_name="gantool", standalone_mode=False)
        completion.refresh(root)
        if result in (130, 143):  # also where Typer has eaten a KeyboardInterrupt
            _say("stopped")
        return int(result or 0)
    except GantoolError as error:
        signals.check()
        _say(str(error))
        return error.exit_code
    except typer.TyperException as error:  # a usage error, in Typer's words
        words = error.format_message()
        if words.startswith("Usage:"):  # of a group that was called without a command
            print(words)
            return 0
        _say(f"{' '.join(words.split()).replace('Value error, ', '')} (see gantool --help)")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped")
        return 130
    except show.Unread as error:
        raise BrokenPipeError from error
    except Exception as error:
        signals.check()
        if os.environ.get("GANTOOL_DEBUG"):
            raise
        _say(_unexpected(error))
        return OutputError.exit_code if isinstance(error, OSError) else 1


def build() -> TyperGroup:
    """The application: a command per task, then gantool's own."""
    app = typer.Typer(
        help=INTRODUCTION,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain text: half the start-up time
        invoke_without_command=True,
    )
    app.callback()(_bare)
    app.command("run")(tasks.run_command())
    app.command("pipe")(pipes.pipe_command())
    training.add_to(app)
    app.command("evaluate")(evaluate.evaluate)
    app.command("compare")(compare.compare)
    app.command("recipes")(recipes.recipes)
    app.add_typer(data.app, name="data")
    app.add_typer(models.app, name="models")
    app.add_typer(plugins.app, name="plugins")
    app.command("doctor")(doctor.doctor)
    app.command("bench")(bench.bench)
    app.command("completion")(completion.completion)
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    root.commands = {**_of_tasks(), **root.commands}
    return root


def _of_tasks() -> dict[str, TyperCommand]:
    """Those that Typer can make; of the others it is said why not."""
    made = {}
    for name, task in sorted(api.registry().tasks.items()):
        try:
            made[name] = tasks.made(name, task)
        except Exception as error:
            _say(f"task {name} is off: {' '.join(str(error).split())}")
    return made


def _bare(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"gantool {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def _any_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """Names of files that are no text go out as they are, letters stdout lacks as `\\u03bb`."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _refuse_broken(arguments: list[str], broken: tuple[Plugin, ...]) -> None:
    """A command that is missing because its plugin is broken is not a misspelling."""
    tasks = api.registry().tasks
    for plugin in broken:
        if arguments[:1] == [plugin.name.replace("_", "-")] and plugin.name not in tasks:
            raise PluginError(f"{arguments[0]}: its plugin is broken: {plugin.problem}")


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}"
    reason = " ".join(str(error).split())
    return (
        f"a bug: {type(error).__name__}: {reason} (GANTOOL_DEBUG=1 shows where; please report it)"
    )


def _say(line: str) -> None:
    show.say(f"gantool: {line}")

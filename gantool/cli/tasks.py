"""Commands that run pictures: one signature of a task's own options and the run options."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from gantool import api
from gantool.cli import show
from gantool.cli.run_options import OPTIONS, Inputs, Quiet
from gantool.errors import UsageError
from gantool.plugin_manager import TaskFunction, option_types

Command = Callable[..., int]
Planner = Callable[..., api.Plan]
"""(inputs, run options, **own options) → Plan."""


def task_command(name: str, task: TaskFunction) -> Command:
    """`gantool NAME INPUT...`: the task's signature gives options, its docstring the help."""
    hints = option_types(task)
    own = [
        _parameter(option.name, hints.get(option.name, str), option.default)
        for option in inspect.signature(task).parameters.values()
    ]
    return _command(name, task.__doc__ or "", own, functools.partial(api.plan, name))


def try_command(name: str, task: TaskFunction) -> None:
    """Raises where Typer cannot make a command of the task, whatever it raises."""
    alone = typer.Typer(add_completion=False)
    alone.command(name)(task_command(name, task))
    typer.main.get_command(alone)


def run_command() -> Command:
    """`gantool run MODEL INPUT...`."""
    text = "Run any model file on pictures.\n\nFor example: gantool run my.onnx photos/"
    hint = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or a name.")]
    before = [_parameter("model", hint, inspect.Parameter.empty)]
    return _command("run my.onnx", text, [], api.plan_model, before)


def _command(
    name: str,
    text: str,
    own: Sequence[inspect.Parameter],
    planner: Planner,
    before: Sequence[inspect.Parameter] = (),
) -> Command:
    """A command with the parameters `before`, INPUT..., `own`, the run options."""

    def command(inputs: list[str] | None, quiet: bool, **values: Any) -> int:
        if not inputs:
            raise UsageError(
                f"no input. For example: gantool {name} photo.jpg · gantool {name} photos/ · "
                f"gantool {name} 'photos/*.jpg' -o results/"
            )
        run_options = api.RunOptions(**{key: values.pop(key) for key in OPTIONS})
        return show.run(planner(inputs, run_options, **values), quiet=quiet)

    defaults = api.RunOptions()
    parameters = [
        *before,
        _parameter("inputs", Inputs, None),
        *own,
        *(_parameter(key, hint, getattr(defaults, key)) for key, hint in OPTIONS.items()),
        _parameter("quiet", Quiet, False),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions may carry one
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = text
    return command


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )

"""Commands that run pictures: one signature of a task's own options and the run options."""

import functools
import inspect
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gantool import api
from gantool.cli import inputs as ways_in
from gantool.cli import pulling
from gantool.cli.run_options import OPTIONS, TALK, Demo, DryRun, Inputs, Yes
from gantool.cli.runs import Talk
from gantool.pipeline import Answer
from gantool.plugin_manager import TaskFunction, option_types

Command = Callable[..., int]
Planner = Callable[..., api.Plan]
"""(inputs, run options, **own options) → Plan."""
Labeller = Callable[..., str]
"""(**own options) → what results are named after."""
Needs = Callable[..., tuple[str, ...]]
"""(**own options) → the models that are run."""
Sampler = Callable[..., Path]
"""(**own options) → the picture of `--demo`."""


def task_command(name: str, task: TaskFunction) -> Command:
    """`gantool NAME INPUT...`: the task's signature gives options, its docstring the help."""
    way = (
        functools.partial(api.plan, name),
        functools.partial(api.models_of, name),
        functools.partial(api.label, name),
        functools.partial(api.sample, name),
    )
    return command(name, task.__doc__ or "", way, task_options(task))


def task_options(task: TaskFunction) -> list[inspect.Parameter]:
    """Its signature, with annotations as Typer takes them."""
    hints = option_types(task)
    return [
        parameter(option.name, hints.get(option.name, str), option.default)
        for option in inspect.signature(task).parameters.values()
    ]


def made(name: str, task: TaskFunction) -> TyperCommand:
    """The command of a task. Where Typer cannot make one this raises whatever it raises."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(task_command(name, task))
    command = typer.main.get_command(alone)
    assert isinstance(command, TyperCommand)
    return command


def run_command() -> Command:
    """`gantool run MODEL INPUT...`."""
    text = "Run any model file on pictures.\n\nFor example: gantool run my.onnx photos/"
    hint = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or a name.")]
    before = [parameter("model", hint, inspect.Parameter.empty)]
    return command("run", text, (api.plan_model, _alone, api.model_label, _usual), [], before)


def _alone(*, model: str) -> tuple[str, ...]:
    """What is run by `gantool run`."""
    return (model,)


def _usual(*, model: str) -> Path:
    """The picture of `--demo`, whatever the model."""
    return api.SAMPLE


def command(
    name: str,
    text: str,
    way: tuple[Planner, Needs, Labeller, Sampler],
    own: Sequence[inspect.Parameter],
    before: Sequence[inspect.Parameter] = (),
) -> Command:
    """A command with the parameters `before`, INPUT..., `own`, the run options."""
    planner, needs, labeller, sampler = way
    verb = (text.split() or ["Do"])[0]

    def called(
        inputs: list[str] | None, demo: bool, yes: bool, dry_run: bool, **values: Any
    ) -> int:
        talk = Talk(**{key: values.pop(key) for key in TALK})
        options = api.RunOptions(**{key: values.pop(key) for key in OPTIONS})

        def plan(inputs: Sequence[str], options: api.RunOptions) -> api.Plan:
            quiet = talk.quiet or talk.json
            pulling.pull(
                needs(**values),
                quiet=quiet,
                offline=options.offline,
                accept_licence=options.accept_licence,
            )
            return planner(inputs, options, **values)

        call = ways_in.Call(
            typed=_typed(name, [*before, *own], values),
            verb=verb,
            label=functools.partial(labeller, **values),
            plan=plan,
            sample=functools.partial(sampler, **values),
        )
        try:
            return ways_in.run(
                call, inputs or [], options, demo=demo, yes=yes, talk=talk, dry_run=dry_run
            )
        except Answer as answer:
            print(answer)
            return 0

    defaults, silent = api.RunOptions(), Talk()
    parameters = [
        *before,
        parameter("inputs", Inputs, None),
        *own,
        *(parameter(key, hint, getattr(defaults, key)) for key, hint in OPTIONS.items()),
        parameter("dry_run", DryRun, False),
        parameter("demo", Demo, False),
        parameter("yes", Yes, False),
        *(parameter(key, hint, getattr(silent, key)) for key, hint in TALK.items()),
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions may carry one
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__doc__ = text
    return called


def _typed(name: str, own: Sequence[inspect.Parameter], values: dict[str, Any]) -> str:
    """The command with those of its own options that were given: `translate --style monet`."""
    words = [name]
    for option in own:
        value = values[option.name]
        if option.default is inspect.Parameter.empty:
            words.append(shlex.quote(str(value)))
        elif value != option.default:
            words += [f"--{option.name.replace('_', '-')}", shlex.quote(str(value))]
    return " ".join(words)


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )

"""Whether a task keeps what every task promises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gantool import api
from gantool.errors import GantoolError, UsageError
from gantool.pipeline import Model, Pipeline, Predict
from gantool.plugin_manager import TaskFunction, installed
from gantool.testing.laws import LAWS, NotApplicable
from gantool.testing.purity import assert_pure
from gantool.testing.trial import Trial


@dataclass(frozen=True)
class Verdict:
    """What came of a law: it holds, it does not (`problem`), or says nothing here (`note`)."""

    subject: str
    law: str
    problem: str = ""
    note: str = ""


def assert_task_contract(
    task: TaskFunction | str,
    *,
    options: Mapping[str, Any] | None = None,
    predicts: Sequence[Predict] | None = None,
) -> None:
    """Raises AssertionError, a line for each law that `task` breaks.

    It is called with `options`; its models are those of the catalogue, or the functions `predicts`.
    """
    function = api.task_function(task) if isinstance(task, str) else task
    verdicts = list(check_task(function, options=options, predicts=predicts))
    module = function.__module__
    if any(entry.module == module for entry in installed("gantool")):
        verdicts.append(verdict(function.__name__, "import", lambda: assert_pure(module)))
    broken = [f"  {each.law}: {each.problem}" for each in verdicts if each.problem]
    if broken:
        raise AssertionError("\n".join([f"{function.__name__} breaks:", *broken]))


def check_task(
    task: TaskFunction,
    *,
    options: Mapping[str, Any] | None = None,
    predicts: Sequence[Predict] | None = None,
    models: Mapping[str, Model] | None = None,
) -> Iterator[Verdict]:
    """A verdict for each law; `models` are those that belong to the task and are not installed."""
    subject = task.__name__.replace("_", "-")
    made: list[Pipeline] = []
    first = verdict(subject, "pipeline", lambda: made.append(_pipeline(task, options or {})))
    yield first
    if not made:
        return
    trial = Trial(made[0], {**api.registry().models, **(models or {})}, predicts)
    opened = verdict(subject, "models", lambda: [*trial.whole])
    yield opened
    if not opened.problem:
        yield from (verdict(subject, law.__name__, partial(law, trial)) for law in LAWS)


def verdict(subject: str, law: str, tried: Callable[[], object]) -> Verdict:
    """What comes of `tried`, whatever it raises; sys.exit too."""
    try:
        tried()
    except NotApplicable as reason:
        return Verdict(subject, law, note=str(reason))
    except (AssertionError, GantoolError) as error:
        said = str(error).partition("\nassert ")[0]  # pytest adds what it found
        return Verdict(subject, law, problem=_line(said) or "an assertion of its own failed")
    except (Exception, SystemExit) as error:  # a stranger's code
        return Verdict(subject, law, problem=_line(f"{type(error).__name__}: {error}"))
    return Verdict(subject, law)


def _pipeline(task: TaskFunction, options: Mapping[str, Any]) -> Pipeline:
    try:
        pipeline = task(**options)
    except UsageError as error:
        if options:
            raise
        raise NotApplicable(f"not without options: {error}") from error
    assert isinstance(pipeline, Pipeline), f"gives {pipeline!r}, which is not a Pipeline"
    assert "/" not in pipeline.label, f"its label {pipeline.label} cannot be in a file name"
    assert (task.__doc__ or "").strip(), "it has no docstring, which is the help of its command"
    return pipeline


def _line(text: str) -> str:
    return " ".join(text.split())

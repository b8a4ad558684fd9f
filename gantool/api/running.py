"""Tasks over files, done."""

from __future__ import annotations

import inspect
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.api.planning import Plan, plan, task_function
from gantool.api.run_options import RUN_OPTIONS, RunOptions
from gantool.errors import UsageError
from gantool.outcomes import Done, Failed, Outcome, Skipped

if TYPE_CHECKING:
    from gantool.media.places import Item
    from gantool.reports.run_page import Entry

LOOK_AGAIN = 0.3
"""Seconds until what another run was at is looked at again."""


def ending(content: bytes) -> str:
    """Of the file name that a picture with these bytes would have: `.jpg`."""
    from gantool.media.images import ending

    return ending(content)


def execute(plan: Plan) -> Generator[Outcome, None, None]:
    """Do the items of a plan, in order; yields what is skipped, then each as it is complete.

    What another run has in its hands is looked at again in the end.
    """
    from gantool import engine

    for folder, reason in plan.unread:
        yield Failed(folder, f"{folder}: the folder cannot be read: {reason}")
    yield from plan.batch.skipped
    todo, rules = list(plan.items), plan.rules
    try:
        while todo and rules.limit != 0 and not plan.stop.is_set():
            busy: list[Item] = []
            mine = plan.ledger.claimed(todo, busy)
            work = plan.work()
            for outcome in engine.run(mine, work, rules, ledger=plan.ledger, stop=plan.stop):
                if rules.fail_fast and isinstance(outcome, Failed):
                    plan.stop.set()  # also where writing failed
                if rules.limit and isinstance(outcome, Done):
                    rules = replace(rules, limit=rules.limit - 1)
                yield outcome
            todo = busy
            if todo:
                plan.stop.wait(LOOK_AGAIN)
    finally:
        plan.ledger.close()


def run(
    task: str, inputs: str | Path | Sequence[str | Path], **options: Any
) -> Iterator[Done | Failed | Skipped]:
    """`gantool TASK INPUT...` for notebooks: options of the task and of the run by their names.

    Yields a Done, a Failed or a Skipped per picture. Raises GantoolError before anything is
    written: `for done in gantool.run("superres", ["photos/"], scale=4, device="cpu"): ...`
    """
    mine = {name: options.pop(name) for name in RUN_OPTIONS & options.keys()}
    if mine.get("output") is not None:
        mine["output"] = Path(mine["output"])
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    known = inspect.signature(task_function(task)).parameters
    if unknown := sorted(options.keys() - known.keys()):
        raise UsageError(f"{task}: no option {unknown[0]}; there are {', '.join(sorted(known))}")
    needed = [name for name, each in known.items() if each.default is each.empty]
    if missing := [name for name in needed if name not in options]:
        raise UsageError(f"{task}: needs the option {missing[0]}")
    planned = plan(task, [str(each) for each in inputs], RunOptions(**mine), **options)
    return _outcomes(planned)


def _outcomes(plan: Plan) -> Iterator[Done | Failed | Skipped]:
    return (each for each in execute(plan) if isinstance(each, Done | Failed | Skipped))


def check_report(path: Path) -> None:
    """Raises UsageError or OutputError where the page of a run must not, or cannot, be."""
    from gantool.reports import run_page

    run_page.check(path)


def write_report(
    path: Path, plan: Plan, entries: Sequence[Entry], *, truth: str, typed: str
) -> None:
    """The page of a run: what was typed, what came of it, before and after. Raises OutputError."""
    from gantool import __version__
    from gantool.reports import run_page

    making = plan.making
    details = {
        **{f"model {name}": digest for name, digest in making.models},
        **{key: value for key, value in making.options.items() if value not in ("", "None")},
        "gantool": __version__,
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
    title = f"{making.task} {plan.pipeline.label}".strip()
    run_page.write(path, run_page.Run(title, typed, truth, details, entries))

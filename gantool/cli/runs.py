"""A run as it is told: results or events on stdout, failures and one truth line on stderr."""

import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool import api
from gantool.cli import show
from gantool.cli.chatter import silenced
from gantool.cli.show import count, say
from gantool.cli.signals import GRACE, Stop, Stopped, stopping
from gantool.errors import GantoolError
from gantool.outcomes import FOREIGN, THERE, Advanced, Done, Failed, Outcome, Skipped, Told

if TYPE_CHECKING:
    from gantool.reports.run_page import Entry

LONG = 600
"""Seconds of a run that is told to be long."""
FIRST = 5
"""Seconds after which that is told."""
NAMED = 3
"""Pictures that are named before the others are only counted."""


def print_paths(outputs: Sequence[Path]) -> None:
    """Each on a line of stdout."""
    shown = show.one_line if sys.stdout.isatty() else str  # a name may hold a terminal's orders
    show.out("".join(f"{shown(str(path))}\n" for path in outputs))


@dataclass(frozen=True)
class Talk:
    """What a run tells, and where."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    report: Path | None = None
    deliver: Callable[[Sequence[Path]], None] = print_paths
    """What is done with the results of an item; not where there are events."""
    piped: Path | None = None
    """Where what came through a pipe lies, which is nobody's business."""


@dataclass
class Tally:
    """What has come of a run so far."""

    plan: api.Plan
    talk: Talk
    began: float = field(default_factory=time.monotonic)
    done: int = 0
    films: int = 0
    frames: int = 0
    """Of films."""
    resumed: int = 0
    """Of these, what earlier runs had made."""
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    warned: bool = False
    entries: "list[Entry]" = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def take(self, outcome: Outcome) -> None:
        """Count it and tell it."""
        getattr(self, f"_{type(outcome).__name__.lower()}")(outcome)

    def _started(self, outcome: Any) -> None:
        self.event("item.start", source=outcome.source)

    def _advanced(self, outcome: Advanced) -> None:
        """The bar draws it."""

    def _told(self, outcome: Told) -> None:
        self.event("item.note", source=outcome.source, note=outcome.note)
        self.say(f"note {outcome.source}: {outcome.note}")

    def _done(self, outcome: Done) -> None:
        self.done += 1
        self.films += outcome.frames > 0
        self.frames += outcome.frames
        self.resumed += outcome.resumed
        with suppress(OSError):  # somebody may have taken it away by now
            self.bytes += sum(path.stat().st_size for path in outcome.outputs)
        self.event("item.done", **dataclasses.asdict(outcome))
        if not self.talk.json:
            self.talk.deliver(outcome.outputs)
        for note in outcome.notes:
            self.say(f"note {outcome.source}: {note}")
        figures = (f"{name} {value:.4f}" for name, value in outcome.figures.items())
        remarks = "; ".join((*outcome.notes, *figures))
        self._enter(outcome.source, outcome.outputs, "done", remarks, outcome.seconds)
        self._warn()

    def _failed(self, outcome: Failed) -> None:
        self.failed += 1
        reason, piped = outcome.reason, self.talk.piped
        if piped:
            reason = reason.replace(str(piped), "stdin")
        self.event("item.failed", source=outcome.source, reason=reason)
        say(f"failed {reason}")
        self._enter(outcome.source, (), "failed", reason)

    def _skipped(self, outcome: Skipped) -> None:
        self.skipped[outcome.reason] += 1
        self.event("item.skipped", source=outcome.source, reason=outcome.reason)
        foreign = outcome.reason == FOREIGN and self.skipped[outcome.reason] <= NAMED
        if foreign or self.talk.verbose:
            self.say(f"skipped {outcome.source}: {outcome.target} is {outcome.reason}")
        self._enter(outcome.source, (outcome.target,), "skipped", outcome.reason)

    def say(self, line: str) -> None:
        """To people."""
        if not self.talk.quiet:
            say(line)

    def event(self, name: str, **values: Any) -> None:
        """To programs: a line of JSON."""
        if self.talk.json:
            event(name, **values)

    def truth(self) -> str:
        """What really happened, in one line."""
        pictures = self.done - self.films
        parts = [count(pictures, "picture")] if pictures or not self.films else []
        parts += [count(self.films, "film"), count(self.frames, "frame")] if self.films else []
        if self.done:
            pace = (pictures + self.frames - self.resumed) / max(self.seconds, 1e-9)
            unit = "fps" if self.films and not pictures else "/s"
            parts += [f"{self.seconds:.1f} s", str(self.plan.device), _pace(pace, unit)]
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts += [f"{number} {what}{_fix(what)}" for what, number in self.skipped.items()]
        return " · ".join(parts)

    def _enter(self, *values: Any) -> None:
        if self.talk.report:
            from gantool.reports.run_page import Entry

            self.entries.append(Entry(*values))

    def _warn(self) -> None:
        """Once, when the first results show that it will take long."""
        if self.warned or self.seconds < FIRST:
            return
        self.warned = True
        rest = self.plan.most - self.done - self.failed
        left = self.seconds / (self.done + self.failed) * rest
        if left < LONG:
            return
        disk = show.size(self.bytes // self.done * rest)
        faster = "" if self.plan.device.name != "cpu" else " · faster on a GPU, see gantool doctor"
        self.say(f"about {show.duration(left)} more for {rest} pictures, {disk} on disk{faster}")


def run(plan: api.Plan, talk: Talk) -> int:
    """Do `plan` and tell of it. Returns the exit code."""
    tally = Tally(plan, talk)
    for what, number in plan.left_out.items():
        tally.say(f"left out: {number} {what}")
    tally.event("run.start", **_start(plan))
    code = 1
    with silenced(), stopping(plan.cancel, grace=GRACE) as stop:
        try:
            _follow(plan, tally)
            code = _code(tally, stop)
        except GantoolError as error:
            code = error.exit_code
            raise
        except Stopped as stopped:
            code = 128 + stopped.number
            raise
        finally:
            _end(tally, code)
    return code


def _follow(plan: api.Plan, tally: Tally) -> None:
    with (
        show.bar("pictures", plan.most, quiet=tally.talk.quiet) as progress,
        closing(api.execute(plan)) as outcomes,
    ):
        for outcome in outcomes:
            tally.take(outcome)
            if isinstance(outcome, Advanced):
                progress.within(outcome)
            if isinstance(outcome, Done | Failed):
                progress.advance(outcome.source.name)


def _code(tally: Tally, stop: Stop) -> int:
    return 128 + stop.signal if stop.signal else int(tally.failed > 0)


def _end(tally: Tally, code: int) -> None:
    truth = tally.truth()
    tally.event(
        "run.end",
        done=tally.done,
        failed=tally.failed,
        skipped=sum(tally.skipped.values()),
        seconds=round(tally.seconds, 3),
        exit_code=code,
    )
    tally.say(truth)
    if tally.talk.report:
        api.write_report(tally.talk.report, tally.plan, tally.entries, truth=truth, typed=_typed())


def _start(plan: api.Plan) -> Mapping[str, Any]:
    return {
        "task": plan.making.task,
        "options": plan.making.options,
        "models": [{"name": name, "sha256": digest} for name, digest in plan.making.models],
        "device": plan.device.name,
        "items": len(plan.items),
    }


def event(name: str, **values: Any) -> None:
    """A line of JSON for programs."""
    show.out(f"{json.dumps({'v': 1, 'event': name, **values}, default=str)}\n")


def _pace(number: float, unit: str) -> str:
    return f"{number:.1f} {unit}" if unit == "fps" else f"{number:.1f}{unit}"


def _fix(reason: str) -> str:
    return " (--overwrite replaces it)" if reason in (FOREIGN, THERE) else ""


def _typed() -> str:
    return " ".join(["gantool", *sys.argv[1:]])

"""One session of a run: trains until it is finished or told to stop; saves, looks and tells."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain

from gantool.errors import GantoolError
from gantool.training.journal import Journal
from gantool.training.loop import Progress
from gantool.training.monitors import FAILURES, Event, Watch, look
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.system import Batch, Choosy, Dataset, Prepared

LOG_EVERY, LOOK_EVERY = 50, 100
SAVE_EVERY, SAVE_SECONDS = 1000, 300.0
TELL_SECONDS = 15.0
"""Between two lines on how far the data are prepared."""
SKIPS = 3
"""Steps in a row without a finite loss after which the run goes back to its checkpoint."""
GO_ON, SAVE, STOP = range(3)


def train(run: Run, limits: Limits | None = None) -> Generator[Progress | Event, None, None]:
    """Yields a Progress after every step, and an Event where something is to be told.

    Closing it between two steps saves. Raises GantoolError where losses stay without a finite
    value, and after a failure that is to stop the run.
    """
    limits = limits or Limits()
    data, samples = run.data()
    journal = Journal(run.folder, tensorboard=limits.tensorboard, active=run.workers.first)
    run.begin()
    clock, watch, saved = Clock(run, limits), Watch(), run.step
    with closing(journal), closing(_steps(run, data)) as steps:
        journal.forget_after(run.step)
        for event in chain(_passed_over(run), _left_out(data), _prepared(run, data, clock)):
            journal.event(run.step, event)
            yield event
        if isinstance(data, Prepared) and clock.wish([]) == STOP:  # while they were prepared
            return
        try:
            for progress, events in steps:
                events += [*watch.losses(progress.losses), *_looked(run, watch, samples)]
                wish = clock.wish(events)
                _write(run, journal, progress, events)
                if wish >= SAVE:
                    run.save(samples)
                    saved = run.step
                if run.step in (1, clock.last) or run.step % limits.preview_every == 0:
                    journal.sheet(run.step, run.show(samples))
                yield progress
                yield from events
                if wish == STOP:
                    break
        except (Exception, KeyboardInterrupt):
            saved = run.step  # stopped within a step: some weights have moved, others have not
            raise
        finally:
            if run.step > saved and run.workers.world == 1:  # saving takes all processes
                run.save(samples)
    if clock.failure:
        raise GantoolError(f"{run.folder}: stopped at step {run.step}, saved: {clock.failure}")


class Clock:
    """Says after each step whether to save or to stop, the same in all processes."""

    def __init__(self, run: Run, limits: Limits) -> None:
        self.run, self.limits = run, limits
        self.last = min(run.settings.steps, run.step + (limits.max_steps or run.settings.steps))
        self.began = self.saved = time.monotonic()
        self.failure = ""

    def wish(self, events: list[Event]) -> int:
        """GO_ON, SAVE or STOP, which saves as well."""
        now = time.monotonic()
        if self.limits.on_collapse == "stop" and self.run.workers.first:
            self.failure = next((each.text for each in events if each.kind in FAILURES), "")
        due = self.run.step % SAVE_EVERY == 0 or now - self.saved >= SAVE_SECONDS
        over = self.run.step >= self.last or self.over(now) or bool(self.failure)
        wish = self.run.workers.highest(STOP if over else SAVE if due else GO_ON)
        if wish >= SAVE:
            self.saved = now
        return wish

    def over(self, now: float) -> bool:
        """Whether the user's time is up, or the session was told to stop."""
        return now - self.began >= self.limits.max_seconds or self.limits.stop()


def _prepared(run: Run, data: Dataset, clock: Clock) -> Iterator[Event]:
    """Do what the data need before the first step, and tell now and then how far that is."""
    if run.finished or not isinstance(data, Prepared):
        return
    told = time.monotonic()
    with closing(data.prepare(run.workers.rank, run.workers.world)) as steps:
        for done, count in steps:
            now = time.monotonic()
            if clock.over(now):
                break
            if now - told >= TELL_SECONDS or done == count:
                told = now
                yield Event("prepared", f"{done} of {count} crops are prepared")
    run.workers.highest(GO_ON)  # until all have theirs, none begins


def _steps(run: Run, data: Dataset) -> Generator[tuple[Progress, list[Event]], None, None]:
    """Every step of the run and what is to be told of it; goes back after SKIPS bad ones."""
    skips, told = 0, []
    while not run.finished:
        with closing(run.steps(data)) as steps:
            for progress in steps:
                skips = skips + 1 if progress.skipped else 0
                if skips == SKIPS:
                    break
                run.step = progress.step
                told += [Event("skipped", f"no finite {each} loss") for each in progress.skipped]
                yield progress, told
                told = []
        if skips == SKIPS:
            skips, told = 0, [run.go_back()]


def _passed_over(run: Run) -> Iterator[Event]:
    """Checkpoints that could not be gone on from."""
    for path in run.damaged:
        yield Event("damaged", f"{path} is damaged: going on from step {run.step}")


def _left_out(data: Dataset) -> Iterator[Event]:
    """Pictures that are not trained on though they lie there."""
    if isinstance(data, Choosy) and data.left_out:
        yield Event("left out", data.left_out)


def _looked(run: Run, watch: Watch, samples: Batch) -> Iterator[Event]:
    """What the results show, now and then, once they have had time to become something."""
    steps = run.settings.steps
    if run.step % max(LOOK_EVERY, steps // 50) == 0 and run.step >= steps // 20:
        yield from watch.looked(look(run.look(samples)))


def is_logged(run: Run) -> bool:
    """Whether the step that the run has just made is one of those in the log."""
    return run.step % LOG_EVERY == 0 or run.finished


def _write(run: Run, journal: Journal, progress: Progress, events: list[Event]) -> None:
    if is_logged(run):
        journal.progress(progress)
    for event in events:
        journal.event(run.step, event)

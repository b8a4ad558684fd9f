"""What `gantool train` says: the plan, the progress, where the run and its models are."""

import json
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from gantool import api
from gantool.cli import show

if TYPE_CHECKING:
    from gantool.training.loop import Progress
    from gantool.training.monitors import Event
    from gantool.training.run import Run

    Steps = Generator[Progress | Event, None, None]

RECENT = 50
"""Steps that rates are told of."""


def plan(run: "Run") -> None:
    """What would be trained, on what, for how long; looks at all pictures, tries a few steps."""
    settings, found = run.settings, api.check_data(run.dataset)
    print(api.describe_data(run.dataset))
    with closing(found.look()) as pictures:
        deque(pictures, maxlen=0)
    for remark in found.remarks():
        print(remark)
    shown = {**settings.options, "steps": settings.steps, "precision": settings.precision}
    chosen = " ".join(f"{name.rstrip('_')}={value}" for name, value in shown.items() if value != "")
    print(f"{settings.recipe}: {chosen}")
    for name, network in run.system.networks.items():
        print(f"{name}: {sum(each.numel() for each in network.parameters()):,} parameters")
    left, pace = settings.steps - run.step, run.pace()
    print(f"{run.folder}: {left} steps, {pace:.3g} s each here: about {show.duration(left * pace)}")


def follow(run: "Run", steps: "Steps", *, as_json: bool, quiet: bool) -> None:
    """Draw a training as it goes; only the first of several processes speaks."""
    from gantool.training.monitors import Event

    mute = not run.workers.first
    silent = mute or quiet or as_json
    if not silent:
        show.say(api.describe_data(run.dataset))
    recent: deque[Progress] = deque(maxlen=RECENT)
    bar = show.bar("steps", run.settings.steps, done=run.step, quiet=silent)
    with closing(steps), bar as progress:
        for thing in steps:
            if as_json and not mute:
                _print_json(run, thing)
            if isinstance(thing, Event):
                show.say(f"step {run.step}: {thing.text}") if not mute else None
            else:
                recent.append(thing)
                progress.advance(_text(recent))
    if not run.finished and not mute:
        show.say(f"{run.folder}: {run.step} of {run.settings.steps} steps; go on with --resume")


def exported(paths: Sequence[Path], *, as_json: bool = False) -> None:
    """The model files, on stdout."""
    for path in paths:
        print(json.dumps({"model": str(path)}) if as_json else path)


def _text(recent: "Sequence[Progress]") -> str:
    """The losses of the last step, steps per second, and the share of time that data took."""
    losses = " ".join(f"{name} {value:.4g}" for name, value in recent[-1].losses.items())
    seconds = sum(each.seconds for each in recent)
    waited = sum(each.waited for each in recent)
    return f"{losses} · {len(recent) / seconds:.3g} steps/s · data {waited / seconds:.0%}"


def _print_json(run: "Run", thing: "Progress | Event") -> None:
    """The lines that go into metrics.jsonl."""
    from gantool.training import journal, session
    from gantool.training.monitors import Event

    if isinstance(thing, Event):
        print(json.dumps(journal.event_line(run.step, thing)), flush=True)
    elif session.is_logged(run):
        print(json.dumps(journal.progress_line(thing)), flush=True)

"""What a run would do, told and not done."""

import dataclasses
import sys
from typing import Any

from gantool import api
from gantool.cli import show
from gantool.cli.chatter import silenced
from gantool.cli.runs import event
from gantool.cli.show import count, say


def plan_only(plan: api.Plan, *, as_json: bool) -> int:
    """What `plan` would do, a line for each picture, and about what it takes; writes nothing."""
    for item in plan.items:
        _line(as_json, "item.planned", f"{item.source} → {item.target}", item)
    for skipped in plan.batch.skipped:
        _line(as_json, "item.skipped", f"{skipped.source}: {skipped.reason}", skipped)
    for what, number in plan.left_out.items():
        say(f"left out: {number} {what}")
    for folder, reason in plan.unread:
        say(f"{folder}: the folder cannot be read: {reason}")
    with silenced():
        estimate = api.estimate(plan)
    for line in estimate.refused:
        say(f"will fail: {line}")
    if as_json:
        values = dataclasses.asdict(estimate)
        event("run.estimate", items=len(plan.items), **values)
    films = sum(api.piping.is_film(item.source) for item in plan.items)
    things = [count(len(plan.items) - films, "picture")] if films < len(plan.items) else []
    things += [f"{count(films, 'film')} of {estimate.frames} frames"] if films else []
    parts = [f"{' and '.join(things) or 'nothing'} to do"]
    if estimate.pixels:
        parts += [
            f"results of {estimate.pixels / 1e6:.1f} megapixels",
            f"about {show.size(estimate.bytes)} on disk of {show.size(estimate.free)} free",
            f"about {show.duration(estimate.seconds)} on {plan.device}",
        ]
    parts += [f"{len(plan.batch.skipped)} skipped"] if plan.batch.skipped else []
    parts += [f"{len(estimate.refused)} of them will fail"] if estimate.refused else []
    say(" · ".join(parts))
    return 0


def _line(as_json: bool, name: str, text: str, item: Any) -> None:
    if as_json:
        event(name, source=item.source, target=item.target)
    else:
        show.out(f"{show.one_line(text) if sys.stdout.isatty() else text}\n")

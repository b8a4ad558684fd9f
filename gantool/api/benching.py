"""How fast a task or a model is here: the bare model, the engine around it, files end to end."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gantool.api import planning
from gantool.api.installed import registry
from gantool.api.run_options import RunOptions
from gantool.api.running import execute
from gantool.errors import ItemError, UsageError
from gantool.outcomes import Failed

if TYPE_CHECKING:
    from gantool.api.planning import Plan
    from gantool.pipeline import Frame

LEAST = 3
"""Pictures of each measurement."""


@dataclass(frozen=True)
class Bench:
    """Of one device. Rates are pictures of that size a second, medians of runs in turns."""

    device: str
    width: int
    height: int
    model: float
    """The models alone, each on the picture in one piece, as large as its network demands."""
    engine: float
    """The task on a frame: in memory, one after the other."""
    files: float
    """From JPEG files to JPEG files."""

    @property
    def efficiency(self) -> float:
        """What the engine leaves of the model's rate."""
        return self.engine / self.model

    @property
    def overlap(self) -> float:
        """What files leave of it."""
        return self.files / self.model


def bench(
    what: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    size: tuple[int, int] = (1280, 720),
    seconds: float = 6.0,
) -> Bench:
    """`what`: a task with the options it has by default, or a model by name or file.

    `size`: width and height of the pictures. Takes about `seconds`, and a few pictures at least.
    Raises UsageError for what is neither, DeviceError for the device.
    """
    with tempfile.TemporaryDirectory(prefix="gantool-bench-") as folder:
        source = _pictures(Path(folder, "in"), size, 1)[0]
        plan = _planned(what, [str(source)], Path(folder, "out"), device, precision)
        frame = _frame(plan)
        ways = (lambda: _bare(plan, frame), lambda: plan.work().process(frame))
        began = time.perf_counter()
        ways[1]()
        count = max(LEAST, round(seconds / 3 / (time.perf_counter() - began)))
        model, engine = _in_turns(ways, count)
        files = _files(what, Path(folder, "more"), size, count, device, precision)
        return Bench(str(plan.device), *size, 1 / model, 1 / engine, files)


def _planned(what: str, inputs: Sequence[str], output: Path, device: str, precision: str) -> Plan:
    options = RunOptions(output=output, device=device, precision=precision, overwrite=True)
    if what in registry().tasks:
        return planning.plan(what, inputs, options)
    if what in registry().models or Path(what).suffix:
        return planning.plan_model(inputs, options, model=what)
    known = ", ".join(sorted(registry().tasks))
    raise UsageError(f"bench {what}: neither a task ({known}) nor a model: see gantool models list")


def _frame(plan: Plan) -> Frame:
    from gantool.media.images import read_image

    frame, _ = read_image(plan.items[0].source)
    return frame


def _bare(plan: Plan, frame: Frame) -> None:
    from gantool.runtime import tiling

    for session in plan.sessions:
        session.run(tiling.in_one_piece(frame, replace(session.contract, halo=0)))


def _in_turns(ways: Sequence[Callable[[], object]], count: int) -> list[float]:
    """Seconds of each, the median of so many."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(count):
        for way, costs in zip(ways, times, strict=True):
            began = time.perf_counter()
            way()
            costs.append(time.perf_counter() - began)
    return [statistics.median(costs) for costs in times]


def _files(
    what: str, folder: Path, size: tuple[int, int], count: int, device: str, precision: str
) -> float:
    """Pictures a second."""
    sources = _pictures(folder, size, count)
    plan = _planned(what, [str(each) for each in sources], folder / "out", device, precision)
    plan.work().process(_frame(plan))  # its sessions are new
    began = time.perf_counter()
    for outcome in execute(plan):
        if isinstance(outcome, Failed):
            raise ItemError(outcome.reason)
    return count / (time.perf_counter() - began)


def _pictures(folder: Path, size: tuple[int, int], count: int) -> list[Path]:
    """JPEGs of that size, all of the same picture."""
    import cv2

    from gantool.media.carry import Carry
    from gantool.media.images import read_image, write_image

    folder.mkdir()
    frame, _ = read_image(planning.SAMPLE)
    first = folder / "0.jpg"
    resized = cast("Frame", cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    write_image(first, resized, Carry())
    return [first, *(Path(shutil.copy(first, folder / f"{n}.jpg")) for n in range(1, count))]

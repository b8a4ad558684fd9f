"""Frames that leave on stdout, one behind the other."""

import time
from collections.abc import Iterator
from typing import Any

from gantool import api
from gantool.cli import show
from gantool.cli.chatter import silenced
from gantool.cli.runs import Talk
from gantool.cli.show import count, say
from gantool.cli.signals import GRACE, stopping
from gantool.errors import ItemError


def pour(plan: api.Plan, frames: Iterator[Any], rate: str, talk: Talk) -> int:
    """Results of `frames` to stdout, one behind the other, H×W×3 each. Returns the exit code."""
    began, number = time.monotonic(), 0
    with silenced(), stopping(plan.cancel, grace=GRACE) as stop:
        try:
            for number, frame in enumerate(api.piping.results(plan, frames), 1):
                if number == 1 and not talk.quiet:
                    say(_hint(frame, rate))
                show.pour(frame.tobytes())
        except ItemError as error:
            if not stop.signal:
                say(f"failed {error}")
                return 1
    if stop.signal:
        return 128 + stop.signal
    if not talk.quiet:
        seconds = time.monotonic() - began
        say(f"{count(number, 'frame')} · {seconds:.1f} s · {plan.device} · "
            f"{number / max(seconds, 1e-9):.1f} fps")  # fmt: skip
    return 0


def _hint(frame: Any, rate: str) -> str:
    """What the next program must know of the frames, as ffmpeg takes it."""
    kind, size = api.piping.DEPTHS[frame.dtype.name], f"{frame.shape[1]}x{frame.shape[0]}"
    return (
        f"raw frames: ffmpeg -f rawvideo -pixel_format {kind} -video_size {size} "
        f"-framerate {rate} -i -"
    )

"""Ctrl-C and SIGTERM as a wish to stop; the second one stops at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """The number of the signal that came, 0 until then."""

    signal: int = 0


@contextmanager
def stopping() -> Iterator[Stop]:
    """Within, the first signal only sets `signal`: whoever works looks at it between two steps."""
    stop = Stop()

    def asked(number: int, _: FrameType | None) -> None:
        stop.signal = number
        for each in SIGNALS:
            signal.signal(each, before[each])

    before = {each: signal.signal(each, asked) for each in SIGNALS}
    try:
        yield stop
    finally:
        for each in SIGNALS:
            signal.signal(each, before[each])

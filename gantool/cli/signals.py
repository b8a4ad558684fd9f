"""Ctrl-C and SIGTERM: the first is a wish to stop, the second stops at once.

Python runs a handler only between two of its own steps; a model that is at work keeps it waiting.
So a thread reads the signals from a pipe, as soon as they come, and stops the model.
"""

import contextlib
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 8.0
"""Seconds after which a program that should have stopped is ended, whatever it is stuck in."""


class Stopped(BaseException):
    """Raised in the main thread by a signal for which nobody has prepared."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number


@dataclass
class Stop:
    """The number of the signal that came, 0 until then."""

    signal: int = 0
    cancel: Callable[[], None] = lambda: None
    grace: float = math.inf
    seen: int = 0

    def ask(self, number: int) -> None:
        """Take the first signal, whoever brings it."""
        if not self.signal:
            self.signal = number
            # In the main thread what is to be stopped may hold the lock that stopping it takes.
            threading.Thread(target=self.cancel, daemon=True, name="cancel").start()


_current: list[Stop] = []
_came: list[int] = []
_raised: list[int] = []
"""Signals that were raised: where a library in C is just being loaded, it makes of that what it
likes, and hides it."""


def check() -> None:
    """Raises Stopped where a signal came that something else was made of."""
    if _raised:
        raise Stopped(_raised[-1])


@contextlib.contextmanager
def stopping(
    cancel: Callable[[], None] = lambda: None, *, grace: float = math.inf
) -> Iterator[Stop]:
    """Within, the first signal sets `signal` and calls `cancel`, from any thread; the next raises.

    A program that is `watched` ends `grace` seconds later, or at once with the second signal,
    whatever it is stuck in, unless that is infinite.
    """
    check()
    stop = Stop(cancel=cancel, grace=grace)
    _current.append(stop)
    before = _handled()
    try:
        yield stop
    finally:
        _restore(before)
        _current.remove(stop)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Within, signals are seen even while a model is at work. For the whole program, once.

    Afterwards, where one came, others change nothing: the program ends already, with its code.
    """
    if os.name == "nt":  # there wakeup takes sockets only, and SIGTERM does not exist
        yield
        return
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    _came.clear()
    before = _handled()
    wakeup = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(receiver,), daemon=True, name="signals").start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        _restore(dict.fromkeys(before, signal.SIG_IGN) if _came else before)
        os.close(sender)


def _watch(receiver: int) -> None:
    number = 0
    while came := os.read(receiver, 1):
        if came[0] not in SIGNALS:
            continue
        stop = _current[-1] if _current else None
        grace = stop.grace if stop else GRACE
        if math.isfinite(grace):
            if number:
                _leave(came[0])
            timer = threading.Timer(grace, _leave, (came[0],))
            timer.daemon = True
            timer.start()
        number = came[0]
        if stop:
            stop.ask(number)
    os.close(receiver)


def _leave(number: int) -> None:
    """End the process where it is: nothing half-written stays."""
    if discard := getattr(sys.modules.get("gantool.atomic"), "discard", None):
        discard()
    with contextlib.suppress(AttributeError, OSError, ValueError):  # nobody may be there to be told
        told = sys.stderr.fileno()
        cursor = b"\x1b[?25h\n" if os.isatty(told) else b""  # which a bar had hidden
        os.write(told, cursor + b"gantool: stopped\n")
    os._exit(128 + number)


def _asked(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    if not _current:
        if _imports(frame):  # modules in C that import others lose what is raised, or print it
            _leave(number)
        _raised.append(number)
        raise Stopped(number)
    stop = _current[-1]
    stop.ask(number)
    stop.seen += 1
    if stop.seen > 1:
        raise Stopped(number)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported there."""
    while frame and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _handled() -> dict[signal.Signals, object]:
    """Handle the signals here; what did before. Only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {each: signal.signal(each, _asked) for each in SIGNALS}


def _restore(before: dict[signal.Signals, object]) -> None:
    for each, handler in before.items():
        signal.signal(each, handler)  # type: ignore[arg-type]  # what signal() itself returned

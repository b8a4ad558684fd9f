"""Child processes that end with the build, and the lock that keeps a second build out."""

import contextlib
import ctypes
import fcntl
import functools
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gantool.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
"""The repository; commands run here."""
GANTOOL = (sys.executable, "-m", "gantool")
LOCK = ".lock"
PATIENCE = 60.0
"""Seconds to wait for the child of a killed build, which saves before it ends."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_inherited: list[int] = []
"""The lock: children hold it too, so that none is overtaken by the next build."""


def split_command(text: str) -> list[str]:
    """Return the arguments; `python`, `gantool` and scripts run in this interpreter."""
    words = shlex.split(text)
    if words[0] == "gantool":
        return [*GANTOOL, *words[1:]]
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    return [sys.executable, *words] if words[0].endswith(".py") else words


def run_command(command: Sequence[str], *, capture: bool = False) -> tuple[int, str]:
    """Run it to its end: exit code and, if captured, its stdout (otherwise it goes to stderr).

    A signal to the build is passed on once, as SIGTERM, so that a training saves.
    """
    stdout = subprocess.PIPE if capture else sys.stderr.fileno()
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=stdout,
        text=True,
        process_group=0,  # a terminal's Ctrl-C would be its second signal
        pass_fds=_inherited,
        preexec_fn=functools.partial(_end_with_parent, os.getpid()),
    )
    try:
        said, _ = child.communicate()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    return child.returncode, said or ""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the build in `folder`. Raises UsageError where another one works in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        ending = time.monotonic() + PATIENCE
        while not _try_lock(lock.fileno()):
            if time.monotonic() > ending:
                raise UsageError(f"{folder}: another build works here: wait for it, or choose -o")
            time.sleep(0.2)
        _inherited.append(lock.fileno())
        try:
            yield
        finally:
            _inherited.remove(lock.fileno())


def exit_on_signal() -> None:
    """Let SIGTERM end the build as an exception does: with 143."""
    signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_with_parent(parent: int) -> None:
    """In the child: let the kernel send SIGTERM when the build is killed."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before this
            os._exit(1)

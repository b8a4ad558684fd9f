"""The command line: the only room that prints, asks or exits."""

import contextlib
import os
import sys

FULL = 7
UNREAD = 141
"""Exit code where nobody reads on, as of a program that SIGPIPE ends; it is told to nobody."""


def main() -> None:
    """The console script `gantool`."""
    _open_streams()
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        code = UNREAD
        if not isinstance(error, BrokenPipeError):
            code = FULL
            _tell(f"stdout: cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would complain at exit
    sys.exit(code)


def _open_streams() -> None:
    """What was closed before the start is empty, or goes nowhere."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # until the process ends
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # the same
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # the same


def _tell(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to be told
        print(f"gantool: {line}", file=sys.stderr)


def _run(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        from gantool import __version__

        print(f"gantool {__version__}")
        return 0
    from gantool.cli.signals import Stopped, watched

    try:
        with watched():  # before anything heavy is imported
            from gantool.cli.app import start

            return start(arguments)
    except Stopped as stopped:
        _tell("stopped")
        return 128 + stopped.number

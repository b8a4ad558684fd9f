"""The command line: the only room that prints, asks or exits."""

import contextlib
import os
import sys

UNREAD = 141
"""Exit code where nobody reads on, as of a program that SIGPIPE ends; it is told to nobody."""


def main() -> None:
    """The console script `gantool`."""
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would complain at exit
        code = UNREAD
    sys.exit(code)


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
        with contextlib.suppress(OSError, ValueError):  # nobody may be there to be told
            print("gantool: stopped", file=sys.stderr)
        return 128 + stopped.number

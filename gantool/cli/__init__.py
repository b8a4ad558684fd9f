"""The command line: the only room that prints, asks or exits."""

import os
import sys


def main() -> None:
    """The console script `gantool`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from gantool import __version__

        print(f"gantool {__version__}")
        sys.exit(_flushed(0))
    from gantool.cli.signals import Stopped, watched

    try:
        with watched():  # before anything heavy is imported
            from gantool.cli.app import start

            code = start(sys.argv[1:])
    except Stopped as stopped:
        print("gantool: stopped", file=sys.stderr)
        code = 128 + stopped.number
    sys.exit(_flushed(code))


def _flushed(code: int) -> int:
    """The exit code when all is printed: 141 where nobody reads on, which is told to nobody."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):  # the latter: closed before
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or 141
    return code

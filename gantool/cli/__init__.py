"""The command line: the only room that prints, asks or exits."""

import sys


def main() -> None:
    """The console script `gantool`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from gantool import __version__

        print(f"gantool {__version__}")
        return
    from gantool.cli.app import start

    sys.exit(start(sys.argv[1:]))

"""The command line in a process and folders of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol, TypeAlias

Ended: TypeAlias = "subprocess.CompletedProcess[str]"


class CommandLine(Protocol):
    """Runs `gantool ARGUMENTS` and gives its exit code, stdout and stderr."""

    def __call__(self, *arguments: str) -> Ended: ...


def isolated(home: Path, folder: Path) -> CommandLine:
    """One that works in `folder`, and keeps caches, models and licences in `home`."""

    def run(*arguments: str) -> Ended:
        command = [sys.executable, "-m", "gantool", *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment(home), capture_output=True, text=True
        )

    return run


def environment(home: Path) -> dict[str, str]:
    """This process's variables, without those for gantool, with the folders of `home`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GANTOOL_")}
    places = {
        f"XDG_{kind.upper()}_HOME": str(home / kind)
        for kind in ("cache", "config", "data", "state")
    }
    here = [os.path.abspath(path) for path in sys.path if path]
    return {**kept, **places, "PYTHONPATH": os.pathsep.join(here), "COLUMNS": "200"}

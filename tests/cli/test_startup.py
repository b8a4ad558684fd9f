"""Laws of starting: what only answers from the command line's own words loads nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "onnxruntime", "onnx", "av", "cv2", "PIL", "numpy"}
SPY = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from gantool.cli import main
main()
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level modules that `gantool ARGUMENTS` has loaded at its end."""
    command = [sys.executable, "-c", SPY, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = done.stderr.splitlines()[-1].split()
    assert "gantool" in modules
    return {module.split(".")[0] for module in modules}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        [],
        ["superres", "--help"],
        ["run", "--help"],
        ["train", "--help"],
        ["models", "list"],
        ["models", "import", "--help"],
        ["plugins", "list"],
    ],
    ids=" ".join,
)
def test_answers_about_gantool_load_nothing_heavy(arguments):
    assert not loaded(*arguments) & HEAVY


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_answers_before_the_command_line_is_built(flag):
    assert not loaded(flag) & {"typer", "rich", "pluggy"}


def test_importing_gantool_loads_nothing_heavy():
    code = "import sys, gantool; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in done.stdout.split()} & (HEAVY | {"typer"})

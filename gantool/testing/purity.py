"""Law: importing a plugin is quick to undo: nothing heavy is loaded, printed or changed."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from gantool.testing.command_line import environment

HEAVY = ("torch", "onnxruntime", "onnx", "av", "cv2", "PIL", "numpy")
"""Modules that the command line starts without, in every plugin."""
SECONDS = 60
CHILD = """
import json, os, sys, threading
import gantool.hookspecs, typer
def state():
    return {"the working folder": os.getcwd(), "the environment": dict(os.environ),
            "the search path": list(sys.path), "threads": threading.active_count()}
before = state()
module = __import__(sys.argv[1], fromlist=["*"])
for hook in ("gantool_tasks", "gantool_models"):
    list(getattr(module, hook, list)())
changed = [key for key, value in state().items() if value != before[key]]
loaded = sorted({name.partition(".")[0] for name in sys.modules})
with open(sys.argv[2], "w") as file:
    json.dump({"changed": changed, "loaded": loaded}, file)
"""


def assert_pure(module: str) -> None:
    """Raises AssertionError where importing `module` and calling its hooks does more than that."""
    with tempfile.TemporaryDirectory() as home:
        said = Path(home, "said.json")
        ended = _imported(module, said)
        assert said.exists(), f"cannot be imported alone: {_last(ended.stderr)}"
        found = json.loads(said.read_text())
    printed = (ended.stdout + ended.stderr).strip()
    assert not printed, f"prints on import: {printed.splitlines()[0]}"
    heavy = [name for name in HEAVY if name in found["loaded"]]
    assert not heavy, f"loads {', '.join(heavy)} on import: import it in the function that needs it"
    assert not found["changed"], f"changes {', '.join(found['changed'])} on import"


def _imported(module: str, said: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CHILD, module, str(said)]
    env = {**environment(said.parent), "PYTHONWARNINGS": "ignore"}
    try:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=SECONDS, cwd=os.getcwd()
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"takes over {SECONDS} s to import") from error


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it ends the process"])[-1]

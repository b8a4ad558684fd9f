"""Law: whatever is wrong with a plugin, every other command works and the culprit is named."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from gantool.media.carry import Carry
from gantool.media.images import write_image

HOOK = "from gantool import hookimpl\n@hookimpl\ndef {}:\n    {}\n"
KINDS = {
    "importing": ("from gantool import NoSuchThing", "ImportError: cannot import name"),
    "missing": (None, "ModuleNotFoundError: No module named 'plug_missing'"),
    "signed": (HOOK.format("gantool_tasks(options)", "return []"), "Argument(s) {'options'}"),
    "misspelt": (HOOK.format("gantool_taks()", "return []"), "unknown hook 'gantool_taks'"),
    "ending": ("import sys\nprint('bye')\nsys.exit(0)", "SystemExit: 0"),
    "raising": (HOOK.format("gantool_models()", "raise ValueError('thick')"), "ValueError: thick"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder of packages with a plugin of every kind, as pip would have put them there."""
    site = tmp_path_factory.mktemp("site")
    for name, (source, _) in KINDS.items():
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        said = f"Metadata-Version: 2.1\nName: gantool-{name}\nVersion: 1.0"
        (info / "METADATA").write_text(said)
        (info / "entry_points.txt").write_text(f"[gantool]\n{name} = plug_{name}\n")
        if source is not None:
            (site / f"plug_{name}.py").write_text(source)
    return site


@pytest.fixture(scope="module")
def gantool(site, tmp_path_factory):
    """Runs a command line in a process that sees them all, in a folder with a picture."""
    here = tmp_path_factory.mktemp("here")
    write_image(here / "a.png", np.full((8, 9, 3), 99, np.uint8), Carry())
    models.bilinear(here / "x2.onnx")
    path = os.pathsep.join([str(site), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gantool", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=here)

    return run


OTHERS = {
    "--help": "superres",
    "superres a.png": "a-superres-x4.png\n",
    "run x2.onnx a.png -o run.png": "run.png\n",
    "models list": "superres/photo-x4",
    "recipes": "pix2pix",
    "plugins check superres --help": "Usage",
}


@pytest.mark.parametrize("command", OTHERS)
def test_every_other_command_works_and_names_them(command, gantool):
    ended = gantool(*command.split())
    assert ended.returncode == 0
    assert OTHERS[command] in ended.stdout
    assert "bye" not in ended.stdout
    said = {line.split()[2]: line for line in ended.stderr.splitlines() if " is off: " in line}
    assert said.keys() == KINDS.keys()
    for name, (_, reason) in KINDS.items():
        assert said[name].startswith(f"gantool: plugin {name} (gantool-{name} 1.0) is off: ")
        assert reason in said[name]
    assert "Traceback" not in ended.stderr


def test_list_has_the_reasons_beside_what_works(gantool):
    rows = {row.split()[0]: row for row in gantool("plugins", "list").stdout.splitlines()}
    assert rows["superres"].endswith("works")
    assert " ms " in rows["superres"]
    for name, (_, reason) in KINDS.items():
        assert f"gantool-{name} 1.0" in rows[name]
        assert reason in rows[name]


def test_commands_that_they_would_have_brought_are_no_misspelling(gantool):
    ended = gantool("raising", "a.png")
    assert (ended.returncode, ended.stdout) == (6, "")
    assert "raising: its plugin is broken: ValueError: thick" in ended.stderr


def test_check_says_what_is_wrong_with_one(gantool):
    ended = gantool("plugins", "check", "gantool-misspelt")
    assert ended.returncode == 6
    assert "BROKEN: PluginValidationError: unknown hook 'gantool_taks'" in ended.stdout
    assert ended.stderr.splitlines()[-1] == "gantool: 1 law of 1 broken"

"""Law: what libraries print past Python is not told; what gantool says is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from gantool.media.carry import Carry
from gantool.media.images import write_image

NOISY = """
import os
from gantool import engine
read = engine.read_picture
def noisy(*given):
    os.write(2, b"libtiff: Read error at scanline 7\\n")
    return read(*given)
engine.read_picture = noisy
from gantool.cli import main
main()
"""


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--json",), ("-q",)])
def test_libraries_are_not_heard_and_gantool_is(more, tmp_path):
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), Carry())
    (tmp_path / "b.png").write_text("no picture")
    models.bilinear(tmp_path / "x2.onnx")
    command = [sys.executable, "-c", NOISY, "run", "x2.onnx", "a.png", "b.png", *more]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "libtiff" not in done.stderr
    if "--dry-run" in more:
        assert "will fail: b.png: not a picture" in done.stderr
    else:
        assert "failed b.png: not a picture" in done.stderr


def test_what_libraries_say_is_heard_by_who_looks_for_a_bug(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), Carry())
    models.bilinear(tmp_path / "x2.onnx")
    monkeypatch.setenv("GANTOOL_DEBUG", "1")
    command = [sys.executable, "-c", NOISY, "run", "x2.onnx", "a.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "libtiff" in done.stderr
    assert Path(tmp_path, "a-superres-x2.png").exists()

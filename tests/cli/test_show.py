"""What goes where: results to stdout, everything else to stderr, also on a terminal."""

import os
import subprocess
import sys

import numpy as np
import pytest

import models
from gantool.cli import show
from gantool.media.carry import Carry
from gantool.media.images import write_image

pty = pytest.importorskip("pty")


def test_results_reach_a_file_while_a_bar_is_drawn_on_the_terminal(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), Carry())
    models.bilinear(tmp_path / "x2.onnx")
    terminal, end = pty.openpty()
    with (tmp_path / "out.txt").open("wb") as out:
        command = [sys.executable, "-m", "gantool", "run", "x2.onnx", "a.png", "-o", "b.png"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=end)
    os.close(end)
    drawn = read(terminal)
    assert process.wait(60) == 0
    assert (tmp_path / "out.txt").read_text() == "b.png\n"
    assert "1/1" in drawn
    assert "b.png" not in drawn


def read(terminal: int) -> str:
    """Everything until the other end is closed."""
    found = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux says so instead of giving nothing
            break
        if not part:
            break
        found += part
    os.close(terminal)
    return found.decode()


def test_lines_elsewhere_come_seldom(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 11.0, 11.0, 12.0])
    monkeypatch.setattr(show.time, "monotonic", lambda: next(clock))
    with show.bar("pictures", 5) as progress:
        for _ in range(3):
            progress.advance("x\ny")
    assert capsys.readouterr().err == "2/5 pictures x\\ny · 16 s left\n"


def test_quiet_is_quiet(capsys):
    with show.bar("pictures", 5, quiet=True) as progress:
        progress.advance()
    assert capsys.readouterr().err == ""

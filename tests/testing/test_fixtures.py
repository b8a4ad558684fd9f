"""Laws of the kit's fixtures: what they make can be used, and nothing of the user's is touched."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gantool import testing
from gantool.media.images import read_image
from gantool.runtime.session import Session
from gantool.testing import pictures
from gantool.training.layouts import find


@pytest.mark.parametrize("scale", [1, 3])
def test_tiny_model_opens_and_gives_means_that_are_enlarged(scale, tiny_model):
    path = tiny_model("haze", scale=scale)
    session = Session(path)
    assert (session.contract.task, session.contract.scale) == ("haze", scale)
    assert path.stat().st_size < 1000
    frame = pictures.frame(9, 11)
    result = session(frame)
    inner = np.mean([frame[y : y + 3, x : x + 3] for y, x in [(4, 5)]], axis=(0, 1, 2))
    assert np.abs(result[5 * scale, 6 * scale] - inner).max() <= 0.5


def test_odd_pictures_can_all_be_read_and_differ_in_kind(odd_pictures):
    read = {file.name: read_image(file) for file in odd_pictures.iterdir()}
    assert read["one pixel.png"][0].shape == (1, 1, 3)
    assert read["turned.jpg"][0].shape == (47, 33, 3)
    assert {name for name, (frame, _) in read.items() if frame.dtype == np.uint16} == {
        "deep.png",
        "deep.tif",
    }
    assert {name for name, (_, carry) in read.items() if carry.alpha is not None} == {
        "clear.png",
        "clear.webp",
    }
    assert [name for name, (_, carry) in read.items() if carry.grey] == ["grey-αβγ.png"]


def test_pairs_are_found_as_such(pairs):
    assert find(pairs, "train").kind == "side-by-side"


def test_frames_are_the_same_every_time():
    for one, other in zip(pictures.frames(), pictures.frames(), strict=True):
        assert (one == other).all()
        assert one.shape[2] == 3


def test_command_line_has_folders_of_its_own(command_line, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("GANTOOL_DEBUG", "1")
    ended = command_line("models", "info", str(tiny_model("haze")))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "haze" in ended.stdout
    assert command_line("superres", "missing.png").returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["haze-x1.onnx"]


def test_fixtures_load_nothing_heavy_into_the_tests_of_others():
    code = "import sys, gantool.testing.fixtures; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "onnxruntime", "onnx", "av", "cv2", "PIL", "numpy", "typer"}
    assert not {name.split(".")[0] for name in done.stdout.split()} & heavy


def test_exports_are_what_type_checkers_see():
    tree = ast.parse(Path(testing.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {name.name: node.module for node in block.body for name in node.names}
    assert seen == {name: f"gantool.testing.{home}" for name, home in testing._HOME.items()}
    assert testing.__all__ == sorted(testing._HOME)
    assert all(hasattr(testing, name) for name in testing.__all__)

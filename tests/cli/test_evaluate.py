"""Laws of `gantool evaluate`: figures to stdout, the truth to stderr, every mistake one line."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from onnx import helper

import feature_networks
import models
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.contract import Contract


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder: pairs with targets 30 levels brighter, originals, two models."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for index in range(4):
        frame = np.random.default_rng(index).integers(0, 200, (24, 30, 3), np.uint8)
        save(f"pairs/A/{index}.png", frame)
        save(f"pairs/B/{index}.png", frame + np.uint8(30))
        save(f"photos/{index}.png", frame)
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    models.save(Path("copy.onnx"), nodes, Contract("copy"))
    models.bilinear(Path("x2.onnx"))
    feature_networks.mean_colour(Path("features.onnx"))
    Path("empty").mkdir()
    return tmp_path


def save(name: str, frame: np.ndarray) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    write_image(Path(name), frame, Carry())


@pytest.fixture
def evaluate(capfd):
    """Runs `gantool evaluate` in this process."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        command = ["evaluate", *arguments, "--device", "cpu"]
        return Ended(start(command), *capfd.readouterr())

    return run


def test_a_table_goes_to_stdout_and_one_line_of_truth_to_stderr(evaluate):
    done = evaluate("copy.onnx", "pairs")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["metric", "model", "input", "mean", "target"]
    assert [row[0] for row in rows[1:]] == ["psnr_rgb", "psnr_y_crop0", "ssim_y_crop0", "l1"]
    assert rows[1][1:] == ["18.588", "18.588"]
    assert rows[4][1:3] == ["30.000", "30.000"]
    assert done.code == 0
    assert done.err.startswith("4 pictures (pairs) · ")
    assert "CPU" in done.err
    assert done.err.count("\n") == 1


def test_originals_are_reduced_and_compared_with_bicubic(evaluate):
    done = evaluate("x2.onnx", "photos", "--limit", "3")
    assert done.out.split()[:3] == ["metric", "model", "bicubic"]
    assert "psnr_y_crop2" in done.out
    assert done.err.startswith("3 pictures (reduced by 2) · ")


def test_json_is_one_object_with_all_that_was_measured(evaluate):
    done = evaluate("copy.onnx", "pairs", "--features", "features.onnx", "--json", "--quiet")
    found = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert {key: found[key] for key in ("model", "dataset", "split", "count", "failed")} == {
        "model": "copy.onnx",
        "dataset": "pairs",
        "split": "",
        "count": 4,
        "failed": 0,
    }
    assert len(found["sha256"]) == len(found["features"]["sha256"]) == 64
    assert found["metrics"]["l1"]["model"] == 30
    assert found["metrics"]["kid_poly3_subset2"].keys() == {"model", "input", "floor"}


def test_json_of_equal_pictures_is_json(evaluate):
    for path in Path("pairs/A").iterdir():
        path.write_bytes((Path("pairs/B") / path.name).read_bytes())
    found = json.loads(evaluate("copy.onnx", "pairs", "--json").out, parse_constant=pytest.fail)
    assert found["metrics"]["psnr_rgb"] == {"model": None, "input": None}
    assert found["metrics"]["l1"]["model"] == 0


def test_a_bad_picture_is_named_and_left_out(evaluate):
    Path("photos/1.png").write_text("I am no picture")
    done = evaluate("x2.onnx", "photos")
    first, last = done.err.splitlines()
    assert done.code == 1
    assert first.startswith("failed photos/1.png: ")
    assert last.startswith("3 pictures (reduced by 2) · ")
    assert last.endswith(" · 1 failed")
    assert "psnr_y_crop2" in done.out


def test_too_few_pictures_for_a_distance_is_said(evaluate):
    Path("pairs/A/1.png").write_text("I am no picture")
    done = evaluate("copy.onnx", "pairs", "--features", "features.onnx")
    assert "no kid: too few pictures could be measured" in done.err
    assert "psnr_rgb" in done.out


def test_where_nothing_can_be_read_that_is_one_line(evaluate):
    for path in Path("photos").iterdir():
        path.write_text("I am no picture")
    done = evaluate("x2.onnx", "photos")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "photos: 0 of 4 pictures could be measured, too few: photos/0.png: " in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["copy.onnx", "photos"], 2, "--from edges|grey|lowres"),
        (["copy.onnx", "photos", "--from", "edge"], 2, "there are edges, grey, lowres"),
        (["x2.onnx", "photos", "--from", "edges"], 2, "takes pictures reduced by 2"),
        (["copy.onnx", "pairs", "--split", "test"], 2, "pairs has no parts"),
        (["copy.onnx", "pairs", "--limit", "0"], 2, "--limit"),
        (["copy.onnx", "pairs", "--side", "3"], 2, "--side"),
        (["copy.onnx", "empty"], 2, "no picture in there"),
        (["copy.onnx", "nowhere"], 2, "nowhere: no such folder"),
        (["copy.onnx", "copy.onnx"], 2, "copy.onnx: no such folder"),
        (["pairs", "pairs"], 2, "pairs: no training run"),
        (["none.onnx", "pairs"], 4, "none.onnx: no such model file"),
        (["features.onnx", "pairs"], 4, "no gantool contract inside"),
        (["copy.onnx", "pairs", "--features", "copy.onnx"], 4, "needed are features"),
        (["copy.onnx", "pairs", "--features", "none.onnx"], 4, "none.onnx: cannot be read"),
    ],
)
def test_a_mistake_is_one_line(evaluate, arguments, code, said):
    done = evaluate(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert said in done.err


def test_a_model_is_measured_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None; from gantool.cli.app import start; "
        "code = start(['evaluate', 'copy.onnx', 'pairs', '--features', 'features.onnx']); "
        "sys.exit(code or any(name.startswith('torch.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "psnr_rgb" in done.stdout


def test_help_loads_nothing_heavy_and_has_an_example():
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "from gantool.cli.app import start; start(['evaluate', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gantool evaluate superres/photo-x4-fidelity Set5/" in done.stdout
    assert not set(done.stderr.split()) & {"torch", "onnxruntime", "onnx", "cv2", "PIL", "numpy"}


@pytest.mark.slow
def test_a_training_run_is_measured_as_its_exported_model(evaluate):
    for seed in range(3):
        save(
            f"large/{seed}.png", np.random.default_rng(seed).integers(0, 256, (48, 56, 3), np.uint8)
        )
    tiny = ("--preset", "tiny", "--scale", "2", "--channels", "4", "--crop", "12")
    command = ["train", "superres-fidelity", "large", *tiny, "--set", "steps=5", "-o", "run"]
    assert start([*command, "--device", "cpu", "--no-export", "-q"]) == 0
    before = evaluate("run", "photos", "--json")
    assert before.code == 0, before.err
    assert not list(Path("run").glob("*.onnx"))
    assert start(["export", "run"]) == 0
    after = evaluate("run", "photos", "--json")
    assert json.loads(before.out)["metrics"] == json.loads(after.out)["metrics"]
    assert json.loads(after.out)["sha256"] == sha256(Path("run/run.onnx").read_bytes()).hexdigest()

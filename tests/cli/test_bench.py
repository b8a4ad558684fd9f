"""`gantool bench`: figures for what works, a line for what does not."""

import json
from typing import NamedTuple

import pytest

import models
from gantool import api
from gantool.cli.app import start


class Ended(NamedTuple):
    code: int
    out: str
    err: str


QUICK = ("--size", "48x32", "--seconds", "0.1")


@pytest.fixture
def gantool(capfd):
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        return Ended(start(list(arguments)), *capfd.readouterr())

    return run


@pytest.fixture
def model(tmp_path):
    return str(models.bilinear(tmp_path / "x2.onnx"))


def test_a_model_has_three_rates(gantool, model):
    code, out, err = gantool("bench", model, *QUICK, "--device", "cpu", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["v"], found["width"], found["height"]) == (1, 48, 32)
    assert found["device"].startswith("CPU")
    assert min(found["model"], found["engine"], found["files"]) > 0
    assert found["efficiency"] == pytest.approx(found["engine"] / found["model"])


def test_the_table_has_a_line_for_each_device_and_errors_leave_the_others(gantool, model):
    code, out, err = gantool("bench", model, *QUICK, "--device", "cpu", "--device", "coreml")
    assert code == 5
    assert err.startswith("gantool: --device coreml: CoreML")
    head, line = out.splitlines()
    assert head.split("  ")[0] == "device"
    assert line.startswith("CPU (")
    assert "48×32" in line


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing",), 2, "bench nothing: neither a task"),
        (("gone.onnx",), 4, "gone.onnx: no such model file"),
        (("--size", "3x4"), 2, "--size 3x4: as in 1280x720"),
        (("--device", "tpu"), 5, "--device tpu: no such device"),
        (("--precision", "half"), 2, "--precision half: there are"),
    ],
)
def test_what_is_wrong_is_one_line(gantool, arguments, code, said):
    ended = gantool("bench", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert said in ended.err


def test_a_task_is_measured_as_it_is_by_default(tmp_path, monkeypatch):
    found = api.bench("superres", device="cpu", size=(24, 16), seconds=0.1)
    assert found.files > 0

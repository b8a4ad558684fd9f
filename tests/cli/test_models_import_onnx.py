"""Laws of `gantool models import` for ONNX files: a stranger's becomes a model like any other."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import gantool as package
import models
from foreign_graphs import BYTES, SIGNED, Curve, Line, end
from gantool import api
from gantool.api.probes import probes
from gantool.cli.app import start
from gantool.runtime import adopting
from gantool.runtime.contract import Contract

IMPORT = ("models", "import", "x.onnx", "--task", "superres")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(capfd):
    """Runs a command line in this process: code, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return (start(list(arguments)), *capfd.readouterr())

    return run


@pytest.fixture
def quick(monkeypatch) -> None:
    """Files are tried in this process."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        file, folder, layout, taken = command[-4:]
        line = adopting.examine(Path(file), Path(folder), layout, taken)
        return subprocess.CompletedProcess(command, 0, line.encode())

    monkeypatch.setattr(adopting.subprocess, "run", run)


def difference(model: str, curve: Curve) -> float:
    """From what the curve makes of a picture that is no multiple of anything, in levels."""
    frame = probes()[2][:71, :133]
    given = package.load(model, device="cpu")(frame)
    return float(np.abs(np.round(curve.levels(frame)) - given).max())


def test_it_is_imported_listed_and_run_by_its_name(said):
    curve = Curve(layout="nhwc", taken=BYTES, given=BYTES)
    curve.save(Path("x.onnx"))
    code, out, err = said(*IMPORT, "--name", "curve", "--licence", "MIT")
    first, last = err.splitlines()
    assert (code, out) == (0, "superres/curve\n")
    assert first.startswith("x.onnx: ONNX, nhwc, 0..255, enlarges 2 times, any size; ")
    assert "superres/curve.onnx: licence MIT, halo 0, parity 0 of 255" in last
    (row,) = (row for row in said("models", "list")[1].splitlines() if "/curve" in row)
    assert " ".join(row.split()) == "superres/curve MIT imported from x.onnx"
    assert difference("superres/curve", curve) <= 1
    contract = package.load("superres/curve", device="cpu").contract
    assert (contract.scale, contract.value_range, contract.task) == (2, BYTES, "superres")
    model = onnx.load(api.model_path("superres/curve"))
    assert [each.name for each in (*model.graph.input, *model.graph.output)] == ["x", "y"]


@pytest.mark.parametrize(
    "curve",
    [
        Curve(size=(48, 80), baked=True),
        Curve(size=(64, 64), kind="half", taken=SIGNED),
        Curve(kind="uint8", taken=BYTES, given=BYTES),
    ],
    ids=["one size alone", "halves, one size announced", "integers"],
)
@pytest.mark.usefixtures("quick")
def test_any_picture_goes_through_it(curve, said):
    curve.save(Path("x.onnx"))
    assert said(*IMPORT)[:2] == (0, "superres/x\n")
    assert difference("superres/x", curve) <= 1


def blur(path: Path) -> Path:
    """Of one size alone, and wide."""
    line = Line()
    line.add("Reshape", np.array([1, 3, 64, 64], np.int64))
    line.add("Conv", np.full((3, 1, 9, 9), 1 / 81, np.float32), group=3, pads=[4] * 4)
    return line.save(path, end("input", 1, 3, 64, 64), end("output", 1, 3, 64, 64))


@pytest.mark.usefixtures("quick")
def test_one_that_takes_one_size_is_tiled_without_a_seam(said):
    blur(Path("x.onnx"))
    assert said(*IMPORT)[0] == 0
    session = package.load("superres/x", device="cpu")
    assert (session.contract.window, session.contract.halo) == ((64, 64), 4)
    frame = probes()[0]
    kernel = np.full((9, 9), 1 / 81)
    wide = np.pad(frame / 1.0, ((4, 4), (4, 4), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (9, 9), axis=(0, 1))
    wanted = np.einsum("hwcij,ij->hwc", windows, kernel)
    assert np.abs(np.round(wanted) - session(frame)).max() <= 1


def mean_of_one_size(path: Path) -> None:
    line = Line()
    line.add("Reshape", np.array([1, 3, 64, 64], np.int64))
    line.add("InstanceNormalization", np.full(3, 0.2, np.float32), np.full(3, 0.4, np.float32))
    line.save(path, end("input", 1, 3, 64, 64), end("output", 1, 3, 64, 64))


def elsewhere(path: Path) -> None:
    """Its weights are in another file."""
    Curve().save(path)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(model.SerializeToString())


def custom(path: Path) -> None:
    Curve().save(path)
    model = onnx.load(path)
    model.graph.node[0].domain = "evil"
    model.opset_import.append(helper.make_opsetid("evil", 1))
    path.write_bytes(model.SerializeToString())


def negative(path: Path) -> None:
    line = Line()
    line.add("Mul", -1.0)
    line.add("Add", 1.0)
    line.save(path, end("input"), end("output"))


def two_inputs(path: Path) -> None:
    line = Line()
    line.add("Mul", 1.0)
    line.save(path, end("input"), end("output"))
    model = onnx.load(path)
    model.graph.input.append(end("mask"))
    path.write_bytes(model.SerializeToString())


REFUSED = {
    "one of one size that looks at all of it": (
        mean_of_one_size,
        ["--range", "0..1"],
        4,
        "64×64 alone and looks",
    ),
    "data elsewhere": (elsewhere, [], 4, "is in another file"),
    "custom operator": (custom, [], 4, "is not one of ONNX"),
    "another picture": (negative, [], 4, "add --range 0..1, 0..255, -1..1"),
    "two inputs": (two_inputs, [], 4, "takes 2 things, not one picture"),
    "no graph": (lambda path: path.write_text("<html>"), [], 4, "a web page"),
    "no file": (lambda path: None, [], 4, "x.onnx: cannot be read"),
    "unknown range": (negative, ["--range", "0..2"], 2, "--range 0..2: there are 0..1"),
    "unknown layout": (negative, ["--layout", "hwc"], 2, "--layout hwc: there are nchw, nhwc"),
    "unknown task": (negative, ["--task", "superress"], 2, "did you mean superres?"),
}


@pytest.mark.parametrize(("make", "options", "code", "line"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("quick")
def test_refusal_is_one_clear_line_and_nothing_is_written(make, options, code, line, said):
    make(Path("x.onnx"))
    ended, out, err = said(*IMPORT, *options)
    refusals = [each for each in err.splitlines() if each.startswith("gantool: ")]
    assert (ended, out, len(refusals)) == (code, "", 1)
    assert line in err
    assert "Traceback" not in err
    assert not list(Path().glob("home/**/*.onnx"))


@pytest.mark.usefixtures("quick")
def test_range_that_is_told_is_taken(said):
    negative(Path("x.onnx"))
    code, _, err = said(*IMPORT, "--range", "0..1")
    assert code == 0
    assert "nchw, 0..1, enlarges 1 times" in err


def test_options_of_onnx_files_are_refused_with_checkpoints(said):
    Path("x.pth").touch()
    code, out, err = said("models", "import", "x.pth", "--task", "translate", "--range", "0..1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--range 0..1: of ONNX files alone" in err


def test_what_crashes_the_trying_process_is_refused(said, monkeypatch):
    ended = subprocess.CompletedProcess([], -11, b"")
    monkeypatch.setattr(adopting.subprocess, "run", lambda *_, **__: ended)
    Curve().save(Path("x.onnx"))
    code, out, err = said(*IMPORT)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "x.onnx: refused: it crashes onnxruntime" in err


def test_a_model_of_ours_keeps_its_contract(said):
    models.bilinear(Path("x.onnx"), scale=2)
    before = Contract("superres", scale=2, halo=1)
    assert said(*IMPORT, "--licence", "CC0-1.0", "--name", "soft")[0] == 0
    contract = package.load("superres/soft", device="cpu").contract
    assert contract == replace(before, name="soft", licence="CC0-1.0")
    code, _, err = said(*IMPORT[:-1], "translate")
    assert (code, err.count("\n")) == (2, 1)
    assert "a model of gantool for superres: add --task superres" in err

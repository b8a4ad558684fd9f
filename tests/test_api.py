"""Laws of the one door: a notebook gets what the command line gets, and refusals come first."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import gantool
import models
from gantool import api
from gantool.api import RunOptions
from gantool.cli.app import start
from gantool.engine import Done, Failed
from gantool.errors import DeviceError, GantoolError, ModelError, NoPictureError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.runtime.contract import KEY, Contract

CPU = RunOptions(device="cpu")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder: pictures, one of them damaged, and a model that enlarges twice."""
    monkeypatch.chdir(tmp_path)
    Path("photos/deep").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for name in ("photos/a.png", "photos/deep/b.jpg"):
        write_image(Path(name), draw.integers(0, 256, (20, 30, 3), np.uint8), Carry())
    Path("photos/c.png").write_text("I am no picture")
    models.bilinear(Path("x2.onnx"))
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    """All files but manifests."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file): file.read_bytes() for file in files if file.suffix != ".jsonl"}


def test_a_notebook_goes_on_where_the_command_line_left_off():
    assert start(["superres", "photos/a.png", "--model", "x2.onnx", "--device", "cpu", "-q"]) == 0
    (again,) = gantool.run("superres", ["photos/a.png"], model="x2.onnx", device="cpu")
    assert again.reason == "up to date"


def test_run_gives_what_the_command_line_gives():
    outcomes = list(gantool.run("superres", ["photos"], scale=2, device="cpu", output="ours"))
    assert start(["superres", "photos", "--scale", "2", "--device", "cpu", "-o", "theirs"]) == 1
    ours, theirs = tree(Path("ours")), tree(Path("theirs"))
    assert list(ours) == ["ours/a.png", "ours/deep/b.jpg"]
    assert list(ours.values()) == list(theirs.values())
    assert [type(outcome) for outcome in outcomes] == [Done, Failed, Done]
    assert outcomes[0].outputs == (Path("ours/a.png"),)
    assert "c.png" in outcomes[1].reason


def test_load_gives_the_function_that_the_command_line_runs():
    frame = read_image(Path("photos/a.png"))[0]
    predict = gantool.load("x2.onnx", device="cpu")
    assert start(["run", "x2.onnx", "photos/a.png", "--device", "cpu", "-o", "out.png"]) == 0
    assert (read_image(Path("out.png"))[0] == predict(frame)).all()


def test_model_can_be_named_or_be_a_file():
    path = api.model_path("superres/photo-x2-fidelity")
    frame = read_image(Path("photos/a.png"))[0]
    by_name = gantool.load("superres/photo-x2-fidelity", device="cpu")(frame)
    assert (by_name == gantool.load(str(path), device="cpu")(frame)).all()


@pytest.mark.parametrize("given", [Path("photos/a.png"), "photos/a.png"])
def test_run_takes_paths_and_text(given):
    (done,) = gantool.run("superres", [given], device="cpu")
    assert done.outputs == (Path("photos/a-superres-x4.png"),)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"task": "superes"}, UsageError, "no task superes; there are .*superres"),
        ({"colour": 3}, UsageError, "superres: no option colour; there are denoise, model, scale"),
        ({"scale": 5}, UsageError, "2, 3, 4 and 8"),
        ({"inputs": ["missing.png"]}, UsageError, "missing.png: no such file"),
        ({"inputs": []}, GantoolError, "no "),
        ({"inputs": ["*.webp"]}, NoPictureError, "no picture"),
        ({"output": "photos"}, UsageError, "is an input"),
        ({"format": "xyz"}, UsageError, "--format xyz"),
        ({"tile": 3}, UsageError, "--tile 3"),
        ({"quality": 101}, UsageError, "101"),
        ({"model": "superres/nope"}, ModelError, "superres/nope"),
        ({"device": "abacus"}, DeviceError, "abacus"),
    ],
)
def test_refusal_comes_at_the_call_and_nothing_is_written(arguments, error, said, here):
    call = {"task": "superres", "inputs": ["photos"], "device": "cpu", **arguments}
    before = tree(here)
    with pytest.raises(error, match=said):
        gantool.run(**call)
    assert tree(here) == before


def test_one_input_as_text_is_one_input():
    (done,) = gantool.run("superres", "photos/a.png", device="cpu")
    assert done.source == Path("photos/a.png")


def test_option_that_a_task_needs_is_asked_for(monkeypatch):
    def haze(strength: float) -> gantool.Pipeline:
        return gantool.Pipeline(("x2.onnx",))

    monkeypatch.setitem(api.registry().tasks, "haze", haze)
    with pytest.raises(UsageError, match="strength"):
        gantool.run("haze", ["photos/a.png"])


def test_plan_writes_nothing(here):
    before = sorted(here.rglob("*"))
    plan = api.plan("superres", ["photos"], CPU, scale=8)
    assert [str(item.target) for item in plan.items] == [
        f"photos-superres-x8/{name}" for name in ("a.png", "c.png", "deep/b.jpg")
    ]
    assert sorted(here.rglob("*")) == before


def test_what_is_up_to_date_is_in_the_plan_as_skipped():
    list(gantool.run("superres", ["photos"], device="cpu"))
    plan = api.plan("superres", ["photos"], CPU)
    assert [item.source.name for item in plan.items] == ["c.png"]
    assert [each.source.name for each in plan.batch.skipped] == ["a.png", "b.jpg"]
    again = api.plan("superres", ["photos"], RunOptions(device="cpu", overwrite=True))
    assert (len(again.items), again.batch.skipped) == (3, ())


def test_inputs_are_never_written(here):
    before = tree(here / "photos")
    list(gantool.run("superres", ["photos"], device="cpu", output="out"))
    list(gantool.run("superres", ["photos"], device="cpu", output="out", overwrite=True))
    assert tree(here / "photos") == before


def test_format_and_quality_decide_about_the_files():
    options = {"device": "cpu", "format": "jpg", "overwrite": True}
    sizes = []
    for quality in (10, 95):
        (done,) = gantool.run("superres", ["photos/a.png"], quality=quality, **options)
        assert done.outputs == (Path("photos/a-superres-x4.jpg"),)
        sizes.append(done.outputs[0].stat().st_size)
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(("tile", "side"), [("off", None), (None, None), (64, 64), ("64", 64)])
def test_tile_is_a_side_or_off(tile, side):
    assert gantool.load("x2.onnx", device="cpu", tile=tile).tile == side


def test_run_of_a_single_model_says_so_in_names():
    plan = api.plan_model(["photos/a.png"], CPU, model="x2.onnx")
    assert plan.items[0].target == Path("photos/a-superres-x2.png")


def test_model_info_says_what_the_file_says():
    info = api.model_info("x2.onnx")
    assert (info["task"], info["scale"], info["halo"]) == ("superres", "2", "1")
    assert int(info["bytes"]) == Path("x2.onnx").stat().st_size


def test_no_task_can_take_a_command_or_a_run_option():
    registry = api.registry()
    assert not registry.tasks.keys() & api.COMMANDS
    assert not registry.broken


def test_a_models_name_is_no_way_out_of_the_folder(tmp_path):
    path = models.bilinear(tmp_path / "x2.onnx")
    model = onnx.load(path)
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=Contract("x", name="../../y", scale=2).to_json())
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"x2\.onnx: its name x-\.\./\.\./y"):
        api.plan_model(["."], api.RunOptions(), model=str(path))

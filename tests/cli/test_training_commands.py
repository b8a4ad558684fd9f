"""Laws of `gantool train` and `gantool export`: a folder of pictures in, a model that runs out."""

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.cli.app import start

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = ("--preset", "tiny", "--scale", "2", "--channels", "4", "--crop", "12", "--device", "cpu")
STEPS = ("--set", "steps=20")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A folder of three pictures."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    folder.mkdir()
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 256, (48, 56, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def straight(photos, tmp_path_factory) -> Path:
    """A finished run with its model, trained once for all tests."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    command = ["train", "superres-fidelity", str(photos), *TINY, *STEPS, "-o", str(folder), "-q"]
    assert start(command) == 0
    return folder


@pytest.fixture
def gantool(capfd, tmp_path, monkeypatch):
    """Runs a command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        return Ended(start([str(each) for each in arguments]), *capfd.readouterr())

    return run


def last_checkpoint(folder: Path) -> dict[str, str]:
    """The hash of each file of a run's newest checkpoint."""
    newest = max((folder / "checkpoints").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in newest.iterdir()}


def test_a_run_has_settings_a_log_checkpoints_and_a_model(straight):
    settings = json.loads((straight / "run.json").read_text())
    assert (settings["recipe"], settings["dataset"], settings["steps"]) == (
        "superres-fidelity",
        "photos",
        20,
    )
    assert settings["options"].items() >= {"scale": 2, "channels": 4, "layers": 2}.items()
    (line,) = (straight / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 20
    assert "generator/l1" in json.loads(line)["losses"]
    assert [path.name for path in (straight / "checkpoints").iterdir()] == ["step_000020"]
    assert (straight / "straight.onnx").is_file()


def test_the_model_runs(gantool, straight, photos, tmp_path):
    model, output = straight / "straight.onnx", tmp_path / "large.png"
    done = gantool("run", model, photos / "0.png", "--device", "cpu", "-o", output)
    assert (done.code, done.out) == (0, f"{output}\n")
    with Image.open(output) as picture:
        assert picture.size == (112, 96)


def test_stopped_and_resumed_equals_straight(gantool, straight, photos, tmp_path):
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "-o", tmp_path / "run"]
    stopped = gantool(*command, "--max-steps", "9")
    assert (stopped.code, stopped.out) == (0, "")
    assert "9 of 20 steps; go on with --resume" in stopped.err
    assert not list(tmp_path.rglob("*.onnx"))
    resumed = gantool(*command, "--resume", "--no-export")
    assert resumed.code == 0, resumed.err
    assert last_checkpoint(tmp_path / "run") == last_checkpoint(straight)


def test_time_stops_too(gantool, photos, tmp_path):
    command = ["train", "superres-fidelity", photos, *TINY, "-o", tmp_path / "run"]
    stopped = gantool(*command, "--max-time", "0.001s")
    assert stopped.code == 0
    assert "run: 1 of 500 steps; go on with --resume" in stopped.err


def test_no_time_is_no_training(gantool, photos, tmp_path):
    stopped = gantool("train", "superres-fidelity", photos, *TINY, *STEPS, "--max-time", "0s")
    assert stopped.code in (0, 2)
    assert not list(tmp_path.rglob("*.onnx"))


def test_train_prints_the_models_path_alone(gantool, straight, photos, tmp_path):
    run = tmp_path / "run"
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "-o", run]
    assert gantool(*command, "--no-export").out == ""
    assert gantool(*command, "--resume").out == f"{run / 'run.onnx'}\n"


def test_export_writes_where_it_is_told(gantool, straight, tmp_path):
    path = tmp_path / "new" / "mine.onnx"
    facts = ("--name", "mine", "--licence", "CC0-1.0", "--data", "noise")
    done = gantool("export", straight, "-o", path, *facts)
    assert (done.code, done.out) == (0, f"{path}\n")
    told = gantool("models", "info", path).out
    for fact in ("mine", "CC0-1.0", "noise", "superres-fidelity", "'steps': 20"):
        assert fact in told


def test_the_folder_of_a_run_is_named_after_data_and_recipe(gantool, photos, tmp_path):
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "--max-steps", "1"]
    assert gantool(*command).code == 0
    assert (tmp_path / "photos-superres-fidelity" / "run.json").is_file()


def test_a_folder_with_a_run_is_not_used_again(gantool, straight, photos):
    before = last_checkpoint(straight)
    done = gantool("train", "superres-fidelity", photos, *TINY, *STEPS, "-o", straight)
    assert done.code == 2
    assert "a training run already: go on with --resume, or choose -o" in done.err
    assert last_checkpoint(straight) == before


def test_resuming_keeps_the_options_it_was_started_with(gantool, straight, photos):
    done = gantool(
        "train", "superres-fidelity", photos, "--resume", "-o", straight, "--channels", "5"
    )
    assert done.code == 2
    assert "was started with channels=4" in done.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--chanels", "8"], "no option chanels in this recipe: did you mean channels?"),
        (["--set", "chanels=8"], "did you mean channels?"),
        (["--set", "channels"], "--set channels: must be key=value"),
        (["--channels", "many"], "channels=many: must be a whole number"),
        (["--channels"], "--channels: needs a value"),
        (["--preset", "huge"], "--preset huge: there are tiny, fast, full"),
        (["--max-time", "soon"], "--max-time soon: must be like 2h, 30m or 90s"),
        (["--precision", "fp8"], "--precision fp8: there are fp32 and bf16"),
        (["stray"], "stray: an argument too many"),
    ],
)
def test_a_wrong_option_is_one_line_and_starts_nothing(gantool, photos, tmp_path, given, said):
    done = gantool("train", "superres-fidelity", photos, *given)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("gantool: ")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given",
    [
        ("scale", "0"), ("scale", "-1"), ("channels", "0"), ("layers", "-1"), ("batch", "0"),
        ("crop", "0"), ("rate", "-1"), ("rate", "nan"), ("steps", "0"), ("seed", "-1"),
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_is_a_usage_error(gantool, photos, given):
    name, value = given
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "--max-steps", "1"]
    done = gantool(*command, f"--{name}", value)
    assert done.code == 2, done.err
    assert name in done.err
    assert "a bug" not in done.err


@pytest.mark.parametrize(
    ("recipe", "dataset", "said"),
    [
        ("superres-fidelity", "missing", "missing: no such folder"),
        ("superres-fidelity", ".", "no picture in there"),
        ("superres-fidelty", ".", "no recipe superres-fidelty"),
    ],
)
def test_a_wrong_recipe_or_folder_is_named(gantool, tmp_path, recipe, dataset, said):
    done = gantool("train", recipe, dataset, "-o", tmp_path / "run", "--device", "cpu")
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there(gantool, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = gantool("train", "superres-fidelity", photos, "--device", "cuda")
    assert done.code == 5
    assert "--device cuda: this PyTorch cannot use it; try --device cpu" in done.err
    assert os.listdir(tmp_path) == []


def test_export_of_what_is_no_run(gantool, tmp_path):
    done = gantool("export", tmp_path)
    assert done.code == 2
    assert "not the folder of a training run" in done.err


def test_a_file_of_options_goes_below_the_command_line(gantool, photos, tmp_path):
    (tmp_path / "run.toml").write_text(
        'preset = "tiny"\nsteps = 7\nscale = 2\nchannels = 4\ncrop = 12\nseed = 3\n'
    )
    command = ["train", "superres-fidelity", photos, "--config", "run.toml", "--no-export"]
    assert gantool(*command, "--channels", "5", "-o", "a").code == 0
    settings = json.loads(Path("a/run.json").read_text())
    assert (settings["steps"], settings["seed"], settings["options"]["layers"]) == (7, 3, 2)
    assert (settings["options"]["channels"], settings["options"]["crop"]) == (5, 12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = ", "--config run.toml"),
        ("[recipe]\nsteps = 4", "recipe: only lines like"),
        ("chanels = 4", "did you mean channels?"),
        ("steps = 2.5", "steps=2.5: must be a whole number"),
    ],
)
def test_a_wrong_file_of_options_is_named(gantool, photos, tmp_path, text, said):
    (tmp_path / "run.toml").write_text(text)
    done = gantool("train", "superres-fidelity", photos, "--config", "run.toml")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def test_a_tasks_name_stands_for_its_recipe(gantool, photos):
    done = gantool("train", "superres", photos, *TINY, "--set", "steps=1", "-o", "a", "--no-export")
    assert done.code == 0
    assert json.loads(Path("a/run.json").read_text())["recipe"] == "srgan"


def test_a_teacher_is_given_by_name_and_kept_by_it(gantool, tmp_path):
    Path("large").mkdir()
    for seed in range(2):
        noise = np.random.default_rng(seed).integers(0, 256, (150, 160, 3), np.uint8)
        Image.fromarray(noise).save(f"large/{seed}.png")
    learn = ("train", "superres-distilled", "large", *TINY, "--set", "steps=1", "--crops", "2")
    learn += ("--crop", "8", "--kept", "kept", "--no-export", "-o", "a")
    done = gantool(*learn, "--teacher", "superres/photo-x2-fidelity")
    assert done.code == 0, done.err
    options = json.loads(Path("a/run.json").read_text())["options"]
    assert options["teacher"] == "superres/photo-x2-fidelity"
    assert len(list(Path("kept").rglob("*.crop"))) == 2


@pytest.mark.parametrize(
    ("teacher", "code", "said"),
    [
        ("superres/photo-x5", 4, 'no model "superres/photo-x5". Did you mean superres/photo-x4?'),
        ("none.pth", 4, "teacher=none.pth: no such file"),
        ("superres/photo-x2-fidelity", 2, "enlarges 2 times, not 4"),
    ],
)
def test_a_teacher_that_cannot_teach_is_one_line(gantool, photos, tmp_path, teacher, code, said):
    done = gantool("train", "superres-distilled", photos, "--teacher", teacher, "-o", "a")
    assert (done.code, done.err.splitlines()[-1].startswith("gantool: ")) == (code, True)
    assert said in done.err
    assert not Path("a").exists()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(gantool, photos, tmp_path):
    done = gantool("train", "superres-fidelity", photos, *TINY, *STEPS, "--dry-run")
    assert done.code == 0
    for said in ("pictures 3", "channels=4", "steps=20", "parameters", "20 steps", "about"):
        assert said in done.out
    assert list(tmp_path.iterdir()) == []


def test_json_lines_are_those_of_the_log(gantool, photos):
    done = gantool("train", "superres-fidelity", photos, *TINY, *STEPS, "-o", "a", "--json")
    *lines, last = map(json.loads, done.out.splitlines())
    assert lines == [json.loads(line) for line in Path("a/metrics.jsonl").read_text().splitlines()]
    assert last == {"model": "a/a.onnx"}


def test_trained_weights_are_a_start(gantool, straight, photos):
    """The rate is 0: no step changes them."""
    for init in (straight, straight / "straight.onnx"):
        command = ["train", "superres-fidelity", photos, "--init", init, "--rate", "0"]
        done = gantool(*command, *STEPS, "-o", f"from-{init.name}")
        assert done.code == 0, done.err
        made = Path(f"from-{init.name}")
        options = json.loads((made / "run.json").read_text())["options"]
        assert (options["channels"], options["scale"]) == (4, 2)  # those of the model
        for model, output in ((straight / "straight.onnx", "x.png"), (_model(made), "y.png")):
            assert gantool("run", model, photos / "0.png", "-o", output, "--overwrite").code == 0
        levels = [np.asarray(Image.open(name), dtype=int) for name in ("x.png", "y.png")]
        assert np.abs(levels[0] - levels[1]).max() <= 1


def _model(run: Path) -> Path:
    return run / f"{run.name}.onnx"


def test_weights_that_do_not_fit_are_refused(gantool, straight, photos):
    command = ["train", "superres-fidelity", photos, "--init", straight / "straight.onnx"]
    done = gantool(*command, "--channels", "6")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "does not fit" in done.err
    assert gantool("train", "superres", photos, "--init", "nothing.onnx").code == 4


def test_tensorboard_has_the_losses(gantool, photos):
    pytest.importorskip("tensorboard")
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "-o", "a", "--no-export"]
    assert gantool(*command, "--tensorboard").code == 0
    (events,) = Path("a/tensorboard").iterdir()
    assert b"generator/l1" in events.read_bytes()
    assert b"preview" in events.read_bytes()


def test_what_is_resumed_keeps_its_seed(gantool, straight, photos, tmp_path):
    command = ["train", "superres-fidelity", photos, *TINY, *STEPS, "-o", straight, "--resume"]
    refused = gantool(*command, "--seed", "4")
    assert (refused.code, "started with seed=0" in refused.err) == (2, True)


def test_a_choice_that_is_none_is_refused_at_once(gantool, photos, tmp_path):
    done = gantool("train", "superres-fidelity", photos, "--on-collapse", "cry")
    assert (done.code, "stop and warn" in done.err) == (2, True)
    assert list(tmp_path.iterdir()) == []

"""Laws of a start: what cannot be trained is refused before anything is written."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from gantool.errors import DeviceError, UsageError
from gantool.training import session, start
from gantool.training.options import Limits, TrainOptions
from gantool.training.run import Run
from systems import ToyGan, differing, quiet_gan, trained, weights_of

PRESETS: Mapping[str, Mapping[str, object]] = {"fast": {"steps": 9}, "tiny": {"steps": 3}}


def toy(*, rate: float = 1e-2, size: int = 4, from_: str = "") -> ToyGan:
    return quiet_gan(rate=rate, size=size)


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "noise"
    folder.mkdir()
    return folder


def prepared(data: Path, *, recipe: str = "toy", init: Path | None = None, **options) -> Run:
    given = {"output": data.parent / "run", "device": "cpu", "init": init and str(init), **options}
    return start.prepare(recipe, toy, PRESETS, data, TrainOptions(**given), init=init)


def begun(data: Path, steps: int = 1, **options) -> Run:
    going = prepared(data, **options)
    for _ in session.train(going, Limits(max_steps=steps)):
        pass
    return going


def test_a_run_has_the_presets_options_under_those_given(data):
    settings = prepared(data, preset="tiny", given={"size": "2"}).settings
    assert (settings.recipe, settings.dataset, settings.steps) == ("toy", "noise", 3)
    assert settings.options == {"rate": 1e-2, "size": 2, "from_": ""}
    assert (settings.seed, settings.precision, settings.accumulate) == (0, "fp32", 1)
    assert prepared(data, given={"steps": "5"}, seed=7, precision="bf16").settings.steps == 5


def test_preparing_writes_nothing(data):
    prepared(data)
    assert [path.name for path in data.parent.iterdir()] == ["noise"]


def test_a_run_is_called_after_its_data_and_recipe(data, monkeypatch):
    monkeypatch.chdir(data)
    assert prepared(Path("."), output=None).folder == Path("noise-toy")


def test_a_keyword_is_given_without_its_underscore(data):
    going = prepared(data, given={"from": "edges"})
    assert going.settings.options["from_"] == "edges"
    begun(data, given={"from": "edges"})
    assert prepared(data, given={"from": "edges"}, resume=True).step == 1
    with pytest.raises(UsageError, match="was started with from_?=edges, and keeps it"):
        prepared(data, given={"from": "grey"}, resume=True)


def test_a_folder_in_use_is_refused_unless_it_is_to_go_on(data):
    begun(data)
    with pytest.raises(UsageError, match="run: a training run already: go on with --resume, or"):
        prepared(data)
    assert prepared(data, resume=True).step == 1


def test_going_on_where_there_is_nothing_yet_starts(data):
    assert prepared(data, resume=True).step == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"given": {"size": "2"}}, "was started with size=4, and keeps it"),
        ({"given": {"steps": "99"}}, "was started with steps=9, and keeps it"),
        ({"seed": 1}, "was started with seed=0, and keeps it"),
        ({"recipe": "other"}, "a run of toy, not of other"),
    ],
)
def test_what_decides_the_result_cannot_be_changed_on_the_way(data, changed, said):
    begun(data)
    with pytest.raises(UsageError, match=said):
        prepared(data, resume=True, **changed)


def test_the_first_weights_cannot_be_changed_on_the_way(data, tmp_path):
    first = trained(tmp_path / "first", 1, recipe=quiet_gan).folder
    begun(data, init=first)
    assert prepared(data, resume=True, init=first).step == 1
    assert prepared(data, resume=True).settings.init == str(first)
    second = trained(tmp_path / "second", 1, recipe=quiet_gan).folder
    with pytest.raises(UsageError, match="was started with init=.*first, and keeps it"):
        prepared(data, resume=True, init=second)


def test_what_was_given_is_kept_when_it_is_not_given_again(data):
    begun(data, given={"size": "2"}, seed=3, precision="bf16", accumulate=2, preset="tiny")
    again = prepared(data, resume=True)
    assert (again.settings.options["size"], again.settings.steps) == (2, 3)
    assert (again.settings.seed, again.settings.precision) == (3, "bf16")
    assert again.settings.accumulate == 2
    assert prepared(data, resume=True, given={"size": "2"}, seed=3).step == 1


def test_how_it_is_computed_may_change_on_the_way(data):
    begun(data)
    settings = prepared(data, resume=True, precision="bf16", accumulate=4).settings
    assert (settings.precision, settings.accumulate) == ("bf16", 4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "fp8"}, "--precision fp8: there are fp32 and bf16"),
        ({"preset": "huge"}, "--preset huge: there are fast, tiny"),
        ({"given": {"sise": "3"}}, "did you mean size"),
    ],
)
def test_a_bad_option_is_refused_by_name(data, options, said):
    with pytest.raises(UsageError, match=said):
        prepared(data, **options)


def test_data_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="missing: no such folder"):
        prepared(tmp_path / "missing")


def test_devices(monkeypatch):
    assert start.device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert start.device("auto") == "cpu"
    for name in ("tpu", "cuda", "cuda:1"):
        with pytest.raises(DeviceError, match=f"--device {name}: .* --device cpu"):
            start.device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [start.device(name) for name in ("auto", "cuda:1", "cpu")] == ["cuda", "cuda:1", "cpu"]


def test_a_start_from_another_run_takes_its_options_and_its_weights(data, tmp_path):
    first = begun(data, given={"size": "2", "rate": "0.5"}, output=tmp_path / "first")
    going = prepared(data, init=tmp_path / "first", given={"rate": "0.1"})
    assert going.settings.options == {"rate": 0.1, "size": 2, "from_": ""}
    assert differing(weights_of(going.system.networks), weights_of(first.ema.networks)) == []


def test_options_of_another_recipe_are_not_taken(data, tmp_path):
    """Only the weights: `size` of the other one may mean something else."""
    other = trained(tmp_path / "other", 1, recipe=quiet_gan)
    settings = dataclasses.replace(other.settings, recipe="other", options={"size": 9})
    settings.write(tmp_path / "other")
    assert prepared(data, init=tmp_path / "other").settings.options["size"] == 4

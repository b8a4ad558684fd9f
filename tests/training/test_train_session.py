"""Law: a run that was stopped or damaged and resumed equals one that went straight."""

import dataclasses
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import UsageError
from gantool.training import checkpoint, run, session
from gantool.training.loop import Progress
from gantool.training.monitors import Event
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool.training.system import Batch
from gantool.training.workers import Workers
from systems import (
    STEPS,
    Noise,
    ToyGan,
    content,
    flip,
    hard_gan,
    logged,
    newest,
    opened,
    trained,
    weights_of,
)


def steps_in(going: Iterator[Progress | Event]) -> list[int]:
    return [each.step for each in going if isinstance(each, Progress)]


def names(going: Run) -> list[str]:
    return [path.name for path in checkpoint.newest_first(going.checkpoints)]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """precision → the files of the last checkpoint of a run without a stop."""
    root = tmp_path_factory.mktemp("straight")
    return {
        precision: content(newest(trained(root / precision, STEPS, precision=precision)))
        for precision in ("fp32", "bf16")
    }


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("sessions", [(20, 20), (1, 16, 23), (13, 99)])
def test_resumed_equals_straight(sessions, precision, straight, tmp_path):
    going = trained(tmp_path, *sessions, precision=precision)
    assert going.finished
    assert content(newest(going)) == straight[precision]


def test_what_is_resumed_is_all_there_is(straight, tmp_path):
    """The law's own test: what is compared has a pool, running statistics, moments, u and v."""
    path = newest(trained(tmp_path, 20))
    going = opened(tmp_path)
    assert len(going.system.pool.pictures) == going.system.pool.size
    kept = weights_of(going.system.networks)
    assert {name.rsplit(".", 1)[-1] for name in kept} >= {"running_mean", "_u", "_v"}
    states = [entry for turn in going.system.turns for entry in turn.optimizer.state.values()]
    assert all(entry["exp_avg"].abs().sum() > 0 for entry in states)
    assert content(path).keys() == straight["fp32"].keys()
    assert set(content(path).values()).isdisjoint(straight["fp32"].values())


def test_two_sessions_of_one_object_equal_straight(straight, tmp_path):
    going = opened(tmp_path)
    for _ in range(2):
        deque(session.train(going, Limits(max_steps=20)), maxlen=0)
    assert content(newest(going)) == straight["fp32"]


def test_other_seeds_and_precisions_give_other_weights(straight, tmp_path):
    """The law's own test: equality is not for want of difference."""
    assert straight["fp32"] != straight["bf16"]
    assert content(newest(trained(tmp_path, STEPS, seed=6))) != straight["fp32"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("file", ["optimizers.safetensors", "memory.safetensors", "state.json"])
def test_resumed_over_a_damaged_checkpoint_equals_straight(file, precision, straight, tmp_path):
    flip(newest(trained(tmp_path, 13, 13, precision=precision)) / file)
    resumed = opened(tmp_path, precision=precision)
    assert resumed.step == 13
    deque(session.train(resumed), maxlen=0)
    assert content(newest(resumed)) == straight[precision]


def test_a_damaged_last_checkpoint_is_made_again(straight, tmp_path):
    flip(newest(trained(tmp_path, 20, 20)) / "ema.safetensors")
    assert content(newest(trained(tmp_path, 20))) == straight["fp32"]


def test_closing_between_two_steps_saves_and_resumes_equal(straight, tmp_path):
    with closing(session.train(opened(tmp_path))) as going:
        while next(going).step < 7:
            pass
    assert opened(tmp_path).step == 7
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


@pytest.mark.parametrize("limits", [Limits(max_seconds=1e-9), Limits(stop=lambda: True)])
def test_time_and_signals_only_stop(limits, straight, tmp_path):
    assert steps_in(session.train(opened(tmp_path), limits)) == [1]
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


@pytest.mark.parametrize("victim", ["discriminator", "generator"])
def test_an_interrupt_amid_a_step_resumes_equal(victim, straight, tmp_path, monkeypatch):
    """Ctrl-C comes anywhere: here when one of the two networks has stepped already."""
    monkeypatch.setattr(session, "SAVE_EVERY", 5)

    def interrupted(**options: float) -> ToyGan:
        system, calls = hard_gan(**options), count()

        def after() -> None:
            if next(calls) == 17:
                raise KeyboardInterrupt

        system.turns = [
            dataclasses.replace(each, after=after if each.name == victim else None)
            for each in system.turns
        ]
        return system

    with pytest.raises(KeyboardInterrupt):
        deque(session.train(opened(tmp_path, recipe=interrupted)), maxlen=0)
    assert opened(tmp_path).step == 15
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


def test_saves_now_and_then_and_keeps_two(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_EVERY", 15)
    monkeypatch.setattr(run, "distance", lambda columns: None)
    assert names(trained(tmp_path, STEPS)) == ["step_000040", "step_000030"]


def test_saves_after_some_time_too(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_SECONDS", 0.0)
    with closing(session.train(opened(tmp_path))) as going:
        for each in range(1, 4):
            next(going)
            assert opened(tmp_path).step == each


def test_the_best_survives_the_newest(tmp_path, monkeypatch):
    distances = iter([5.0, 1.0, 3.0, 2.0])
    monkeypatch.setattr(session, "SAVE_EVERY", 10)
    monkeypatch.setattr(run, "distance", lambda columns: next(distances))
    going = trained(tmp_path, STEPS)
    assert names(going) == ["step_000040", "step_000030", "step_000020"]
    assert checkpoint.best(list(checkpoint.usable(going.checkpoints))).name == "step_000020"


def test_a_checkpoint_says_how_far_the_averages_are_from_their_targets(tmp_path):
    going = trained(tmp_path, 3)
    _, samples = going.data()
    columns = going.look(samples)
    wanted = (columns["result"] - columns["target"]).abs().mean().item()
    assert checkpoint.facts_of(newest(going)).distance == pytest.approx(wanted)


class DrawsNoise(ToyGan):
    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        return {"drawn": torch.rand_like(batch["input"]), **super().preview(networks, batch)}


@pytest.mark.parametrize("kind", [ToyGan, DrawsNoise])
def test_looking_at_a_training_does_not_change_it(kind, straight, tmp_path, monkeypatch):
    def recipe(**options: float) -> ToyGan:
        plain = hard_gan(**options)
        return kind(plain.networks, plain.turns, plain.noisy, plain.size)

    monkeypatch.setattr(session, "LOOK_EVERY", 3)
    going = opened(tmp_path, recipe=recipe)
    deque(session.train(going, Limits(preview_every=15)), maxlen=0)
    sheets = sorted(path.name for path in (tmp_path / "previews").glob("*.png"))
    assert sheets == [f"step_{step:06d}.png" for step in (1, 15, 30, 40)]
    assert content(newest(going)) == straight["fp32"]


def test_a_finished_run_has_nothing_left_to_do(straight, tmp_path):
    going = trained(tmp_path, STEPS, 5)
    assert going.finished
    assert content(newest(going)) == straight["fp32"]


def test_nothing_is_pickled(tmp_path):
    trained(tmp_path, 6, 6)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json", ".png", ".html"}
    assert not list(tmp_path.rglob(".gantool-*"))


def test_the_log_has_a_line_per_logged_step_and_one_for_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "LOG_EVERY", 15)
    trained(tmp_path, 7, 99)
    lines = logged(tmp_path)
    assert [line["step"] for line in lines] == [15, 30, 40]
    assert set(lines[0]["losses"]) == {
        "discriminator/real",
        "discriminator/fake",
        "generator/fool",
    }


def test_a_resumed_log_has_every_step_once(tmp_path, monkeypatch):
    """Also after a kill that left steps beyond the last checkpoint and half a line."""
    monkeypatch.setattr(session, "LOG_EVERY", 1)
    trained(tmp_path, 4)
    with (tmp_path / "metrics.jsonl").open("a") as lines:
        lines.write(json.dumps({"step": 5, "losses": {}}) + '\n{"step": 6, "los')
    trained(tmp_path, 99)
    assert [line["step"] for line in logged(tmp_path)] == list(range(1, STEPS + 1))


def test_a_batch_that_cannot_be_shared_out_leaves_no_folder(tmp_path):
    settings = Settings("toy", {}, "noise", 4, accumulate=3)
    going = Run(hard_gan, tmp_path / "run", settings, tmp_path)
    with pytest.raises(UsageError, match="equal parts"):
        next(session.train(going))
    assert not (tmp_path / "run").exists()


class Alone(Workers):
    """One of two processes; the other has nothing to say, and hangs where this one saves alone."""

    def average(self, tensors: object) -> None: ...

    def highest(self, number: int) -> int:
        return number

    def gather(self, thing: object) -> list[dict[str, Tensor]]:
        raise AssertionError("waits for the other process")


def test_one_of_several_processes_that_is_closed_does_not_save_alone(tmp_path):
    settings = Settings("toy", {}, "noise", 20)
    going = Run(hard_gan, tmp_path / "run", settings, tmp_path, workers=Alone(world=2))
    with closing(session.train(going)) as steps:
        for _ in range(3):
            next(steps)
    assert going.step == 3
    assert not going.checkpoints.exists()


class Slow(Noise):
    """Data that are prepared in five parts, each of them noted."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "done", [])

    def prepare(self, rank: int, world: int):
        for number in range(len(self.done), 5):
            self.done.append((rank, world))
            yield number + 1, 5


def slow_run(folder, data: Slow) -> Run:
    going = opened(folder)
    going.system.dataset = lambda root, split: data
    return going


def test_data_are_prepared_before_the_first_step(tmp_path):
    data = Slow()
    things = list(session.train(slow_run(tmp_path, data), Limits(max_steps=2)))
    assert data.done == [(0, 1)] * 5
    told, *steps = things
    assert (told.kind, told.text) == ("prepared", "5 of 5 crops are prepared")
    assert steps_in(iter(steps)) == [1, 2]
    assert logged(tmp_path)[0] == {"step": 0, "event": "prepared", "text": told.text}
    again = list(session.train(slow_run(tmp_path, data), Limits(max_steps=1)))
    assert steps_in(iter(again)) == [3]
    assert len(data.done) == 5


def test_a_stop_while_data_are_prepared_keeps_what_is_done(tmp_path):
    data = Slow()
    stopped = Limits(stop=lambda: len(data.done) == 3)
    assert list(session.train(slow_run(tmp_path, data), stopped)) == []
    assert len(data.done) == 3
    assert (tmp_path / "run.json").is_file()
    resumed = list(session.train(slow_run(tmp_path, data), Limits(max_steps=1)))
    assert len(data.done) == 5
    assert steps_in(iter(resumed)) == [1]


def test_a_finished_run_prepares_nothing(tmp_path):
    trained(tmp_path, STEPS)
    data = Slow()
    list(session.train(slow_run(tmp_path, data)))
    assert data.done == []

"""Laws of a session that goes wrong: bad steps, ways back, failures that are noticed."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import GantoolError
from gantool.training import checkpoint, session
from gantool.training.loop import Progress
from gantool.training.monitors import Event
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.system import Batch
from systems import (
    STEPS,
    Noise,
    ToyGan,
    content,
    hard_gan,
    logged,
    newest,
    opened,
    quiet_gan,
    weights_of,
)

Spoils = Callable[[int, int], bool]
"""Whether the samples of (seed, step) are spoilt."""


def told(going: Run, limits: Limits | None = None) -> list[tuple[int, str]]:
    """The step and the kind of every event, to the end."""
    events = [(going.step, each) for each in session.train(going, limits)]
    return [(step, each.kind) for step, each in events if isinstance(each, Event)]


@dataclass(frozen=True)
class Spoilt(Noise):
    """Samples that are not a number where `spoils` says so; it notes what was asked for."""

    spoils: Spoils = lambda seed, step: False

    def sample(self, seed: int, step: int, item: int) -> Batch:
        sample = super().sample(seed, step, item)
        harm = torch.nan if self.spoils(seed, step) else 1.0
        return {name: tensor * harm for name, tensor in sample.items()}


def spoiling(spoils: Spoils, make: Callable[..., ToyGan] = quiet_gan):
    """A recipe whose samples are spoilt."""

    def recipe(**options: float) -> ToyGan:
        system = make(**options)
        system.dataset = lambda root, split: Spoilt(system.size, spoils)
        return system

    return recipe


def test_one_bad_step_is_skipped_told_and_logged(tmp_path):
    going = opened(tmp_path, recipe=spoiling(lambda seed, step: step == 9))
    seen, before = [], {}
    for each in session.train(going):
        now = weights_of(going.system.networks)
        if isinstance(each, Progress) and each.step == 10:
            assert all(torch.equal(now[name], before[name]) for name in now)
            assert (each.skipped, each.losses) == (("discriminator", "generator"), {})
        seen += [(going.step, each.text)] if isinstance(each, Event) else []
        before = now
    assert seen == [(10, f"no finite {name} loss") for name in ("discriminator", "generator")]
    events = [(line["step"], line["text"]) for line in logged(tmp_path) if "event" in line]
    assert events == seen
    assert going.finished


def test_two_bad_steps_in_a_row_are_not_enough_to_go_back(tmp_path):
    going = opened(tmp_path, recipe=spoiling(lambda seed, step: step % 3 < 2))
    assert {kind for _, kind in told(going)} == {"skipped"}
    assert going.setbacks == 0


def late(seed: int, step: int) -> bool:
    """Spoilt for the first seed alone, once there is a checkpoint."""
    return seed == 5 and 12 <= step < STEPS


def test_three_bad_steps_go_back_and_other_samples_follow(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_EVERY", 10)
    monkeypatch.setattr(session, "LOG_EVERY", 1)
    going = opened(tmp_path, recipe=spoiling(late))
    kinds = told(going)
    assert kinds == [(step, "skipped") for step in (13, 13, 14, 14)] + [(11, "rollback")]
    assert going.finished
    assert going.setbacks == 1
    assert checkpoint.facts_of(newest(going)).setbacks == 1
    (line,) = [line for line in logged(tmp_path) if line.get("event") == "rollback"]
    assert line["text"] == "step 14: no finite loss: back to step 10"
    assert all(torch.isfinite(each).all() for each in weights_of(going.ema.networks).values())


def test_a_run_that_went_back_resumes_with_the_other_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_EVERY", 10)
    straight = opened(tmp_path / "straight", recipe=spoiling(late))
    told(straight)
    stopped = opened(tmp_path / "stopped", recipe=spoiling(late))
    with closing(session.train(stopped)) as going:
        while stopped.setbacks == 0 or stopped.step < 25:
            next(going)
    assert told(opened(tmp_path / "stopped", recipe=spoiling(late))) == []
    resumed = opened(tmp_path / "stopped", recipe=spoiling(late))
    assert content(newest(resumed)) == content(newest(straight))


def test_where_other_samples_do_not_help_either_it_ends_with_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_EVERY", 10)
    going = opened(tmp_path, recipe=spoiling(lambda seed, step: 12 <= step < STEPS))
    with pytest.raises(GantoolError, match="step 14: no finite loss, also after .* step 10") as had:
        told(going)
    assert "\n" not in str(had.value)
    assert opened(tmp_path, recipe=quiet_gan).step == 10


def test_without_a_checkpoint_it_starts_over(tmp_path):
    going = opened(tmp_path, recipe=spoiling(lambda seed, step: seed == 5 and step in (2, 3, 4)))
    first = weights_of(going.system.networks)
    steps = session.train(going)
    seen = []
    for each in steps:
        if isinstance(each, Event):
            seen.append((going.step, each.kind))
        elif going.setbacks and not seen[4:]:
            assert each.step == 1
    assert seen[-1] == (1, "rollback")
    assert going.finished
    fresh = opened(tmp_path / "fresh", recipe=quiet_gan)
    assert all(map(torch.equal, first.values(), weights_of(fresh.system.networks).values()))


def test_a_bad_step_does_not_spoil_what_is_remembered(tmp_path):
    """Running statistics and pools have seen the bad samples before the loss has."""
    going = opened(tmp_path, recipe=spoiling(lambda seed, step: step == 9, hard_gan))
    assert {step for step, _ in told(going)} == {10}
    kept = weights_of(going.system.networks) | weights_of(going.ema.networks)
    kept |= {"pool": torch.stack(going.system.pool.pictures)}
    assert [name for name, each in kept.items() if not torch.isfinite(each).all()] == []


class Collapsed(ToyGan):
    """All its results are one."""

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        columns = super().preview(networks, batch)
        return {**columns, "result": columns["target"][:1].expand_as(columns["target"])}


def collapsed(**options: float) -> ToyGan:
    plain = quiet_gan(**options)
    return Collapsed(plain.networks, plain.turns, plain.noisy, plain.size)


def test_a_failure_is_told_once_at_the_second_look_of_a_trained_network(tmp_path, monkeypatch):
    """Looks are every 2 steps; those before step 5, a twentieth of the way, do not count."""
    monkeypatch.setattr(session, "LOOK_EVERY", 2)
    going = opened(tmp_path, recipe=collapsed, steps=100)
    assert told(going, Limits(max_steps=20)) == [(8, "collapse")]
    assert [line["step"] for line in logged(tmp_path) if line.get("event") == "collapse"] == [8]


def test_a_failure_can_stop_the_run_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "LOOK_EVERY", 2)
    going, seen = opened(tmp_path, recipe=collapsed, steps=100), []
    with pytest.raises(GantoolError, match="stopped at step 8, saved: collapse") as had:
        seen.extend(each for each in session.train(going, Limits(on_collapse="stop")))
    assert "\n" not in str(had.value)
    assert opened(tmp_path, recipe=quiet_gan, steps=100).step == 8
    assert logged(tmp_path)[-1]["event"] == "collapse"


def test_a_run_that_does_well_is_told_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "LOOK_EVERY", 2)

    def recipe(**options: float) -> ToyGan:
        system = quiet_gan(**options)
        system.preview = lambda networks, batch: {"result": batch["target"], **batch}
        return system

    assert told(opened(tmp_path, recipe=recipe), Limits(on_collapse="stop")) == []

"""Laws of a run: what its folder makes of it, what it looks at, what only the first writes."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool.media.images import read_image
from gantool.training import checkpoint, run, session, weights
from gantool.training.batches import collate
from gantool.training.networks.unet import UnetGenerator
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool.training.workers import Workers
from systems import Noise, differing, hard_gan, newest, opened, quiet_gan, trained, weights_of


def all_of(going: Run) -> dict[str, torch.Tensor]:
    """Weights and averages."""
    slow = {f"ema {name}": network for name, network in going.ema.networks.items()}
    return weights_of({**going.system.networks, **slow})


def test_the_seed_decides_the_first_weights(tmp_path):
    runs = [opened(tmp_path, seed=seed) for seed in (5, 5, 6)]
    one, same, other = (all_of(each) for each in runs)
    assert differing(one, same) == []
    assert differing(one, other)


@pytest.mark.parametrize("deep", [False, True])
def test_pictures_and_weights_are_channels_last_but_beside_a_unet(tmp_path, deep):
    seen = []

    def recipe(**options):
        system = hard_gan(**options)
        network = UnetGenerator(channels=2, depth=3) if deep else nn.Conv2d(3, 3, 3, padding=1)
        networks = dict(system.networks) | {"generator": network}
        network.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
        return dataclasses.replace(system, networks=networks)

    going = opened(tmp_path, recipe=recipe)
    next(going.steps(going.data()[0]))
    kernels = [w for w in going.system.networks["discriminator"].parameters() if w.ndim == 4]
    wide = torch.empty(2, 3, 8, 8)  # noise takes over the format of what it is added to
    expected = wide if deep else wide.to(memory_format=torch.channels_last)
    assert seen[0].stride() == expected.stride()
    assert all(kernel.is_contiguous() == deep for kernel in kernels)


def test_opening_writes_nothing(tmp_path):
    opened(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_it_is_where_its_newest_whole_checkpoint_is(tmp_path):
    assert opened(tmp_path).step == 0
    going = trained(tmp_path, 3)
    again = opened(tmp_path)
    assert (again.step, again.finished) == (3, False)
    assert differing(all_of(again), all_of(going)) == []
    assert trained(tmp_path, 99).finished


def test_its_settings_are_in_its_folder(tmp_path):
    going = trained(tmp_path, 1)
    assert Settings.read(tmp_path) == going.settings


def test_averages_start_where_the_weights_do(tmp_path):
    going = opened(tmp_path)
    assert differing(weights_of(going.ema.networks), weights_of(going.system.networks)) == []


def test_it_looks_at_eight_samples_that_no_step_has(tmp_path):
    going = opened(tmp_path)
    data, samples = going.data()
    assert all(len(each) == run.LOOKED_AT == 8 for each in samples.values())
    wanted = collate(Noise(), 5, run.HELD_OUT, range(8))
    assert torch.equal(samples["input"], wanted["input"])
    assert data.size == going.system.size


def test_it_looks_at_what_is_held_out_where_something_is(tmp_path):
    asked = []

    def recipe(**options: float):
        system = quiet_gan(**options)
        system.dataset = lambda root, split: asked.append((root, split)) or Noise(4)
        return system

    for folder, held_out in [("plain", "train"), ("parts", "val"), ("tested", "test")]:
        for name in {"train", held_out}:
            (tmp_path / folder / name).mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / folder / name / "a.png")
        opened(tmp_path / folder / "run", recipe=recipe).data()
        assert asked == [(tmp_path / folder, held_out), (tmp_path / folder, "train")]
        asked.clear()


def test_what_is_shown_is_the_averages_without_dropout(tmp_path):
    going = trained(tmp_path, 5)
    _, samples = going.data()
    columns = going.look(samples)
    wanted = going.ema.networks["generator"](samples["input"])
    assert torch.equal(columns["result"], wanted)
    assert not columns["result"].requires_grad
    assert differing(columns, going.look(samples)) == []


def test_a_sheet_shows_four_samples_and_is_written(tmp_path):
    going = opened(tmp_path)
    _, samples = going.data()
    sheet = going.show(samples)
    assert sheet.shape == (4 * 12, 3 * 12, 3)
    frame, _ = read_image(tmp_path / "previews" / "step_000000.png")
    assert np.array_equal(frame, sheet)


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    for name in ("gather", "highest", "average"):  # as if there were another process
        monkeypatch.setattr(Workers, name, lambda self, thing: thing)
    second = opened(tmp_path)
    second.workers = Workers(rank=1, world=2)
    for _ in session.train(second, Limits(max_steps=2, preview_every=1)):
        pass
    assert second.step == 2
    assert list(tmp_path.iterdir()) == []


def test_trying_out_the_pace_keeps_nothing(tmp_path):
    trained(tmp_path, 3)
    going, untouched = opened(tmp_path), opened(tmp_path)
    files = sorted(tmp_path.rglob("*"))
    assert going.pace() > 0
    assert differing(all_of(going), all_of(untouched)) == []
    assert (going.step, sorted(tmp_path.rglob("*"))) == (3, files)


def test_a_finished_run_has_no_steps_to_try_out(tmp_path):
    assert trained(tmp_path, 99).pace() == 0


def test_a_way_back_restores_all_but_the_samples(tmp_path):
    trained(tmp_path, 3)
    going, untouched = opened(tmp_path), opened(tmp_path)
    for _ in session.train(going, Limits(max_steps=2)):
        pass
    flipped = newest(going)
    (flipped / "state.json").unlink()  # back to step 3
    event = going.go_back()
    assert (going.step, going.setbacks, event.kind) == (3, 1, "rollback")
    assert differing(all_of(going), all_of(untouched)) == []
    data, _ = going.data()
    one, other = next(going.steps(data)), next(untouched.steps(data))
    assert one.losses != other.losses


def test_foreign_weights_are_the_start_of_a_run_of_its_own(tmp_path):
    other = trained(tmp_path / "other", 5, seed=9)
    settings = dataclasses.replace(opened(tmp_path / "mine").settings, init="other")
    going = Run(hard_gan, tmp_path / "mine", settings, tmp_path, init=tmp_path / "other")
    wanted = weights_of(other.ema.networks)
    assert differing(weights_of(going.system.networks), wanted) == []
    assert differing(weights_of(going.ema.networks), wanted) == []
    going.begin()
    assert checkpoint.step_of(newest(going)) == 0
    alone = opened(tmp_path / "mine")  # the other one may be gone by now
    assert differing(weights_of(alone.system.networks), wanted) == []


def test_a_run_under_way_does_not_take_its_first_weights_again(tmp_path, monkeypatch):
    trained(tmp_path / "mine", 3)
    monkeypatch.setattr(weights, "load", lambda *_: pytest.fail("asked for again"))
    going = opened(tmp_path / "mine")
    again = Run(hard_gan, tmp_path / "mine", going.settings, tmp_path, init=tmp_path / "gone")
    assert differing(all_of(again), all_of(going)) == []

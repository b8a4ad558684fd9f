"""Law: a run that was stopped, killed or damaged and resumed equals one that went straight."""

import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import DeviceError, GantoolError, UsageError
from gantool.training import checkpoint, run
from gantool.training.run import Run, Settings
from gantool.training.system import Export, Phase

torch.set_num_threads(1)  # in networks this small threads only wait for each other
STEPS = 12


class Noise:
    """A dataset of numbers alone."""

    def batch(self, seed: int, step: int) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(seed * 1000 + step)
        return {"real": torch.rand(2, 3, 8, 8, generator=random)}


@dataclass(frozen=True)
class ToyGan:
    """A GAN with all that makes resuming hard: two optimizers, dropout, running statistics."""

    networks: Mapping[str, nn.Module]
    turns: Sequence[Phase]

    def dataset(self, root: Path) -> Noise:
        return Noise()

    def phases(self) -> Sequence[Phase]:
        return self.turns

    def loss(self, phase: Phase, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        real = batch["real"]
        fake = self.networks["generator"](torch.rand_like(real))
        judge = self.networks["judge"]
        if phase.name == "generator":
            return {"fool": (judge(fake) - 1).square().mean()}
        return {
            "real": (judge(real) - 1).square().mean(),
            "fake": judge(fake.detach()).square().mean(),
        }

    def preview(
        self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]
    ) -> Mapping[str, Tensor]:
        return {"fake": networks["generator"](batch["real"]).clamp(0, 1)}

    def exports(self) -> Sequence[Export]:
        return []


def toy_gan(*, rate: float = 1e-2) -> ToyGan:
    generator = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.ConvTranspose2d(4, 3, 3))
    judge = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.LeakyReLU(), nn.Conv2d(5, 1, 3))
    networks = {"judge": judge, "generator": generator}
    turns = [
        Phase(name, torch.optim.Adam(net.parameters(), lr=rate), lambda done: 1 - done / 2)
        for name, net in networks.items()
    ]
    return ToyGan(networks, turns)


def opened(folder: Path, *, recipe=toy_gan, precision: str = "fp32", seed: int = 5) -> Run:
    settings = Settings("toy", {"rate": 1e-2}, "noise", STEPS, seed=seed, precision=precision)
    return Run(recipe, folder, settings, Path("unused"), "cpu")


def trained(folder: Path, *sessions: int, precision: str = "fp32") -> Run:
    """A run after sessions of so many steps each."""
    for steps in sessions:
        session = opened(folder, precision=precision)
        deque(session.train(max_steps=steps), maxlen=0)
    return session


def content(path: Path) -> dict[str, str]:
    """The hash of each file: equal where all weights, averages and moments are, bit for bit."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


def newest(session: Run) -> Path:
    return checkpoint.newest_first(session.checkpoints)[0]


def damage(path: Path) -> None:
    file = path / "optimizers.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """precision → the files of the last checkpoint of a run without a stop."""
    root = tmp_path_factory.mktemp("straight")
    return {
        precision: content(newest(trained(root / precision, STEPS, precision=precision)))
        for precision in ("fp32", "bf16")
    }


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("sessions", [(6, 6), (1, 4, 7), (5, 99)])
def test_resumed_equals_straight(sessions, precision, straight, tmp_path):
    session = trained(tmp_path, *sessions, precision=precision)
    assert session.finished
    assert content(newest(session)) == straight[precision]


def test_two_sessions_of_one_object_equal_straight(straight, tmp_path):
    session = opened(tmp_path)
    for _ in range(2):
        deque(session.train(max_steps=6), maxlen=0)
    assert content(newest(session)) == straight["fp32"]


def test_other_seeds_and_precisions_give_other_weights(straight, tmp_path):
    """The law's own test: equality is not for want of difference."""
    assert straight["fp32"] != straight["bf16"]
    session = opened(tmp_path)
    session.settings = dataclasses.replace(session.settings, seed=6)
    deque(session.train(), maxlen=0)
    assert content(newest(session)) != straight["fp32"]


def test_the_seed_decides_the_first_weights(tmp_path):
    runs = [opened(tmp_path, seed=seed) for seed in (5, 5, 6)]
    one, same, other = (run.system.networks["judge"][0].weight for run in runs)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resumed_over_a_damaged_checkpoint_equals_straight(precision, straight, tmp_path):
    damage(newest(trained(tmp_path, 4, 4, precision=precision)))
    resumed = opened(tmp_path, precision=precision)
    assert resumed.step == 4
    deque(resumed.train(), maxlen=0)
    assert content(newest(resumed)) == straight[precision]


def test_a_damaged_last_checkpoint_is_made_again(straight, tmp_path):
    damage(newest(trained(tmp_path, 6, 6)))
    session = trained(tmp_path, 6)
    assert content(newest(session)) == straight["fp32"]


def test_stopping_the_generator_saves_and_resumes_equal(straight, tmp_path):
    session = opened(tmp_path)
    for progress in session.train():
        if progress.step == 7:
            break
    assert opened(tmp_path).step == 7
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


def test_time_only_stops(straight, tmp_path):
    session = opened(tmp_path)
    assert [progress.step for progress in session.train(max_seconds=1e-9)] == [1]
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


@pytest.mark.parametrize("victim", ["judge", "generator"])
def test_an_interrupt_amid_a_step_resumes_equal(victim, straight, tmp_path):
    """Ctrl-C comes anywhere: here when one of the two networks has stepped already."""

    def interrupted(**options: float) -> ToyGan:
        system = toy_gan(**options)
        calls = iter(range(STEPS))

        def after() -> None:
            if next(calls) == 7:
                raise KeyboardInterrupt

        turns = [
            dataclasses.replace(t, after=after if t.name == victim else None) for t in system.turns
        ]
        return dataclasses.replace(system, turns=turns)

    session = opened(tmp_path, recipe=interrupted)
    with pytest.raises(KeyboardInterrupt):
        deque(session.train(), maxlen=0)
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


def train_and_die(folder: str) -> None:
    """Run in a process of its own: saves every third step, is killed after the eighth."""
    import os

    run.SAVE_EVERY = 3
    for progress in opened(Path(folder)).train():
        if progress.step == 8:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_killed_and_resumed_equals_straight(straight, tmp_path):
    code = f"import test_train_run as t; t.train_and_die({str(tmp_path)!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, check=False)
    assert done.returncode == -signal.SIGKILL
    assert opened(tmp_path).step == 6
    assert content(newest(trained(tmp_path, 99))) == straight["fp32"]


def poisoned(spoil: Tensor, gradient: Tensor):
    """A recipe whose generator's loss, or only its gradient, is NaN from the ninth step on."""

    def recipe(**options: float) -> ToyGan:
        system = toy_gan(**options)
        calls = iter(range(STEPS))

        def hook(network: nn.Module, given: object, result: Tensor) -> Tensor:
            late = next(calls) >= 4  # two calls a step, from the seventh step on
            if late and result.requires_grad:
                result.register_hook(lambda value: value * gradient)
            return result * spoil if late else result

        system.networks["generator"].register_forward_hook(hook)
        return system

    return recipe


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_what_is_not_finite_leaves_a_good_checkpoint(kind, tmp_path):
    nan, one = torch.tensor(torch.nan), torch.tensor(1.0)
    trained(tmp_path, 6)
    recipe = poisoned(nan, one) if kind == "loss" else poisoned(one, nan)
    session = opened(tmp_path, recipe=recipe)
    with pytest.raises(GantoolError, match="not finite"):
        deque(session.train(), maxlen=0)
    found = opened(tmp_path)
    assert found.step >= 6
    for network in (*found.system.networks.values(), *found.ema.networks.values()):
        assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())


def test_saves_now_and_then_and_keeps_two(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SAVE_EVERY", 5)
    session = trained(tmp_path, STEPS)
    names = [path.name for path in checkpoint.newest_first(session.checkpoints)]
    assert names == ["step_000012", "step_000010"]


class DrawsNoise(ToyGan):
    def preview(
        self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]
    ) -> Mapping[str, Tensor]:
        return {"fake": torch.rand_like(batch["real"])}


@pytest.mark.parametrize("kind", [ToyGan, DrawsNoise])
def test_looking_at_a_training_does_not_change_it(kind, straight, tmp_path):
    def recipe(**options: float) -> ToyGan:
        plain = toy_gan(**options)
        return kind(plain.networks, plain.turns)

    session = opened(tmp_path, recipe=recipe)
    deque(session.train(preview_every=4), maxlen=0)
    names = sorted(path.name for path in (tmp_path / "previews").glob("*.png"))
    assert names == [f"step_{step:06d}.png" for step in (1, 4, 8, 12)]
    assert content(newest(session)) == straight["fp32"]


def test_a_finished_run_has_nothing_left_to_do(straight, tmp_path):
    session = trained(tmp_path, STEPS, 5)
    assert session.finished
    assert content(newest(session)) == straight["fp32"]


def test_the_log_has_a_line_per_logged_step(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "LOG_EVERY", 5)
    trained(tmp_path, 7, 99)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 12]
    assert set(lines[0]["losses"]) == {"judge/real", "judge/fake", "generator/fool"}


def test_nothing_is_pickled(tmp_path):
    trained(tmp_path, 6, 6)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json", ".jsonl", ".png", ".html"}


def test_settings_come_back_as_they_were_written(tmp_path):
    settings = Settings("toy", {"rate": 0.1, "scale": 2}, "noise", 9, seed=3, precision="bf16")
    settings.write(tmp_path)
    assert Settings.read(tmp_path) == settings
    assert settings.versions["torch"] == torch.__version__


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"recipe": "toy", "unknown": 1}'])
def test_a_folder_that_is_no_run_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=f"{tmp_path}: not the folder of a training run"):
        Settings.read(tmp_path)


def test_devices():
    assert run.device("cpu") == "cpu"
    assert run.device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(DeviceError, match="--device tpu: .* --device cpu"):
        run.device("tpu")


def test_a_resumed_log_has_every_step_once(tmp_path, monkeypatch):
    """Also after a kill that left steps beyond the last checkpoint and half a line."""
    monkeypatch.setattr(run, "LOG_EVERY", 1)
    trained(tmp_path, 4)
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write(json.dumps({"step": 5, "losses": {}}) + '\n{"step": 6, "los')
    trained(tmp_path, 99)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, STEPS + 1))

"""Laws of checkpoints: read(write(x)) is x, damage is seen, nothing half is left."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import OutputError, UsageError
from gantool.training import checkpoint
from gantool.training.ema import Ema
from gantool.training.system import Phase

torch.set_num_threads(1)  # in networks this small threads only wait for each other
FILES = ["ema.safetensors", "networks.safetensors", "optimizers.safetensors", "random.safetensors"]


@dataclass
class Pair:
    """Two networks, with buffers, and an optimizer each."""

    width: int = 3

    def __post_init__(self) -> None:
        wide = nn.Conv2d(3, self.width, 3).to(memory_format=torch.channels_last)
        self.networks = {"g": wide, "d": nn.BatchNorm2d(3)}
        self.turns = [
            Phase(name, torch.optim.Adam(net.parameters(), lr=0.1), lambda _: 1.0)
            for name, net in self.networks.items()
        ]

    def phases(self) -> list[Phase]:
        return self.turns

    def step(self) -> None:
        """One step on random data, by the random state of the moment."""
        for phase in self.turns:
            phase.optimizer.zero_grad()
            self.networks[phase.name](torch.rand(2, 3, 8, 8)).square().mean().backward()
            phase.optimizer.step()


def tensors(system: Pair, ema: Ema) -> dict[str, Tensor]:
    """All that a checkpoint has to keep."""
    slow = {f"ema {name}": network for name, network in ema.networks.items()}
    found = {
        f"{name}.{key}": tensor
        for name, network in {**system.networks, **slow}.items()
        for key, tensor in network.state_dict().items()
    }
    for phase in system.phases():
        for index, entry in phase.optimizer.state_dict()["state"].items():
            found |= {f"adam.{phase.name}.{index}.{key}": value for key, value in entry.items()}
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def started(seed: int = 0) -> tuple[Pair, Ema]:
    torch.manual_seed(seed)
    system = Pair()
    ema = Ema(system.networks)
    for step in range(2):
        system.step()
        ema.update(system.networks, step)
    return system, ema


def saved(folder: Path, *steps: int) -> list[Path]:
    """Checkpoints of those steps, oldest first."""
    system, ema = started()
    return [checkpoint.save(folder, step, system, ema, keep=9) for step in steps]


def flip(file: Path, at: int = -1) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def assert_same(some: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    assert some.keys() == others.keys()
    assert [name for name in some if not torch.equal(some[name], others[name])] == []


def test_loading_gives_back_what_was_saved(tmp_path):
    system, ema = started()
    path = checkpoint.save(tmp_path, 2, system, ema)
    wanted, draw = tensors(system, ema), torch.rand(3)
    other, other_ema = started(seed=1)
    assert checkpoint.load(path, other, other_ema) == 2
    assert_same(tensors(other, other_ema), wanted)
    assert torch.equal(torch.rand(3), draw)


def test_the_next_step_is_the_same_after_loading(tmp_path):
    system, ema = started()
    path = checkpoint.save(tmp_path, 2, system, ema)
    system.step()
    other, other_ema = started(seed=1)
    checkpoint.load(path, other, other_ema)
    other.step()
    assert_same(tensors(other, other_ema), tensors(system, ema))


def test_averages_can_be_had_alone(tmp_path):
    system, ema = started()
    path = checkpoint.save(tmp_path, 2, system, ema)
    other = Pair()
    checkpoint.load_ema(path, other.networks)
    assert torch.equal(other.networks["g"].weight, ema.networks["g"].weight)


def test_only_safetensors_and_json(tmp_path):
    (path,) = saved(tmp_path, 2)
    assert sorted(file.name for file in path.iterdir()) == [*FILES, "state.json"]
    assert checkpoint.step_of(path) == 2


def test_only_the_newest_are_kept(tmp_path):
    saved(tmp_path, 1, 2, 3, 1000)
    checkpoint.save(tmp_path, 1001, *started(), keep=3)
    assert [path.name for path in checkpoint.newest_first(tmp_path)] == [
        "step_001001", "step_001000", "step_000003",
    ]  # fmt: skip


def test_newest_is_by_number_however_many_digits(tmp_path):
    saved(tmp_path, 999_999, 1_000_000)
    assert checkpoint.step_of(next(checkpoint.usable(tmp_path))) == 1_000_000


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", [flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_damaged_one_is_passed_over(tmp_path, name, harm):
    older, newer = saved(tmp_path, 5, 10)
    assert list(checkpoint.usable(tmp_path)) == [newer, older]
    harm(newer / name)
    assert list(checkpoint.usable(tmp_path)) == [older]


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "null", '{"sha256": 5}', '{"sha256": {}}'])
def test_a_damaged_state_is_passed_over(tmp_path, text):
    older, newer = saved(tmp_path, 5, 10)
    (newer / "state.json").write_text(text)
    assert list(checkpoint.usable(tmp_path)) == [older]


def test_no_flipped_bit_of_the_state_goes_unseen(tmp_path):
    (path,) = saved(tmp_path, 5)
    state = path / "state.json"
    content, unseen = state.read_bytes(), []
    for at in range(len(content)):
        flip(state, at)
        unseen += [at for _ in checkpoint.usable(tmp_path)]
        state.write_bytes(content)
    assert [content[max(at - 8, 0) : at + 1] for at in unseen] == []


def test_a_damaged_one_can_be_written_anew(tmp_path):
    _, newer = saved(tmp_path, 5, 10)
    flip(newer / "ema.safetensors")
    checkpoint.save(tmp_path, 10, *started())
    assert next(checkpoint.usable(tmp_path)) == newer


def test_damaged_ones_do_not_push_out_the_last_good_one(tmp_path):
    _, *damaged = saved(tmp_path, 5, 10, 15)
    for path in damaged:
        flip(path / "ema.safetensors")
    written = checkpoint.save(tmp_path, 7, *started(), keep=2)
    assert next(checkpoint.usable(tmp_path)) == written


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    (path,) = saved(tmp_path, 2)
    other = Pair(width=5)
    with pytest.raises(UsageError, match="does not fit the recipe's g"):
        checkpoint.load(path, other, Ema(other.networks))


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    (older,) = saved(tmp_path, 5)

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "_sha256", fails)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, 10, *started())
    assert list(tmp_path.iterdir()) == [older]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_a_full_disk_is_an_output_error(tmp_path):
    import resource  # Windows has none

    (older,) = saved(tmp_path, 5)
    system, ema = started()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OutputError, match="step_000010"):
            checkpoint.save(tmp_path, 10, system, ema)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [older]


DIES = """
import os, signal, sys
from pathlib import Path
import test_checkpoint
from gantool.training import checkpoint
count = 0
def counted(original):
    def call(*given, **named):
        global count
        count += 1
        if count == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given, **named)
    return call
checkpoint.save_file = counted(checkpoint.save_file)
checkpoint._sha256 = counted(checkpoint._sha256)
os.rename = counted(os.rename)
test_checkpoint.saved(Path(sys.argv[1]), 10)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", [3, 9], ids=["between two files", "before the rename"])
def test_a_killed_write_leaves_no_checkpoint(tmp_path, moment):
    (older,) = saved(tmp_path, 5)
    command = [sys.executable, "-c", DIES, str(tmp_path), str(moment)]
    done = subprocess.run(command, cwd=Path(__file__).parent, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("step_*")) == list(checkpoint.usable(tmp_path)) == [older]
    assert json.loads((older / "state.json").read_text())["step"] == 5


def test_strangers_are_passed_over_and_leftovers_removed(tmp_path):
    """What a kill left of a write goes with the next one; other folders stay."""
    (tmp_path / "step_old").mkdir()
    (tmp_path / ".gantool-left").mkdir(parents=True)
    (path,) = saved(tmp_path, 5)
    assert list(checkpoint.usable(tmp_path)) == [path]
    assert {each.name for each in tmp_path.iterdir()} == {"step_old", "step_000005"}

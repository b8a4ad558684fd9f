"""Laws of checkpoints: read(write(x)) is x, damage is seen, nothing half is left."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gantool.errors import OutputError, UsageError
from gantool.training import checkpoint
from gantool.training.checkpoint import Facts
from gantool.training.ema import Ema
from gantool.training.penalties import History
from gantool.training.system import Phase
from systems import differing, flip, weights_of

FILES = ["ema.safetensors", "memory.safetensors", "networks.safetensors", "optimizers.safetensors"]
OPTIMIZERS = {
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, lr=0.1),
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.1, amsgrad=True),
}


@dataclass
class Pair:
    """Two networks, with buffers, an optimizer each, and a pool."""

    width: int = 3
    optimizer: str = "adam"
    pool: History = field(default_factory=lambda: History(3))

    def __post_init__(self) -> None:
        wide = nn.Conv2d(3, self.width, 3).to(memory_format=torch.channels_last)
        self.networks = {"g": wide, "d": nn.BatchNorm2d(3)}
        make = OPTIMIZERS[self.optimizer]
        self.turns = [
            Phase(name, make(net.parameters()), lambda _: 1.0)
            for name, net in self.networks.items()
        ]
        self.memory = {"pool": self.pool}

    def phases(self) -> list[Phase]:
        return self.turns

    def step(self) -> None:
        """One step on random data, by the random state of the moment."""
        for phase in self.turns:
            phase.optimizer.zero_grad()
            mixed = self.pool.mix(torch.rand(2, 3, 8, 8))
            self.networks[phase.name](mixed).square().mean().backward()
            phase.optimizer.step()


def tensors(system: Pair, ema: Ema) -> dict[str, Tensor]:
    """All that a checkpoint has to keep."""
    slow = {f"ema {name}": network for name, network in ema.networks.items()}
    found = weights_of({**system.networks, **slow})
    for phase in system.phases():
        for index, entry in phase.optimizer.state_dict()["state"].items():
            found |= {f"state.{phase.name}.{index}.{key}": value for key, value in entry.items()}
    found |= {f"pool.{name}": tensor for name, tensor in system.pool.state().items()}
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def started(seed: int = 0, optimizer: str = "adam") -> tuple[Pair, Ema]:
    torch.manual_seed(seed)
    system = Pair(optimizer=optimizer)
    ema = Ema(system.networks)
    for step in range(2):
        system.step()
        ema.update(system.networks, step)
    return system, ema


def save(folder: Path, step: int, system: Pair, ema: Ema, *, facts=None, keep: int = 2) -> Path:
    memories = [checkpoint.memory(system)]
    return checkpoint.save(folder, step, system, ema, memories, facts or Facts(), keep=keep)


def saved(folder: Path, *steps: int) -> list[Path]:
    """Checkpoints of those steps, oldest first."""
    system, ema = started()
    return [save(folder, step, system, ema, keep=9) for step in steps]


def names(folder: Path) -> list[str]:
    return [path.name for path in checkpoint.newest_first(folder)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_loading_gives_back_what_was_saved(tmp_path, optimizer):
    system, ema = started(optimizer=optimizer)
    path = save(tmp_path, 2, system, ema)
    other, other_ema = started(seed=1, optimizer=optimizer)
    assert differing(tensors(other, other_ema), tensors(system, ema))
    assert checkpoint.load(path, other, other_ema) == 2
    assert differing(tensors(other, other_ema), tensors(system, ema)) == []


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_next_step_is_the_same_after_loading(tmp_path, optimizer):
    system, ema = started(optimizer=optimizer)
    path = save(tmp_path, 2, system, ema)
    torch.manual_seed(2)
    system.step()
    other, other_ema = started(seed=1, optimizer=optimizer)
    checkpoint.load(path, other, other_ema)
    torch.manual_seed(2)
    other.step()
    assert differing(tensors(other, other_ema), tensors(system, ema)) == []


def test_a_system_that_remembers_nothing_yet_comes_back_so(tmp_path):
    fresh = Pair()
    path = save(tmp_path, 0, fresh, Ema(fresh.networks))
    other, ema = started(seed=1)
    checkpoint.load(path, other, ema)
    assert other.pool.pictures == []


def test_every_process_gets_its_own_memory_and_a_new_one_that_of_the_first(tmp_path):
    systems = [started(seed)[0] for seed in (0, 1)]
    pools = [torch.stack(each.pool.pictures) for each in systems]
    memories = [checkpoint.memory(each) for each in systems]
    ema = Ema(systems[0].networks)
    path = checkpoint.save(tmp_path, 2, systems[0], ema, memories, Facts())
    for rank, wanted in [(0, pools[0]), (1, pools[1]), (2, pools[0])]:
        other = Pair()
        checkpoint.load(path, other, Ema(other.networks), rank=rank)
        assert torch.equal(torch.stack(other.pool.pictures), wanted)


def test_averages_can_be_had_alone(tmp_path):
    system, ema = started()
    path = save(tmp_path, 2, system, ema)
    other = Pair()
    checkpoint.load_ema(path, other.networks)
    assert torch.equal(other.networks["g"].weight, ema.networks["g"].weight)


def test_only_safetensors_and_json(tmp_path):
    (path,) = saved(tmp_path, 2)
    assert sorted(file.name for file in path.iterdir()) == [*FILES, "state.json"]
    assert checkpoint.step_of(path) == 2


def test_only_the_newest_are_kept(tmp_path):
    saved(tmp_path, 1, 2, 3, 1000)
    save(tmp_path, 1001, *started(), keep=3)
    assert names(tmp_path) == ["step_001001", "step_001000", "step_000003"]


@pytest.mark.parametrize("best", [1, 2, 4, 5])
def test_the_best_is_kept_beside_the_newest(tmp_path, best):
    for step in range(1, 6):
        save(tmp_path, step, *started(), facts=Facts(0.1 if step == best else 0.1 + step))
    assert names(tmp_path) == [f"step_{step:06d}" for step in sorted({5, 4, best}, reverse=True)]
    assert checkpoint.best(list(checkpoint.usable(tmp_path))).name == f"step_{best:06d}"


def test_without_distances_the_newest_is_the_best(tmp_path):
    saved(tmp_path, 1, 2)
    assert checkpoint.best(list(checkpoint.usable(tmp_path))).name == "step_000002"
    save(tmp_path, 3, *started(), facts=Facts(9.0))
    save(tmp_path, 4, *started())
    assert checkpoint.best(list(checkpoint.usable(tmp_path))).name == "step_000003"


def test_a_best_one_that_is_damaged_does_not_count(tmp_path):
    paths = [save(tmp_path, step, *started(), facts=Facts(float(step))) for step in (1, 2, 3)]
    flip(paths[0] / "ema.safetensors")
    assert checkpoint.best(list(checkpoint.usable(tmp_path))) == paths[1]


def test_facts_come_back(tmp_path):
    facts = Facts(distance=0.25, setbacks=3)
    assert checkpoint.facts_of(save(tmp_path, 1, *started(), facts=facts)) == facts
    assert checkpoint.facts_of(save(tmp_path, 2, *started())) == Facts()


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
    save(tmp_path, 10, *started())
    assert next(checkpoint.usable(tmp_path)) == newer


def test_damaged_ones_do_not_push_out_the_last_good_one(tmp_path):
    _, *damaged = saved(tmp_path, 5, 10, 15)
    for path in damaged:
        flip(path / "ema.safetensors")
    written = save(tmp_path, 7, *started(), keep=2)
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
        save(tmp_path, 10, *started())
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
            save(tmp_path, 10, system, ema)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [older]


DIES = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "..")
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

"""Law: several processes, each with its share of a batch, train what one alone would."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gantool.training import checkpoint, session, workers
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool.training.workers import Workers
from systems import differing, logged, quiet_gan, weights_of

STEPS = 8


@pytest.mark.parametrize(("world", "parts", "size"), [(1, 1, 4), (2, 2, 8), (3, 1, 6), (2, 1, 2)])
def test_shares_are_equal_and_cover_the_batch_once(world, parts, size):
    items = range(100, 100 + size)
    shares = [Workers(rank, world).share(items, parts) for rank in range(world)]
    assert {len(part) for share in shares for part in share} == {size // world // parts}
    assert [len(share) for share in shares] == [parts] * world
    assert sorted(item for share in shares for part in share for item in part) == [*items]


def test_one_alone_is_the_first_and_keeps_its_own():
    alone, tensor = Workers(), torch.ones(2)
    alone.average([tensor])
    assert (alone.first, alone.highest(7), tensor.tolist()) == (True, 7, [1, 1])
    assert alone.gather({"x": tensor}) == [{"x": tensor}]
    assert not Workers(rank=1, world=2).first


def test_without_torchrun_nobody_is_waited_for(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert workers.join("cpu") == Workers(device="cpu")
    assert not torch.distributed.is_initialized()


def opened(folder: Path, group: Workers | None = None) -> Run:
    settings = Settings("toy", {}, "noise", STEPS, seed=5)
    return Run(quiet_gan, folder, settings, folder.parent, workers=group)


def losses(run: Run, limits: Limits) -> list[dict[str, float]]:
    return [each.losses for each in session.train(run, limits)]


def take_part(folder: Path, max_steps: int) -> None:
    """One of several processes: says what it has done and what it remembers."""
    group = workers.join("cpu")
    session.LOG_EVERY = 1
    run = opened(folder, group)
    said = {"resumed": _pool(run), "losses": losses(run, Limits(max_steps=max_steps))}
    said |= {"pool": _pool(run), "step": run.step, "highest": group.highest(group.rank + 3)}
    total = [torch.full((2,), float(group.rank)), torch.tensor(group.rank + 1.0)]
    group.average(total)
    said["mean"] = [each.tolist() for each in total]
    (folder.parent / f"{group.rank}.json").write_text(json.dumps(said))
    torch.distributed.destroy_process_group()


def _pool(run: Run) -> list[float]:
    return [picture.double().sum().item() for picture in run.system.pool.pictures]


def together(folder: Path, max_steps: int, world: int = 2) -> list[dict[str, object]]:
    """What every process has to say, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parent
    code = f"""import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]
from pathlib import Path; import test_workers
test_workers.take_part(Path({str(folder)!r}), {max_steps})
import os; os._exit(0)  # threads of torch may abort the end of the interpreter"""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=os.environ | place | {"RANK": str(rank)})
        for rank in range(world)
    ]
    try:
        assert [each.wait(timeout=300) for each in started] == [0] * world
    finally:
        for each in started:
            each.kill()
    return [json.loads((folder.parent / f"{rank}.json").read_text()) for rank in range(world)]


@pytest.mark.slow
def test_two_processes_train_what_one_would_and_resume_with_their_own_memories(tmp_path):
    alone = opened(tmp_path / "alone")
    wanted = losses(alone, Limits())
    begun = together(tmp_path / "two", 5)
    assert [each["step"] for each in begun] == [5, 5]  # both stop
    path = next(checkpoint.usable(tmp_path / "two" / checkpoint.FOLDER))
    resumed = together(tmp_path / "two", STEPS)
    for rank in range(2):
        got = [*begun[rank]["losses"], *resumed[rank]["losses"]]
        assert len(got) == STEPS
        for mine, theirs in zip(got, wanted, strict=True):
            assert mine == pytest.approx(theirs, rel=1e-4)
        assert resumed[rank]["resumed"] == begun[rank]["pool"] != []
        assert begun[rank]["highest"] == 4
        assert begun[rank]["mean"] == [[0.5, 0.5], 1.5]
    assert begun[0]["pool"] != begun[1]["pool"]
    assert checkpoint.step_of(path) == 5
    both = weights_of(opened(tmp_path / "two").system.networks)
    for name, tensor in weights_of(alone.system.networks).items():
        torch.testing.assert_close(both[name], tensor, rtol=1e-3, atol=1e-4)
    assert [line["step"] for line in logged(tmp_path / "two")] == [*range(1, STEPS + 1)]  # once
    start = weights_of(opened(tmp_path / "fresh").system.networks)
    assert differing(start, both)

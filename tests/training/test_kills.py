"""Law: killed at any moment, a training loses at most one interval and ends as if it had not."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from gantool.atomic import ASIDE
from gantool.training import checkpoint, session
from systems import content, logged, newest, opened, trained

INTERVAL = 5
"""Steps between two checkpoints."""


def train(folder: Path, steps: int, *, slowly: bool) -> None:
    """In a process of its own. `slowly`: saving takes long enough to be met."""
    session.SAVE_EVERY, session.LOG_EVERY = INTERVAL, 1
    save_tensors = checkpoint._save_tensors

    def slow(*given: object) -> None:
        time.sleep(0.02)
        save_tensors(*given)

    checkpoint._save_tensors = slow if slowly else save_tensors
    trained(folder, steps, steps=steps)


def reached(folder: Path) -> int:
    """The last step in the log, which has a line for each and no events."""
    log = folder / "metrics.jsonl"
    return log.read_text().count("}\n") if log.exists() else 0


def is_saving(folder: Path) -> bool:
    return any((folder / checkpoint.FOLDER).glob(f"{ASIDE}*"))


def kill(folder: Path, steps: int, *, more: int, later: float, amid: bool) -> None:
    """Start or go on, and kill it `more` steps and `later` seconds on, or `amid` a save then."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gantool.training.session"])
    process = context.Process(target=train, args=(folder, steps), kwargs={"slowly": amid})
    goal = saved(folder) + more
    process.start()
    while process.is_alive() and (reached(folder) < goal or (amid and not is_saving(folder))):
        time.sleep(0.001)
    time.sleep(0.0 if amid else later)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def saved(folder: Path) -> int:
    whole = next(checkpoint.usable(folder / checkpoint.FOLDER), None)
    return 0 if whole is None else checkpoint.step_of(whole)


@pytest.mark.slow
def test_twenty_kills_lose_no_more_than_an_interval_each_and_no_bit_in_the_end(tmp_path, scale):
    kills = max(2, round(20 * scale))
    steps, drawn, amid_saves = 30 * kills, random.Random(0), 0
    for number in range(kills):
        amid = number % 4 == 1
        more, later = drawn.randrange(1, 10), drawn.uniform(0, 0.03)
        kill(tmp_path / "killed", steps, more=more, later=later, amid=amid)
        amid_saves += is_saving(tmp_path / "killed")
        assert 0 <= reached(tmp_path / "killed") - saved(tmp_path / "killed") <= INTERVAL
    assert amid_saves >= kills // 4
    resumed = trained(tmp_path / "killed", steps, steps=steps)
    straight = trained(tmp_path / "straight", steps, steps=steps)
    assert 0 < saved(tmp_path / "killed") == opened(tmp_path / "straight", steps=steps).step
    assert content(newest(resumed)) == content(newest(straight))
    assert not is_saving(tmp_path / "killed")
    assert logged(tmp_path / "killed")[-1]["step"] == steps

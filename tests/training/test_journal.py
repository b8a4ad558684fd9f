"""Laws of the log: a line per thing said, each step once, TensorBoard only where asked for."""

import json
import sys

import numpy as np
import pytest

from gantool.errors import UsageError
from gantool.training import journal
from gantool.training.journal import Journal, event_line, progress_line
from gantool.training.loop import Progress
from gantool.training.monitors import Event
from systems import logged


def progress(step: int, *skipped: str) -> Progress:
    return Progress(step, {"generator/l1": 0.5}, 0.25, 0.125, skipped)


def written(folder, *steps: int) -> Journal:
    log = Journal(folder)
    for step in steps:
        log.progress(progress(step))
    return log


def test_a_line_says_what_the_step_did(tmp_path):
    written(tmp_path, 3)
    wanted = {"step": 3, "losses": {"generator/l1": 0.5}, "seconds": 0.25, "waited": 0.125}
    assert logged(tmp_path) == [wanted]
    assert progress_line(progress(3, "generator"))["skipped"] == ("generator",)


def test_a_line_says_what_was_noticed(tmp_path):
    Journal(tmp_path).event(7, Event("collapse", "all are one"))
    assert logged(tmp_path) == [{"step": 7, "event": "collapse", "text": "all are one"}]
    assert event_line(7, Event("collapse", "all are one")) == logged(tmp_path)[0]


def test_lines_are_appended_also_by_a_later_one(tmp_path):
    written(tmp_path, 1, 2)
    written(tmp_path, 3)
    assert [line["step"] for line in logged(tmp_path)] == [1, 2, 3]


def test_steps_that_come_again_are_forgotten_with_their_events(tmp_path):
    log = written(tmp_path, 1, 2, 3)
    log.event(2, Event("drift", "red"))
    log.event(3, Event("drift", "red"))
    log.forget_after(2)
    assert [(line["step"], "event" in line) for line in logged(tmp_path)] == [
        (1, False),
        (2, False),
        (2, True),
    ]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_forgotten(tmp_path, cut):
    log = written(tmp_path, 1, 2)
    whole = log.file.read_text()
    log.file.write_text(whole[:-cut])
    log.forget_after(9)
    assert [line["step"] for line in logged(tmp_path)] == [1]
    log.progress(progress(2))
    assert log.file.read_text() == whole


def test_a_log_that_fits_is_not_written_anew(tmp_path):
    log = written(tmp_path, 1, 2)
    before = log.file.stat().st_ino
    log.forget_after(2)
    assert log.file.stat().st_ino == before


def test_without_a_log_there_is_nothing_to_forget(tmp_path):
    Journal(tmp_path).forget_after(0)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_not_active_writes_nothing(tmp_path):
    written(tmp_path, 1, 2)
    before = (tmp_path / journal.NAME).read_text()
    second = Journal(tmp_path, tensorboard=True, active=False)
    second.forget_after(1)
    second.progress(progress(3))
    second.event(3, Event("drift", "red"))
    second.sheet(3, np.zeros((4, 4, 3), np.uint8))
    second.close()
    assert [path.name for path in tmp_path.iterdir()] == [journal.NAME]
    assert (tmp_path / journal.NAME).read_text() == before


def test_tensorboard_gets_losses_events_and_sheets(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Journal(tmp_path, tensorboard=True)
    log.progress(progress(5))
    log.event(5, Event("drift", "red"))
    log.sheet(5, np.zeros((4, 6, 3), np.uint8))
    log.close()
    found = loader.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (scalar,) = found.Scalars("generator/l1")
    (image,) = found.Images("preview")
    assert (scalar.step, scalar.value) == (5, 0.5)
    assert (image.step, image.width, image.height) == (5, 6, 4)
    assert found.Tags()["tensors"] == ["drift/text_summary"]
    assert [json.loads(line)["step"] for line in log.file.read_text().splitlines()] == [5, 5]


def test_tensorboard_that_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="--tensorboard: pip install tensorboard"):
        Journal(tmp_path, tensorboard=True)
    Journal(tmp_path).close()

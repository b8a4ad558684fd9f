"""Laws of haze: those of every task, and its own."""

from pathlib import Path

import numpy as np
import pytest
from gantool import UsageError
from gantool.testing import CommandLine, assert_task_contract

import gantool_haze as plugin


def test_it_keeps_what_every_task_promises() -> None:
    assert_task_contract(plugin.haze)


def test_strength_0_changes_nothing() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (plugin.changed(frame, 0.0) == frame).all()
    assert (plugin.changed(frame, 1.0) != frame).any()


def test_strength_has_limits() -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        plugin.haze(strength=2.0)


def test_command_takes_odd_pictures(command_line: CommandLine, odd_pictures: Path) -> None:
    ended = command_line("haze", str(odd_pictures))
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == len(list(odd_pictures.iterdir()))

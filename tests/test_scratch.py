"""Laws of arrays that are too large for memory."""

import errno
import os
import tempfile

import numpy as np
import pytest

from gantool import scratch
from gantool.errors import OutputError
from gantool.scratch import allocate


def test_only_a_large_array_is_on_the_disk(monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY", 2 * 30 * 40)
    for shape, on_disk in (((30, 40), False), ((30, 41), True), ((30, 40, 3), True)):
        made = allocate(shape, np.dtype(np.uint16))
        assert (made.shape, made.dtype) == (shape, np.uint16)
        assert isinstance(made, np.memmap) == on_disk
        made[:] = 7
        assert (made == 7).all()


def test_the_disk_is_the_one_that_was_named(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    asked = []
    real = tempfile.TemporaryFile

    def noted(**options):
        asked.append(options["dir"])
        return real(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    allocate((3, 4), np.dtype(np.uint8))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    allocate((3, 4), np.dtype(np.uint8))
    assert asked == [tmp_path, None]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_before_anything_is_made(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match=r"0\.3 GB \(No space left.*TMPDIR"):
        allocate((10_000, 10_000, 3), np.dtype(np.uint8))

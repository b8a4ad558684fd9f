"""Laws of writing: the final name holds the old content or the new one, and nothing else stays."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest

from gantool import atomic
from gantool.atomic import replacing
from gantool.errors import OutputError

STEPS = ["os.fsync", "os.replace"]


@pytest.fixture
def umask():
    """Sets the umask; the old one comes back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def write_two(path):
    """A folder of two files; the body runs before it is complete."""
    with atomic.write_folder(path) as aside:
        (aside / "a").write_bytes(b"1")
        (aside / "b").write_bytes(b"2")
        yield


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("old", [None, b"old"])
def test_what_is_written_is_what_is_there(old, tmp_path):
    path = tmp_path / "with spaces\nand ümlauts.bin"
    if old is not None:
        path.write_bytes(old)
    atomic.write_bytes(path, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"new"]


def test_text_is_utf_8(tmp_path):
    atomic.write_text(tmp_path / "a", "ü")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xbc"


@pytest.mark.parametrize("step", STEPS)
def test_failed_write_keeps_the_old_file_and_leaves_nothing_beside_it(step, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(step, full_disk)
    with pytest.raises(OutputError, match=r"a\.png: cannot be written: No space left"):
        atomic.write_bytes(path, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_write_leaves_nothing(step, tmp_path, monkeypatch):
    monkeypatch.setattr(step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_bytes(tmp_path / "a.png", b"new")
    assert not list(tmp_path.iterdir())


def test_process_killed_before_the_rename_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    code = (
        "import os, sys, pathlib; from gantool import atomic; os.replace = lambda *_: os._exit(9)"
    )
    write = "atomic.write_bytes(pathlib.Path(sys.argv[1]), b'new')"
    assert subprocess.run([sys.executable, "-c", f"{code}; {write}", path]).returncode == 9
    assert path.read_bytes() == b"old"


def test_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        atomic.write_bytes(tmp_path / "missing" / "a.png", b"new")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_permissions_follow_the_umask(mask, tmp_path, umask):
    umask(mask)
    atomic.write_bytes(tmp_path / "file", b"")
    with atomic.write_folder(tmp_path / "folder"):
        pass
    assert permissions(tmp_path / "file") == 0o666 & ~mask
    assert permissions(tmp_path / "folder") == 0o777 & ~mask


def test_umask_survives_writes_from_many_threads(tmp_path, umask, monkeypatch):
    """Reading the umask means setting it: two threads at once must not take each other's zero."""
    umask(0o027)
    monkeypatch.setattr(os, "umask", lambda mask: (umask(mask), time.sleep(0.01))[0])
    with ThreadPoolExecutor(4) as threads:
        files = [tmp_path / str(number) for number in range(8)]
        list(threads.map(lambda file: atomic.write_bytes(file, b""), files))
    assert {permissions(file) for file in files} == {0o640}
    assert umask(0o022) == 0o027


def test_threads_that_write_one_name_leave_one_whole_content(tmp_path):
    path, contents = tmp_path / "a", [bytes([each]) * 100_000 for each in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda content: atomic.write_bytes(path, content), contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_folder_appears_whole(tmp_path):
    path = tmp_path / "deep" / "run"
    with atomic.write_folder(path) as aside:
        (aside / "a").write_bytes(b"1")
        assert not path.exists()
        (aside / "b").write_bytes(b"2")
    assert {each.name: each.read_bytes() for each in path.iterdir()} == {"a": b"1", "b": b"2"}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["os.fsync", "os.rename"])
def test_failed_folder_leaves_nothing(step, tmp_path, monkeypatch):
    monkeypatch.setattr(step, full_disk)
    with pytest.raises(OutputError, match="run: cannot be written"), write_two(tmp_path / "run"):
        pass
    assert not list(tmp_path.iterdir())


def test_folder_whose_filling_fails_does_not_appear(tmp_path):
    with pytest.raises(ZeroDivisionError), write_two(tmp_path / "run"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_folder_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_bytes(b"old")
    with pytest.raises(OutputError), write_two(tmp_path / "run"):
        pass
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["mine"]


@pytest.fixture
def told(monkeypatch):
    """The system calls that decide what survives a power cut, in their order."""
    calls: list[str] = []

    def noted(name, call):
        return lambda *arguments: (calls.append(name), call(*arguments))[1]

    for name in ("fsync", "replace", "rename"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    return calls


def test_file_reaches_the_disk_before_its_name_does(tmp_path, told):
    atomic.write_bytes(tmp_path / "a", b"new")
    assert told == ["fsync", "replace", "fsync"]


def test_files_of_a_folder_reach_the_disk_before_its_name_does(tmp_path, told):
    with write_two(tmp_path / "run"):
        pass
    assert told == ["fsync", "fsync", "fsync", "rename", "fsync"]


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_kill_left_aside_is_taken_over_by_who_is_alone(alone, tmp_path):
    path = tmp_path / "a.png"
    for _ in range(2):  # as if killed twice: the file aside stays
        with (
            contextlib.suppress(KeyboardInterrupt),
            mock.patch("os.unlink"),
            replacing(path, alone=alone) as file,
        ):
            file.write(b"a longer beginning")
            raise KeyboardInterrupt
    assert len(list(tmp_path.iterdir())) == (1 if alone else 2)
    with replacing(path, alone=alone, mtime_ns=10**18) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mtime_ns == 10**18
    assert len(list(tmp_path.iterdir())) == (1 if alone else 3)


def test_two_who_take_themselves_for_alone_do_not_write_one_file(tmp_path):
    """The first has its name while the second still writes: what it named must stay whole."""
    path = tmp_path / "a.png"
    with replacing(path, alone=True) as second:
        second.write(b"half")
        second.flush()
        with replacing(path, alone=True) as first:
            first.write(b"first")
        assert path.read_bytes() == b"first"
        second.write(b" and whole")
    assert path.read_bytes() == b"half and whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_a_file_aside_is_not_followed(tmp_path):
    with (
        contextlib.suppress(KeyboardInterrupt),
        mock.patch("os.unlink"),
        replacing(tmp_path / "a", alone=True),
    ):
        raise KeyboardInterrupt
    (aside,) = tmp_path.iterdir()
    aside.unlink()
    (tmp_path / "mine").write_bytes(b"mine")
    aside.symlink_to(tmp_path / "mine")
    with replacing(tmp_path / "a", alone=True) as file:
        file.write(b"new")
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_an_error_of_an_encoder_is_not_one_of_the_disk(tmp_path):
    def encode():
        with replacing(tmp_path / "a") as file:
            file.write(b"a")
            raise OSError("no such codec")

    with pytest.raises(OSError, match="no such codec"):
        encode()
    assert not list(tmp_path.iterdir())

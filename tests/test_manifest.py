"""Laws of the list of what was made: nothing spoils it, and a claim is one's own."""

import contextlib
import errno
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import pytest

from gantool import manifest
from gantool.manifest import File, Manifest, Record

RUN = {"task": "same"}
OTHER = """
import sys
from pathlib import Path
from gantool.manifest import Manifest
claim = Manifest(Path(sys.argv[1]), "m").claim(sys.argv[2])
print("none" if claim is None else "one", flush=True)
sys.stdin.read()
"""
needs_locks = pytest.mark.skipif(
    manifest._OPEN_FILE_LOCKS is None, reason="no locks here that threads heed"
)


def record(item: str, at: int = 1) -> Record:
    source = File(f"/{item}", 3, 4, "abc")
    return Record(item, "run", source, (File(item, 5, 6, "def"),), at)


def fill(folder, *items: str) -> Manifest:
    """A manifest in which each item was added, claimed in turn."""
    made = Manifest(folder, "m")
    for at, item in enumerate(items):
        claim = made.claim(item)
        claim.add(record(item, at), RUN)
        claim.release()
    return made


def known(folder, *items: str) -> dict[str, list[Record]]:
    """What somebody else reads of those items."""
    read = Manifest(folder, "m")
    return {item: read.history(item) for item in items}


@pytest.fixture
def claimed_elsewhere(tmp_path):
    """Starts processes that claim an item and then hold it; what came of the claim."""
    children = []

    def start(item: str):
        command = [sys.executable, "-c", OTHER, tmp_path, item]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        children.append(subprocess.Popen(command, **pipes, text=True))
        return children[-1].stdout.readline().strip(), children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_what_was_added_is_read_again_in_order(tmp_path):
    fill(tmp_path, "a", "b", "a")
    records = {"a": [record("a", 0), record("a", 2)], "b": [record("b", 1)], "c": []}
    assert known(tmp_path, "a", "b", "c") == records


def test_what_a_run_is_is_said_once(tmp_path):
    made = fill(tmp_path, "a", "b", "c")
    lines = [json.loads(line) for line in made.path.read_text().splitlines() if line]
    assert [line for line in lines if "outputs" not in line] == [{"v": 1, "run": "run", **RUN}]


def test_parts_are_read_together_and_written_apart(tmp_path):
    for part in ("1of2", "2of2"):
        made = Manifest(tmp_path, "m", part)
        claim = made.claim(part)
        claim.add(record(part), RUN)
        claim.release()
    assert len(list(tmp_path.iterdir())) == 2
    assert known(tmp_path, "1of2", "2of2") == {
        "1of2": [record("1of2")],
        "2of2": [record("2of2")],
    }


def test_a_cut_at_any_byte_loses_the_last_ones_only(tmp_path):
    made = fill(tmp_path, "a", "b", "c", "d")
    whole = made.path.read_bytes()
    begin = len(b"".join(whole.splitlines(keepends=True)[:5]))  # what a run is, a, b, empty ones
    for end in range(begin, len(whole)):
        made.path.write_bytes(whole[:end])
        before = known(tmp_path, *"abcd")
        fill(tmp_path, "e", "f")
        for records in (before, known(tmp_path, *"abcd")):
            assert (records["a"], records["b"]) == ([record("a", 0)], [record("b", 1)])
            assert records["c"] in ([], [record("c", 2)])
            assert records["d"] in ([], [record("d", 3)])
        assert known(tmp_path, *"ef") == {"e": [record("e", 0)], "f": [record("f", 1)]}


GARBAGE = {
    "bytes": b"\0\xff\xfe",
    "other JSON": b'{}\n[]\nnull\n1\n"v"\n{"v": 1}',
    "deep": b"[" * 100_000,
    "a long number": b'{"v": 1' + b"0" * 10_000 + b"}",
    "another version": json.dumps({"v": 2, "run": "x", "item": "a", "outputs": []}).encode(),
    "more than known": b'{"v": 1, "item": "a", "outputs": [], "more": 1}',
    "run of a wrong type": b'{"v": 1, "run": []}',
    "long": b"x" * 1_000_000,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_passed_over(garbage, tmp_path):
    made = fill(tmp_path, "a")
    for lines in (garbage + b"\n" + made.path.read_bytes(), made.path.read_bytes() + garbage):
        made.path.write_bytes(lines)
        assert known(tmp_path, "a") == {"a": [record("a", 0)]}
    fill(tmp_path, "b")
    assert known(tmp_path, "a", "b") == {"a": [record("a", 0)], "b": [record("b", 0)]}


WRONG = [None, {}, [1], "x", 1.5, True]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key in ("item", "run", "at", "source", "outputs")
        for value in WRONG
        if not (key in ("item", "run") and value == "x") and (key, value) != ("outputs", {})
    ],
)
def test_values_of_a_wrong_type_are_passed_over(key, value, tmp_path):
    made = fill(tmp_path, "a")
    entry = json.loads(made.path.read_text().splitlines()[-1])
    with made.path.open("a") as file:
        file.write(json.dumps({**entry, key: value}) + "\n")
    read = known(tmp_path, "a", "x")
    assert read == {"a": [record("a", 0)], "x": []}


@needs_locks
def test_a_claim_keeps_everybody_else_away_until_it_is_released(tmp_path, claimed_elsewhere):
    one, other = Manifest(tmp_path, "m"), Manifest(tmp_path, "m")
    claim = one.claim("a")
    assert claim
    assert one.claim("a") is None
    assert other.claim("a") is None
    assert claimed_elsewhere("a")[0] == "none"
    assert other.claim("b")
    claim.release()
    assert other.claim("a")


@pytest.mark.skipif(os.name == "nt", reason="claims are not kept apart there")
def test_a_claim_ends_with_its_process(tmp_path, claimed_elsewhere):
    said, child = claimed_elsewhere("a")
    mine = Manifest(tmp_path, "m")
    assert said == "one"
    assert mine.claim("a") is None
    child.kill()
    child.wait()
    assert mine.claim("a")


def test_who_claims_knows_what_others_did_before(tmp_path):
    mine = Manifest(tmp_path, "m")
    fill(tmp_path, "a")
    assert not mine.history("a")
    assert mine.claim("a")
    assert mine.history("a") == [record("a", 0)]


def test_memory_stays_flat_over_ten_thousand_items(tmp_path):
    """Of who adds, and of who only sees what was added."""
    one, other, held = Manifest(tmp_path, "m"), Manifest(tmp_path, "m"), []
    tracemalloc.start()
    try:
        for number in range(10_000):
            claim = one.claim(f"{number}")
            if number % 20 == 0:  # each of these waits for the disk
                claim.add(record(f"{number}"), RUN)
            claim.release()
            other.claim(f"{number}").release()
            if number in (1000, 9999):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] < held[0] + 20_000


def test_a_line_is_read_once_it_is_whole(tmp_path):
    made = fill(tmp_path, "a")
    line, reader = made.path.read_bytes(), Manifest(tmp_path, "m")
    for end in range(1, len(line)):
        reader.forget("a")
        made.path.write_bytes(line + line[:end])
        reader.refresh()
    made.path.write_bytes(line + line)
    reader.refresh()
    assert reader.history("a") == [record("a", 0)]


@needs_locks
def test_leaving_removes_what_is_empty_and_nothing_else(tmp_path):
    made, other = Manifest(tmp_path, "m"), Manifest(tmp_path, "m")
    claim = other.claim("a")
    made.leave()
    assert made.path.exists(), "somebody is at work"
    claim.release()
    made.leave()
    assert not made.path.exists()
    made.leave()
    fill(tmp_path, "a").leave()
    assert known(tmp_path, "a") == {"a": [record("a", 0)]}


@needs_locks
def test_whoever_opened_what_was_just_removed_claims_in_a_new_one(tmp_path, monkeypatch):
    """The other run leaves between the opening of the file and its lock."""
    made, leaving, locked = Manifest(tmp_path, "m"), Manifest(tmp_path, "m"), manifest._locked
    left = []

    def late(handle: int, at: int, length: int = 1) -> bool:
        if length and not left:
            left.append(True)
            leaving.leave()
        return locked(handle, at, length)

    monkeypatch.setattr(manifest, "_locked", late)
    claim = made.claim("a")
    claim.add(record("a"), RUN)
    claim.release()
    assert left
    assert known(tmp_path, "a") == {"a": [record("a")]}


def test_a_file_is_known_by_its_date_else_by_its_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    stat = path.stat()
    file = File("a", 3, stat.st_mtime_ns, manifest.sha256(path))
    assert file.is_at(path)
    assert replace(file, mtime_ns=0).is_at(path)
    assert not replace(file, bytes=4).is_at(path)
    assert not file.is_at(tmp_path / "b")
    path.write_bytes(b"two")
    os.utime(path, ns=(0, stat.st_mtime_ns))
    assert file.is_at(path)
    assert not file.is_at(path, doubted=True)
    os.utime(path, ns=(0, 0))
    assert not file.is_at(path)


def test_without_locks_nobody_takes_over_what_others_may_be_writing(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    with closing_claim(Manifest(tmp_path, "m").claim("a")) as claim:
        assert claim.alone == (manifest._OPEN_FILE_LOCKS is not None)
    monkeypatch.setattr(manifest.fcntl, "fcntl", refused)
    monkeypatch.setattr(manifest.fcntl, "lockf", refused)
    with closing_claim(Manifest(tmp_path, "m").claim("a")) as claim:
        assert not claim.alone


@contextlib.contextmanager
def closing_claim(claim):
    yield claim
    claim.release()

"""Laws of runs whose disk fails: nothing half-written gets a name, one line says what failed."""

import errno
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gantool
import trees

FAULTS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES]


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """What makes system calls fail, for LD_PRELOAD."""
    if not sys.platform.startswith("linux") or not shutil.which("gcc"):
        pytest.skip("needs Linux and gcc")
    built = tmp_path_factory.mktemp("shim") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", built, source, "-ldl"]
    subprocess.run(command, check=True)
    return str(built)


@pytest.fixture(scope="module")
def environment(environment, shim):
    return {**environment, "LD_PRELOAD": shim}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return trees.plant(tmp_path_factory.mktemp("in"), 9)


class Faults:
    """A task over `inputs` of which one call fails at a time."""

    def __init__(self, nursery, inputs, out, words) -> None:
        self.nursery, self.inputs, self.out, self.words = nursery, inputs, out, words
        self.told = out.parent / "told"
        self.ends: Counter[str] = Counter()

    def run(self, *options, **environment):
        return self.nursery.run(*self.words, self.inputs, "-o", self.out, *options, **environment)

    def fail(self, at: int, number: int, *options, **environment) -> tuple[str, str] | None:
        """The call that failed and its path; None where there is no such call."""
        self.told.unlink(missing_ok=True)
        faults = {"FAULT_UNDER": str(self.out), "FAULT_TOLD": str(self.told)}
        faults |= {"FAULT_AT": str(at), "FAULT_ERRNO": str(number), **environment}
        self.last = self.run(*options, **faults)
        if not self.told.exists():
            return None
        call, _, path = self.told.read_text().splitlines()[0].partition(" ")
        self.ends[f"{call} {self.last.wait()}"] += 1
        return call, path

    def check(self, call: str, path: str, whole: dict[str, bytes]) -> None:
        """What holds after a failure: seen by somebody only where something is missing."""
        said = self.last.err.splitlines()
        assert not trees.hidden(self.out), (call, path)
        if self.last.wait() == 0:
            assert all(map(is_harmless, self.told.read_text().splitlines()))
            assert trees.content(self.out) == whole
            return
        assert self.last.wait() == 7, (call, path, said)
        problems = [line for line in said if "gantool: " in line]
        assert len(problems) == 1, said
        assert "cannot be written: " in problems[0]
        assert len(said) <= 2
        assert "Traceback" not in self.last.err


def is_harmless(line: str) -> bool:
    """Whether nothing is lost by the call: the folder is there, the manifest only left."""
    call, _, path = line.partition(" ")
    if call.startswith("open"):
        return path.endswith(".jsonl")
    return call in ("fsync", "mkdir") and Path(path).is_dir()


@pytest.fixture
def faults(nursery, inputs, tmp_path):
    return lambda *words: Faults(nursery, inputs, tmp_path / "out", words)


def points(scale: float) -> range:
    """Which calls fail: all, or every third and so on."""
    return range(1, 1 << 20, max(1, round(0.9 / scale)))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["same", "twice", "unsaid"])
def test_any_call_that_fails_leaves_nothing_half_done(task, faults, scale):
    faulty = faults(task)
    assert faulty.run().wait() == 0
    whole, planted = trees.content(faulty.out), trees.untouched(faulty.inputs)
    for at in points(scale):
        shutil.rmtree(faulty.out)
        failed = faulty.fail(at, FAULTS[at % 7 % len(FAULTS)])
        if failed is None:
            break
        assert all(whole[name] == file for name, file in trees.content(faulty.out).items())
        faulty.check(*failed, whole)
        assert faulty.run().wait() == 0
        assert trees.content(faulty.out) == whole
        assert not trees.hidden(faulty.out)
    assert faulty.ends.total() > 6
    assert trees.untouched(faulty.inputs) == planted
    print(f"{task}: {faulty.ends.total()} faults, {dict(faulty.ends)}")


@pytest.mark.slow
@pytest.mark.parametrize("stays", [{}, {"FAULT_STAY": "1"}], ids=["once", "from then on"])
def test_old_results_survive_what_could_not_replace_them(stays, faults, scale):
    faulty = faults("twice")
    new_options, old_options = ("--overwrite", "--strength", 2), ("--overwrite",)
    assert faulty.run(*new_options).wait() == 0
    new = trees.content(faulty.out)
    assert faulty.run(*old_options).wait() == 0
    old = trees.content(faulty.out)
    assert new != old
    for at in points(scale):
        failed = faulty.fail(at, errno.ENOSPC, *new_options, **stays)
        if failed is None:
            break
        now = trees.content(faulty.out)
        assert now.keys() == old.keys()
        assert all(file in (old[name], new[name]) for name, file in now.items())
        faulty.check(*failed, new)
        assert faulty.run(*old_options).wait() == 0
        assert trees.content(faulty.out) == old
    assert faulty.ends.total() > 6
    print(f"overwriting: {faulty.ends.total()} faults, {dict(faulty.ends)}")


@pytest.mark.slow
def test_an_input_that_cannot_be_read_is_an_item_that_fails(faults, scale):
    """Where only the plan looked at it, nothing fails."""
    faulty = faults("same")
    assert faulty.run().wait() == 0
    whole, ends = trees.content(faulty.out), Counter()
    for at in points(scale):
        shutil.rmtree(faulty.out)
        under = {"FAULT_UNDER": str(faulty.inputs), "FAULT_READS": "1"}
        if faulty.fail(at, errno.EIO, **under) is None:
            break
        ended, now = faulty.last, trees.content(faulty.out)
        failed = [line for line in ended.err.splitlines() if line.startswith("failed ")]
        ends[ended.wait()] += 1
        assert ended.wait() == len(failed) <= 1
        assert len(now) == len(whole) - len(failed)
        assert all(whole[name] == file for name, file in now.items())
        assert "Traceback" not in ended.err
    assert ends[1]
    print(f"inputs: {dict(ends)}")


@pytest.fixture
def small(tmp_path):
    """Mounts a file system of that many kilobytes."""
    mounted = []

    def mount(size: int) -> Path:
        place = tmp_path / f"disk{size}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", place]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("only root mounts a small file system")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_what_is_whole(nursery, small, inputs, tmp_path, scale):
    calm = tmp_path / "calm"
    assert nursery.run("twice", inputs, "-o", calm).wait() == 0
    whole, ends = trees.content(calm), Counter()
    for size in range(8, 120, 4 * max(1, round(0.5 / scale))):
        out = small(size) / "out"
        ended = nursery.run("twice", inputs, "-o", out)
        ends[ended.wait()] += 1
        now = trees.content(out)
        assert all(whole[name] == file for name, file in now.items())
        assert not trees.hidden(out)
        assert "Traceback" not in ended.err
        if ended.wait() == 0:
            assert now == whole
            continue
        assert ended.wait() == 7
        assert "No space left on device" in ended.err
        assert len(ended.err.splitlines()) <= 2
        subprocess.run(["mount", "-o", "remount,size=1m", out.parent], check=True)
        assert nursery.run("twice", inputs, "-o", out).wait() == 0
        assert trees.content(out) == whole
    assert ends[7] > 2
    print(f"full disks: {dict(ends)}")


@pytest.fixture
def here(environment, monkeypatch, tmp_path, inputs):
    """A task over all inputs in this process; its outcomes."""
    from gantool import plugin_manager

    monkeypatch.syspath_prepend(environment["PYTHONPATH"].split(os.pathsep)[0])
    plugin_manager.load.cache_clear()
    yield lambda: list(gantool.run("twice", [inputs], output=tmp_path / "out", device="cpu"))
    plugin_manager.load.cache_clear()


@pytest.mark.slow
def test_a_manifest_cut_anywhere_spoils_nothing(here, tmp_path, scale):
    here()
    out = tmp_path / "out"
    whole, manifest = trees.content(out), next(out.glob(".gantool-*.jsonl"))
    lines = manifest.read_bytes()
    length = len(b"".join(lines.splitlines(keepends=True)[-5:]))  # every second one is empty
    cuts = range(0, length + 1, max(1, round(1 / scale)))
    for cut in cuts:
        manifest.write_bytes(lines[: len(lines) - cut])
        before = trees.identities(out)
        here()
        assert trees.content(out) == whole
        assert not trees.hidden(out)
        kept = {name for name in before if before[name] == trees.identities(out)[name]}
        assert len(kept) >= len(whole) - 6
        again = here()
        assert {type(each).__name__ for each in again} == {"Skipped"}
    for name in list(whole)[:2]:
        (out / name).unlink()
    here()
    print(f"{len(cuts)} cuts")


STRANGE = {
    "garbage": b'\0\xff garbage\n{}\n[]\nnull\n1\n"v"\n{"v": 1}\n{"v": 1, "outputs": 3}\n',
    "deep": b"[" * 100_000 + b"\n",
    "number": b'{"v": 1' + b"0" * 10_000 + b"}\n",
    "another version": b'{"v": 2, "item": "0.jpg", "run": "x", "outputs": []}\n',
    "wrong types": b'{"v": 1, "item": 3, "run": [], "source": {}, "outputs": [1], "at": "x"}\n',
    "wrong values": b'{"v": 1, "item": "0.jpg", "run": {}, "source": {"name": 1, "bytes": "x", '
    b'"mtime_ns": null, "sha256": []}, "outputs": [{"name": [], "bytes": {}, "mtime_ns": {}, '
    b'"sha256": {}}], "at": {}}\n',
    "a path outside": b'{"v": 1, "item": "z.jpg", "run": "x", "source": {"name": "", "bytes": 0, '
    b'"mtime_ns": 0, "sha256": ""}, "outputs": [{"name": "../../etc/passwd", "bytes": 1, '
    b'"mtime_ns": 0, "sha256": ""}], "at": 1}\n',
    "no end": b"\xef\xbb\xbf" + b"x" * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_strange_lines_in_a_manifest_are_passed_over(strange, nursery, inputs, tmp_path):
    out = tmp_path / "out"
    assert nursery.run("twice", inputs, "-o", out).wait() == 0
    whole, manifest = trees.content(out), next(out.glob(".gantool-*.jsonl"))
    for lines in (strange + manifest.read_bytes(), manifest.read_bytes() + strange):
        manifest.write_bytes(lines)
        again = nursery.run("twice", inputs, "-o", out)
        assert again.wait() == 0, again.err
        assert again.err == "0 pictures · 9 up to date\n"
        (out / "0.jpg").unlink()
        again = nursery.run("twice", inputs, "-o", out)
        assert (again.wait(), trees.content(out)) == (0, whole), again.err
        (out / "0.jpg").unlink()
        (out / "0-negative.jpg").unlink()
        again = nursery.run("twice", inputs, "-o", out)
        assert (again.wait(), trees.content(out)) == (0, whole), again.err


@pytest.mark.slow
def test_a_manifest_that_is_no_file_is_one_line(nursery, inputs, tmp_path):
    out = tmp_path / "out"
    (out / ".gantool-results.jsonl").mkdir(parents=True)
    ended = nursery.run("twice", inputs, "-o", out)
    assert ended.wait() == 7
    (line,) = ended.err.splitlines()
    assert ".gantool-results.jsonl" in line
    assert not trees.content(out)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may all")
def test_a_manifest_that_may_not_be_read_is_one_line(nursery, inputs, tmp_path):
    out = tmp_path / "out"
    assert nursery.run("twice", inputs, "-o", out).wait() == 0
    (out / ".gantool-results.jsonl").chmod(0)
    ended = nursery.run("twice", inputs, "-o", out)
    assert (ended.wait(), len(ended.err.splitlines())) == (7, 1)

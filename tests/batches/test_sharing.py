"""Laws of several runs in one folder of results: they share the work and nobody waits for ever."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import trees

COUNT = 60


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return trees.plant(tmp_path_factory.mktemp("in"), COUNT)


@pytest.fixture(scope="module")
def words(model, inputs):
    return ("run", model, inputs, "--device", "cpu", "--json")


@pytest.fixture(scope="module")
def alone(nursery, words, tmp_path_factory):
    """The tree of a run that had the folder for itself."""
    out = tmp_path_factory.mktemp("alone")
    assert nursery.run(*words, "-o", out).wait() == 0
    return trees.content(out)


def done(*runs) -> Counter[str]:
    """How often each picture was done."""
    return Counter(
        Path(each["source"]).name for run in runs for each in trees.events(run.out, "item.done")
    )


def check(out: Path, alone) -> None:
    assert trees.content(out) == alone
    assert not trees.hidden(out)


def rounds(scale: float, most: int) -> range:
    return range(max(2, round(most * scale)))


@pytest.mark.slow
@pytest.mark.parametrize("together", [2, 3])
def test_runs_at_once_do_each_picture_once(
    together, nursery, words, inputs, alone, tmp_path, scale
):
    shares, planted = [], trees.untouched(inputs)
    for number in rounds(scale, 20):
        out = tmp_path / f"{number}"
        runs = []
        for _ in range(together):
            runs.append(nursery.start(*words, "-o", out, "--jobs", 1 + number % 2))
            time.sleep(0.03 * (number % 4))
        assert [run.wait() for run in runs] == [0] * together
        assert done(*runs) == Counter(path.name for path in inputs.rglob("*.*"))
        shares.append(sorted(done(run).total() for run in runs))
        check(out, alone)
    assert trees.untouched(inputs) == planted
    if len(shares) >= 10:  # at least two of them had something to do; in few rounds chance decides
        assert any(share[-2] for share in shares)
    print(f"{together} at once: {shares}")


@pytest.mark.slow
@pytest.mark.parametrize("exists", [[], ["--overwrite"]])
def test_what_a_killed_run_leaves_another_one_does(exists, nursery, words, alone, tmp_path, scale):
    killed = []
    for number in rounds(scale, 40):
        out = tmp_path / f"{number}"
        one, other = (nursery.start(*words, "-o", out, *exists) for _ in range(2))
        time.sleep(0.02 * (number % 12))
        one.kill(signal.SIGKILL)
        code = one.wait()
        assert code in (0, -signal.SIGKILL)
        assert other.wait() == 0, other.err
        killed.append(code != 0)
        assert not trees.events(other.out, "item.failed")
        check(out, alone)
    assert any(killed)
    print(f"{sum(killed)} of {len(killed)} killed")


@pytest.mark.slow
def test_overwriting_runs_at_once_do_each_picture_once(nursery, words, alone, tmp_path, scale):
    for number in rounds(scale, 20):
        out = tmp_path / f"{number}"
        assert nursery.run(*words, "-o", out).wait() == 0
        before = trees.identities(out)
        runs = [nursery.start(*words, "-o", out, "--overwrite") for _ in range(2)]
        assert [run.wait() for run in runs] == [0, 0]
        assert set(done(*runs)) == set(map(lambda name: Path(name).name, alone))
        assert not before.items() & trees.identities(out).items()
        check(out, alone)


@pytest.mark.slow
def test_shards_at_once_are_disjoint_and_complete(nursery, words, inputs, alone, tmp_path, scale):
    for number in rounds(scale, 10):
        out = tmp_path / f"{number}"
        runs = [nursery.start(*words, "-o", out, "--shard", f"{k}/3") for k in (1, 2, 3)]
        assert [run.wait() for run in runs] == [0, 0, 0]
        assert done(*runs) == Counter(path.name for path in inputs.rglob("*.*"))
        assert all(done(run) for run in runs)
        check(out, alone)
        again = nursery.run(*words, "-o", out)  # somebody who reads what all of them wrote
        assert (again.wait(), done(again)) == (0, Counter())
        skipped = trees.events(again.out, "item.skipped")
        assert {each["reason"] for each in skipped} == {"up to date"}
        assert len(skipped) == COUNT


@pytest.mark.slow
@pytest.mark.parametrize("parts", [["1/2", "1/3", "2/3"], ["1/1", "2/3"]])
def test_parts_that_overlap_spoil_nothing(parts, nursery, words, alone, tmp_path, scale):
    """Their claims are in different files: a picture may be done twice, but never by halves."""
    for number in rounds(scale, 20):
        out = tmp_path / f"{number}"
        runs = [nursery.start(*words, "-o", out, "--shard", part, "--jobs", 2) for part in parts]
        while any(not run.ended for run in runs):
            for path in out.rglob("[!.]*.*"):
                assert path.read_bytes() == alone[path.relative_to(out).as_posix()]
            nursery.take(0.005)
        assert [run.wait() for run in runs] == [0] * len(parts), [run.err for run in runs]
        assert nursery.run(*words, "-o", out).wait() == 0
        check(out, alone)

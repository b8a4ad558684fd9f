"""Laws of runs over damaged pictures: each is done or fails alone, in a line, and soon."""

import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

import mutations
import trees

LONG = 20
"""Seconds that no picture may take."""
MANY = 300
"""Pictures of a run."""
BUG = re.compile(r"a bug:|\b(Index|Key|Type|Attribute|Assertion|UnboundLocal)Error: |struct\.error")
"""What only a bug says."""

OURS = re.compile(r"failed |note |left out: |\d+ pictures? · |\d+/\d+ pictures ")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    others = Path(__file__).parents[3] / "shared/data/odd_images"
    return mutations.seeds(tmp_path_factory.mktemp("seeds"), others if others.is_dir() else None)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """Neighbours of the damaged ones."""
    folder = tmp_path_factory.mktemp("healthy")
    return [trees.picture(folder / name, 3) for name in ("0.png", "0150x.jpg", "z16.tif")]


@pytest.fixture(scope="module")
def clean(nursery, model, healthy, tmp_path_factory):
    """What becomes of the healthy ones alone."""
    out = tmp_path_factory.mktemp("clean")
    assert nursery.run("run", model, *healthy, "-o", out, "--device", "cpu").wait() == 0
    return trees.content(out)


def followed(run) -> None:
    """Wait while something happens at least now and then."""
    size, since = -1, time.monotonic()
    while not run.ended and time.monotonic() - since < LONG:
        run.nursery.take(0.1)
        now = len(run.out)
        size, since = (now, time.monotonic()) if now != size else (size, since)
    assert run.ended, f"hangs after {run.out.splitlines()[-3:]}"


def unclear(run) -> list[str]:
    """Reasons that are not one line, or that only a bug says."""
    reasons = [each["reason"] for each in trees.events(run.out, "item.failed")]
    return [each for each in reasons if BUG.search(each) or not each.isprintable()]


def strangers(run) -> Counter[str]:
    """What libraries print past gantool, by how it begins."""
    lines = [line for line in run.err.splitlines() if not OURS.match(line)]
    return Counter(line[:30] for line in lines)


def check(run, clean, out, folder) -> Counter[str]:
    """What holds of any run, and how many pictures came to which end."""
    code = run.wait()
    assert code in (0, 1), f"{code} after {run.out.splitlines()[-3:]} {run.err[-2000:]}"
    assert "Traceback" not in run.err
    done, failed = trees.events(run.out, "item.done"), trees.events(run.out, "item.failed")
    (start,), (end,) = trees.events(run.out, "run.start"), trees.events(run.out, "run.end")
    skipped = trees.events(run.out, "item.skipped")
    assert not skipped
    assert (end["done"], end["failed"], end["exit_code"]) == (len(done), len(failed), code)
    assert code == bool(failed)
    names = [Path(each["source"]).name for each in (*done, *failed)]
    assert len(names) == len(set(names)) == start["items"]
    made = trees.content(out)
    assert {name: made[name] for name in clean} == clean
    assert len(made) == len(done)
    assert not trees.hidden(out)
    assert not trees.hidden(folder)
    return Counter(done=len(done) - len(clean), failed=len(failed))


@pytest.mark.slow
def test_damaged_pictures_harm_nobody_else(nursery, model, seeds, healthy, clean, tmp_path, scale):
    count, ends, began = round(10_000 * scale), Counter(), time.monotonic()
    said, strange = [], Counter()
    for begin in range(0, count, MANY):
        folder, out = tmp_path / f"in{begin}", tmp_path / f"out{begin}"
        folder.mkdir()
        for path in healthy:
            shutil.copy2(path, folder / path.name)
        for number in range(begin, min(begin + MANY, count)):
            name, data = mutations.mutated(seeds, number)
            (folder / name).write_bytes(data)
        planted = trees.untouched(folder)
        run = nursery.start("run", model, folder, "-o", out, "--device", "cpu", "--json")
        followed(run)
        ends += check(run, clean, out, folder)
        said += unclear(run)
        strange += strangers(run)
        assert trees.untouched(folder) == planted
        shutil.rmtree(folder)
        shutil.rmtree(out)
    print(f"{len(seeds)} seeds, {dict(ends)}, {time.monotonic() - began:.0f} s, {strange}")
    assert not said, "\n".join(said)

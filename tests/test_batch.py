"""Laws of plans: what is done again, what is left alone, and that nothing else is ever replaced."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gantool import manifest
from gantool.atomic import write_bytes
from gantool.batch import WHOLE, Batch, Ledger, Making, Shard
from gantool.errors import ItemError, UsageError
from gantool.manifest import File
from gantool.media.places import Item, named
from gantool.outcomes import ELSEWHERE, FOREIGN, THERE, UP_TO_DATE

MAKING = Making("same", {"strength": "1"}, (("m", "abc"),))
TWO = ("", "mask")
LATE = 10 * 10**9
"""Nanoseconds that count as long ago."""


def ledger(**options) -> Ledger:
    return Ledger(options.pop("making", MAKING), **options)


def item(folder: Path, name: str = "a.png") -> Item:
    """An input, made long ago where there is none yet, and where its result goes."""
    source = folder / "in" / name
    source.parent.mkdir(exist_ok=True)
    if not source.exists():
        source.write_bytes(f"input {name}".encode())
        dated(source, -LATE)
    return Item(source, folder / "out" / name, folder / "out", "m")


def dated(path: Path, ago: int) -> None:
    """Give a file a date that many nanoseconds from now."""
    os.utime(path, ns=(0, time.time_ns() + ago))


def described(path: Path, name: str) -> File:
    status = path.stat()
    return File(name, status.st_size, status.st_mtime_ns, manifest.sha256(path))


def made(item: Item, *, suffixes=("",), kept=None, **options) -> None:
    """Do an item as a run does; of its results only the first `kept` get their names."""
    run = ledger(**options)
    assert list(run.claimed(run.decide([item]).items, [])) == [item]
    outputs = []
    for suffix in suffixes:
        path = named(item.target, suffix)
        run.check(item, path)
        aside = path.with_name(".aside")
        write_bytes(aside, f"{suffix} of {item.source.read_bytes()} by {run.run}".encode())
        outputs.append(described(aside, path.name))
        aside.rename(path.with_name(f".{path.name}"))
    run.settle(item, described(item.source, str(item.source)), outputs)
    for suffix in suffixes[:kept]:
        path = named(item.target, suffix)
        path.with_name(f".{path.name}").rename(path)
    run.release(item)
    run.close()


def plan(*items: Item, **options) -> Batch:
    run = ledger(**options)
    batch = run.decide(items)
    run.close()
    return batch


def todo(*items: Item, **options) -> list[Item]:
    return list(plan(*items, **options).items)


def reasons(*items: Item, **options) -> list[str]:
    batch = plan(*items, **options)
    assert not batch.items
    return [skipped.reason for skipped in batch.skipped]


def test_what_was_never_done_is_done_and_then_up_to_date(tmp_path):
    a, b = item(tmp_path), item(tmp_path, "b.png")
    assert todo(a, b) == [a, b]
    made(a)
    assert todo(a, b) == [b]
    made(b)
    assert reasons(a, b) == [UP_TO_DATE, UP_TO_DATE]


@pytest.mark.parametrize("content", [b"other size", b"inpuT a.png"], ids=["size", "same size"])
@pytest.mark.parametrize("ago", [-LATE, 0, LATE], ids=["old", "now", "future"])
def test_a_changed_input_is_done_again(content, ago, tmp_path):
    a = item(tmp_path)
    made(a)
    a.source.write_bytes(content)
    dated(a.source, ago)
    assert todo(a) == [a]


@pytest.mark.parametrize("before", [0, 1, 10**6, 19 * 10**8])
def test_an_input_changed_within_its_date_is_done_again(before, tmp_path):
    """A second change has the date of the first where clocks of file systems are coarse."""
    a = item(tmp_path)
    dated(a.source, -before)
    stat = a.source.stat()
    made(a)
    a.source.write_bytes(b"inpuT a.png")
    os.utime(a.source, ns=(0, stat.st_mtime_ns))
    assert todo(a) == [a]


@pytest.mark.parametrize("ago", [-2 * LATE, 0, LATE])
def test_an_input_that_was_only_touched_is_up_to_date(ago, tmp_path):
    a = item(tmp_path)
    made(a)
    dated(a.source, ago)
    assert reasons(a) == [UP_TO_DATE]


def test_an_old_input_is_not_read_to_know_it(tmp_path, monkeypatch):
    a = item(tmp_path)
    made(a)
    monkeypatch.setattr(manifest, "sha256", None)
    assert reasons(a) == [UP_TO_DATE]


@pytest.mark.parametrize("gone", [["a.png"], ["a-mask.png"], ["a.png", "a-mask.png"]])
def test_a_deleted_result_is_made_again(gone, tmp_path):
    a = item(tmp_path)
    made(a, suffixes=TWO, results=TWO)
    assert reasons(a, results=TWO) == [UP_TO_DATE]
    for name in gone:
        (tmp_path / "out" / name).unlink()
    assert todo(a, results=TWO) == [a]
    made(a, suffixes=TWO, results=TWO)
    assert reasons(a, results=TWO) == [UP_TO_DATE]


@pytest.mark.parametrize("name", ["a.png", "a-mask.png"])
def test_an_edited_result_is_foreign(name, tmp_path):
    a = item(tmp_path)
    made(a, suffixes=TWO, results=TWO)
    (tmp_path / "out" / name).write_bytes(b"painted over")
    assert reasons(a, results=TWO) == [FOREIGN]
    assert todo(a, results=TWO, exists="overwrite") == [a]


def test_a_copied_result_is_still_known(tmp_path):
    a = item(tmp_path)
    made(a)
    dated(a.target, LATE)
    assert reasons(a) == [UP_TO_DATE]


def test_what_nobody_made_is_foreign(tmp_path):
    a = item(tmp_path)
    a.root.mkdir()
    a.target.write_bytes(b"a photo")
    assert reasons(a) == [FOREIGN]
    with pytest.raises(ItemError, match="--overwrite"):
        ledger().check(a, a.target)
    ledger(exists="overwrite").check(a, a.target)


OTHERS = {
    "option": replace(MAKING, options={"strength": "2"}),
    "model": replace(MAKING, models=(("m", "abd"),)),
    "task": replace(MAKING, task="other"),
    "tile": replace(MAKING, tile="64"),
}
SAME = {
    "name of the model": replace(MAKING, models=(("n", "abc"),)),
    "path of the model": replace(MAKING, options={"model": "x", "strength": "1"}),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_results_of_other_options_are_in_the_way(other, tmp_path):
    a, b = item(tmp_path), item(tmp_path, "b.png")
    made(a)
    with pytest.raises(UsageError, match="other options"):
        plan(b, a, making=other)
    assert todo(b, a, making=other, exists="overwrite") == [b, a]
    with pytest.raises(ItemError):
        ledger(making=other).check(a, a.target)


@pytest.mark.parametrize("same", SAME.values(), ids=SAME)
def test_what_does_not_change_results_is_no_other_option(same, tmp_path):
    a = item(tmp_path)
    made(a)
    assert reasons(a, making=same) == [UP_TO_DATE]


@pytest.mark.parametrize("kept", [0, 1])
def test_an_item_that_was_interrupted_is_done_again(kept, tmp_path):
    a = item(tmp_path)
    made(a, suffixes=TWO, kept=kept, results=TWO)
    assert todo(a, results=TWO) == [a]
    made(a, suffixes=TWO, results=TWO)
    assert reasons(a, results=TWO) == [UP_TO_DATE]


def test_an_interrupted_second_time_is_done_again(tmp_path):
    """One result is of the changed input, the other of the first one."""
    a = item(tmp_path)
    made(a, suffixes=TWO, results=TWO)
    a.source.write_bytes(b"other")
    made(a, suffixes=TWO, kept=1, results=TWO)
    assert todo(a, results=TWO) == [a]
    a.source.write_bytes(b"input a.png")
    assert todo(a, results=TWO) == [a]


def test_a_result_nobody_planned_belongs_to_the_item(tmp_path):
    a = item(tmp_path)
    made(a, suffixes=TWO)
    assert reasons(a) == [UP_TO_DATE]
    (tmp_path / "out" / "a-mask.png").unlink()
    assert todo(a) == [a]


def test_a_result_nobody_planned_takes_no_other_ones_place(tmp_path):
    a, other = item(tmp_path), item(tmp_path, "a-mask.png")
    run = ledger()
    run.decide([a, other])
    run.check(a, a.target)
    run.check(other, other.target)
    with pytest.raises(ItemError, match="another picture"):
        run.check(a, other.target)
    overwriting = ledger(exists="overwrite")
    overwriting.decide([a, other])
    with pytest.raises(ItemError, match="another picture"):
        overwriting.check(a, other.target)


def test_a_result_nobody_planned_replaces_nothing_foreign(tmp_path):
    a = item(tmp_path)
    a.root.mkdir()
    (a.root / "a-mask.png").write_bytes(b"a photo")
    with pytest.raises(ItemError, match="something else"):
        made(a, suffixes=TWO)
    assert (a.root / "a-mask.png").read_bytes() == b"a photo"


def test_what_is_there_is_skipped_or_an_error_or_gets_a_neighbour(tmp_path):
    a, b = item(tmp_path), item(tmp_path, "b.png")
    a.root.mkdir()
    a.target.write_bytes(b"a photo")
    (skipped,) = plan(a, b, exists="skip").skipped
    assert (skipped.source, skipped.reason) == (a.source, THERE)
    with pytest.raises(UsageError, match="exists error"):
        plan(a, b, exists="error")
    assert todo(b, exists="error") == [b]
    renamed, other = todo(a, b, exists="rename")
    assert (renamed.target.name, other) == ("a-2.png", b)


def test_a_new_name_is_nobody_elses(tmp_path):
    a, other = item(tmp_path), item(tmp_path, "a-2.png")
    a.root.mkdir()
    a.target.write_bytes(b"a photo")
    names = [each.target.name for each in todo(a, other, exists="rename")]
    assert names == ["a-3.png", "a-2.png"]


@pytest.mark.skipif(manifest._OPEN_FILE_LOCKS is None, reason="no locks here that threads heed")
def test_what_another_run_has_in_hands_is_busy_and_then_done_elsewhere(tmp_path):
    a = item(tmp_path)
    one, other, busy = ledger(), ledger(), []
    assert other.decide([a]).items == (a,)
    assert list(one.claimed([a], [])) == [a]
    assert list(other.claimed([a], busy)) == []
    assert busy == [a]
    one.close()
    made(a)
    (skipped,) = other.claimed(busy, [])
    assert skipped.reason == ELSEWHERE
    other.close()


@pytest.mark.skipif(manifest._OPEN_FILE_LOCKS is None, reason="no locks here that threads heed")
def test_what_another_run_gave_up_is_done(tmp_path):
    a = item(tmp_path)
    one, other, busy = ledger(), ledger(), []
    list(one.claimed([a], []))
    list(other.claimed([a], busy))
    one.release(a)
    assert list(other.claimed(busy, [])) == [a]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_are_disjoint_and_complete(count, tmp_path):
    items = [Item(Path(f"{k}"), tmp_path / f"{k}.png", tmp_path) for k in range(300)]
    parts = [todo(*items, shard=Shard(k + 1, count)) for k in range(count)]
    assert sorted(map(str, items)) == sorted(str(each) for part in parts for each in part)
    assert min(map(len, parts)) > 150 / count
    fewer = todo(*items[::2], shard=Shard(1, count))
    assert set(fewer) == set(parts[0]) & set(items[::2])


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3", "1.0/2"])
def test_shards_that_are_none(text):
    with pytest.raises(UsageError, match="2/5"):
        Shard.of(text)


def test_shards_are_read_as_they_are_typed():
    assert Shard.of("2/5") == Shard(2, 5)
    assert str(WHOLE) == str(Shard.of("1/1")) == ""


def test_shards_know_of_each_others_work(tmp_path):
    a = item(tmp_path)
    mine = next(k for k in (1, 2) if Shard(k, 2).has(a))
    made(a, shard=Shard(mine, 2))
    assert reasons(a) == [UP_TO_DATE]


def test_nothing_done_leaves_nothing_there(tmp_path):
    a = item(tmp_path)
    run = ledger()
    list(run.claimed(run.decide([a]).items, []))
    run.close()
    assert not list(a.root.iterdir())

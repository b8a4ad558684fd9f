"""Laws of the engine: order, failures that stop nobody else, bounded memory, overlap."""

import errno
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from gantool import engine, turns
from gantool.engine import AHEAD, Done, Failed, Rules, Started, Work
from gantool.errors import ItemError, OutputError
from gantool.media.carry import Carry
from gantool.media.images import read_image, read_picture, write_image, write_picture
from gantool.media.picture import Picture, Timing
from gantool.media.places import Item
from gantool.pipeline import note

PLAIN = Carry()
SOON, NEVER = 20, 0.2
"""Seconds within which what must happen happens, and in which what must not would show."""


def same(frame):
    return frame


def counting(seen: list[int]):
    """`same`, noting the number of each picture."""
    return lambda frame: (seen.append(int(frame[0, 0, 0])), frame)[1]


def files(folder: Path, count: int, carry: Carry = PLAIN) -> list[Item]:
    """Items of real pictures; picture k is k everywhere."""
    items = [Item(folder / f"{k}.png", folder / "out" / f"{k}.png") for k in range(count)]
    for k, item in enumerate(items):
        write_image(item.source, np.full((3, 4, 3), k, np.uint8), carry)
    return items


class Disk:
    """Stands for reading and writing: counts both, and lets a test hold writing back."""

    def __init__(self) -> None:
        self.read = self.written = 0
        self.may_write = threading.Event()
        self.may_write.set()

    def read_picture(self, source, _):
        self.read += 1
        return Picture([(np.full((1, 1, 3), int(source.name), np.uint8), Carry())])

    def write_picture(self, *_, **__):
        assert self.may_write.wait(SOON)
        self.written += 1


@pytest.fixture
def disk(monkeypatch, tmp_path):
    disk = Disk()
    monkeypatch.setattr(engine, "read_picture", disk.read_picture)
    monkeypatch.setattr(engine, "write_picture", disk.write_picture)
    monkeypatch.setattr(turns, "SMALL", 0)  # what is small is with the model ahead of its turn
    monkeypatch.chdir(tmp_path)
    yield disk
    disk.may_write.set()


def ran(items, process, rules, together=1):
    """What becomes of the items, without what is only begun."""
    with closing(engine.run(items, Work(process, together=together), rules)) as outcomes:
        yield from (each for each in outcomes if not isinstance(each, Started))


def numbered(numbers) -> Iterator[Item]:
    return (Item(Path(str(number)), Path("out", str(number))) for number in numbers)


def eventually(condition) -> bool:
    """Whether it becomes true soon."""
    end = time.monotonic() + SOON
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


NAMES = ("read", "write", "work")


def workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith(NAMES)}


def test_every_item_is_done_in_order_and_inputs_are_as_before(tmp_path):
    items = files(tmp_path, 9)
    before = [item.source.read_bytes() for item in items]
    outcomes = list(ran(items, lambda frame: 255 - frame, Rules()))
    assert outcomes == [Done(item.source, (item.target,)) for item in items]
    for k, item in enumerate(items):
        assert (read_image(item.target)[0] == 255 - k).all()
    assert [item.source.read_bytes() for item in items] == before


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (mock.Mock(side_effect=ItemError("no face found")), "no face found"),
        (mock.Mock(side_effect=MemoryError), "not enough memory for it"),
        (lambda frame: np.tile(frame, (1, 20_000, 1)), "choose .png or .tif"),
        (mock.Mock(side_effect=ValueError("strange\n lines\n")), "ValueError: strange lines"),
        (lambda frame: None, ""),
    ],
    ids=["ItemError", "MemoryError", "not to be encoded", "any exception", "no frame"],
)
def test_a_failing_item_is_named_and_stops_nobody(bad, said, tmp_path):
    items = [Item(item.source, item.target.with_suffix(".webp")) for item in files(tmp_path, 5)]

    def process(frame):
        return bad(frame) if frame[0, 0, 0] == 2 else frame

    outcomes = list(ran(items, process, Rules()))
    assert [outcome.source for outcome in outcomes] == [item.source for item in items]
    failed = outcomes.pop(2)
    assert isinstance(failed, Failed)
    assert str(failed.source) in failed.reason
    assert said in failed.reason
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert not items[2].target.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", None])
def test_an_unreadable_item_is_named_and_stops_nobody(content, tmp_path):
    items = files(tmp_path, 3)
    items[0].source.unlink()
    if content is not None:
        items[0].source.write_bytes(content)
    failed, *others = ran(items, same, Rules())
    assert isinstance(failed, Failed)
    assert failed.reason.count(str(items[0].source)) == 1
    assert [each.source for each in others] == [item.source for item in items[1:]]


def test_results_by_suffix_go_into_names(tmp_path):
    (item,) = files(tmp_path, 1)
    several = {"": np.uint8(1), "depth": np.uint8(2), "65": np.uint8(3)}
    (done,) = ran([item], lambda frame: {k: frame + v for k, v in several.items()}, Rules())
    assert [path.name for path in done.outputs] == ["0.png", "0-depth.png", "0-65.png"]
    assert [read_image(path)[0][0, 0, 0] for path in done.outputs] == [1, 2, 3]


@pytest.mark.parametrize("grey", ["keep", "colour"])
def test_rules_decide_whether_grey_stays_grey(grey, tmp_path):
    (item,) = files(tmp_path, 1, Carry(grey=True))
    list(ran([item], same, Rules(grey=grey)))
    assert read_image(item.target)[1].grey == (grey == "keep")


def test_rules_decide_about_alpha(tmp_path):
    alpha = np.arange(100, 112, dtype=np.uint8).reshape(3, 4)
    (item,) = files(tmp_path, 1, Carry(alpha=alpha))
    for rule, expected in [("resize", alpha), ("model", 255 - alpha)]:
        list(ran([item], lambda frame: 255 - frame, Rules(alpha=rule)))
        assert (read_image(item.target)[1].alpha == expected).all()


def test_rules_decide_about_quality(tmp_path):
    (item,) = files(tmp_path, 1)
    item = Item(item.source, item.target.with_suffix(".jpg"))
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = {}
    for quality in (10, 95):
        list(ran([item], lambda _: noise, Rules(quality=quality)))
        sizes[quality] = item.target.stat().st_size
    assert sizes[10] < sizes[95] / 2


def test_reading_stays_at_most_ahead_pictures_before_the_model(disk):
    lead = []

    def process(frame):
        time.sleep(NEVER if not lead else 0)
        lead.append(disk.read - len(lead))
        return frame

    list(ran(numbered(range(10)), process, Rules()))
    assert max(lead) <= AHEAD + 1


def test_results_wait_for_the_disk_at_most_ahead(disk):
    disk.may_write.clear()
    processed = []
    run = ran(numbered(range(10)), counting(processed), Rules())
    consumer = threading.Thread(target=lambda: list(run))
    consumer.start()
    assert eventually(lambda: len(processed) > AHEAD)
    time.sleep(NEVER)
    assert len(processed) == AHEAD + 1
    disk.may_write.set()
    consumer.join(SOON)
    assert (len(processed), disk.written) == (10, 10)


def test_reading_goes_on_while_the_model_works(disk):
    def process(frame):
        """Every picture but the last waits until the next one has been read."""
        assert eventually(lambda: disk.read >= min(int(frame[0, 0, 0]) + 2, 4))
        return frame

    outcomes = list(ran(numbered(range(4)), process, Rules()))
    assert [type(outcome) for outcome in outcomes] == [Done] * 4


def test_the_model_works_while_results_are_written(disk):
    disk.may_write.clear()

    def process(frame):
        """The first result is held back until the second picture is in the model."""
        if frame[0, 0, 0] == 1:
            assert disk.written == 0
            disk.may_write.set()
        return frame

    outcomes = list(ran(numbered(range(4)), process, Rules()))
    assert [type(outcome) for outcome in outcomes] == [Done] * 4


def test_a_disk_that_takes_no_more_ends_the_run(disk, monkeypatch):
    processed = []

    def full(file, *_, **__):
        if disk.written == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        disk.written += 1

    monkeypatch.setattr(engine, "write_picture", full)
    run = ran(numbered(range(10)), counting(processed), Rules())
    assert [next(run).source.name for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(OutputError, match="3: cannot be written: No space left"):
        next(run)
    assert len(processed) <= 3 + AHEAD + 2
    assert not workers()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (item,) = files(tmp_path, 1)
    (tmp_path / "out").write_bytes(b"a file in the way")
    with pytest.raises(OutputError, match="out"):
        list(ran([item], same, Rules()))


def test_closing_early_takes_no_more_items_and_leaves_no_threads(disk):
    run = ran(numbered(itertools.count()), same, Rules())
    first = list(itertools.islice(run, 5))
    assert workers()
    run.close()
    assert [done.source.name for done in first] == list("01234")
    assert disk.read <= 5 + 2 * AHEAD + 1
    assert not workers()


@pytest.mark.parametrize("jobs", [1, 3])
def test_several_are_read_and_written_at_once_and_told_in_order(jobs, tmp_path):
    items = files(tmp_path, 9)
    outcomes = list(ran(items, lambda frame: 255 - frame, Rules(jobs=jobs)))
    assert [outcome.source for outcome in outcomes] == [item.source for item in items]
    assert all((read_image(item.target)[0] == 255 - k).all() for k, item in enumerate(items))


def test_nothing_is_begun_after_a_stop_and_what_is_written_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "SMALL", 0)
    items, stop = files(tmp_path, 9), threading.Event()

    def process(frame):
        if frame[0, 0, 0] == 4:
            stop.set()
        return frame

    with closing(engine.run(items, Work(process), Rules(), stop=stop)) as outcomes:
        done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    assert [outcome.source for outcome in done] == [item.source for item in items[:4]]
    assert [item.target.exists() for item in items] == [True] * 4 + [False] * 5


def test_a_stream_gets_the_frames_of_an_animation_in_turn(tmp_path):
    frames = [np.full((6, 8, 3), 40 * k, np.uint8) for k in range(5)]
    moving = Picture([(frame, PLAIN) for frame in frames], Timing((50,) * 5))
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    with source.open("w+b") as file:
        write_picture(file, moving, ".png")

    def stream(given):
        for before, frame in enumerate(given):
            yield frame + np.uint8(before)

    work = Work(same, stream)
    (done,) = [
        outcome
        for outcome in engine.run([Item(source, target)], work, Rules())
        if isinstance(outcome, Done)
    ]
    result = read_picture(done.outputs[0])
    assert [int(frame[0, 0, 0]) for frame, _ in result.frames] == [0, 41, 82, 123, 164]
    assert result.timing == Timing((50,) * 5)


def test_what_a_task_says_of_an_item_is_told_with_it(tmp_path):
    """And not with another; outside of a run nobody listens."""

    def speaking(frame):
        number = frame[0, 0, 0]
        for _ in range(number):
            note(f"this is {number}")
        return frame

    told = [outcome.notes for outcome in ran(files(tmp_path, 3), speaking, Rules())]
    assert told == [(), ("this is 1",), ("this is 2",)]
    assert speaking(np.full((1, 1, 3), 2, np.uint8)).all()


def test_what_is_written_is_told_when_something_ends_the_run(tmp_path):
    items = files(tmp_path, 6)

    def process(frame):
        if frame[0, 0, 0] == 3:
            raise OutputError("no room")
        return frame

    told = []

    def follow():
        for outcome in ran(items, process, Rules()):
            told.append(outcome)

    with pytest.raises(OutputError, match="no room"):
        follow()
    assert [done.source for done in told] == [item.source for item in items[:3]]
    assert [item.target.exists() for item in items] == [True] * 3 + [False] * 3


def test_small_pictures_are_with_the_model_together_and_told_in_order(tmp_path):
    beside = threading.Barrier(4)

    def process(frame):
        beside.wait(SOON)  # nobody goes on before four are there
        return 255 - frame

    items = files(tmp_path, 8)
    done = list(ran(items, process, Rules(), together=3))
    assert done == [Done(each.source, (each.target,)) for each in items]
    for number, each in enumerate(items):
        assert (read_image(each.target)[0] == 255 - number).all()
    assert not workers()


def test_large_pictures_are_with_the_model_together_where_that_helps_it(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "SMALL", 0)
    busy, most, lock = [], [], threading.Lock()

    def process(frame):
        with lock:
            busy.append(frame)
            most.append(len(busy))
        time.sleep(0.02)
        with lock:
            busy.pop()
        return frame

    for together in (1, 3):
        most.clear()
        work = Work(process, together=together)
        outcomes = [*engine.run(files(tmp_path, 9), work, Rules())]
        assert sum(isinstance(each, Done) for each in outcomes) == 9
        assert max(most) == together


def test_one_small_picture_that_fails_stops_nobody(tmp_path):
    def process(frame):
        if frame[0, 0, 0] == 3:
            raise ItemError("no face found")
        return frame

    items = files(tmp_path, 9)
    outcomes = list(ran(items, process, Rules(), together=3))
    assert [isinstance(each, Failed) for each in outcomes] == [n == 3 for n in range(9)]


@pytest.mark.parametrize("rules", [Rules(limit=2), Rules(fail_fast=True)])
def test_where_a_run_may_end_early_nothing_is_begun_before_its_turn(rules, tmp_path):
    begun: list[int] = []

    def process(frame):
        begun.append(int(frame[0, 0, 0]))
        if rules.fail_fast and begun[-1] == 1:
            raise ItemError("no")
        return frame

    outcomes = list(ran(files(tmp_path, 8), process, rules, together=3))
    assert begun == [0, 1]
    assert len(outcomes) == 2


def test_closing_early_drops_what_is_only_begun(tmp_path):
    begun: list[int] = []

    def process(frame):
        begun.append(int(frame[0, 0, 0]))
        time.sleep(0.02)
        return frame

    with closing(ran(files(tmp_path, 60), process, Rules(), together=3)) as outcomes:
        next(outcomes)
    assert len(begun) < 40
    assert not workers()


def test_figures_are_what_the_task_measures_of_its_one_result(tmp_path):
    items = files(tmp_path, 3)
    work = Work(
        lambda frame: frame + 9, measure=lambda one, other: {"gap": other.mean() - one.mean()}
    )
    done = [each for each in engine.run(items, work, Rules()) if isinstance(each, Done)]
    assert [each.figures for each in done] == [{"gap": 9}] * 3
    several = Work(lambda frame: {"a": frame, "b": frame}, measure=lambda *_: {"gap": 1})
    again = [Item(each.source, each.target.with_name(f"x{each.target.name}")) for each in items]
    done = [each for each in engine.run(again, several, Rules()) if isinstance(each, Done)]
    assert [each.figures for each in done] == [{}] * 3


def test_a_measure_that_fails_fails_its_picture_alone(tmp_path):
    items = files(tmp_path, 2)

    def measure(frame, _):
        raise ItemError("no eye in it") if frame[0, 0, 0] else KeyError("gap")

    outcomes = [each for each in engine.run(items, Work(same, measure=measure), Rules())]
    failed = [each for each in outcomes if isinstance(each, Failed)]
    assert [each.source for each in failed] == [each.source for each in items]
    assert not any(each.target.exists() for each in items)

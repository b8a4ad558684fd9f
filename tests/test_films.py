"""Laws of films: nothing lost, nothing out of step, and after a stop as if nothing had been."""

import itertools
import shutil
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Event

import av
import numpy as np
import pytest
from PIL import Image

import clips
from clips import Sound, film, frames, seen
from gantool import atomic, films
from gantool.batch import Ledger, Making
from gantool.errors import ItemError, OutputError, UsageError
from gantool.media.picture import Limits
from gantool.media.places import Item
from gantool.media.provenance import Origin, is_marked
from gantool.media.video import copying, encoding, kinds
from gantool.media.video.wishes import Wishes
from gantool.outcomes import Advanced, Done, Failed, Told
from gantool.pipeline import note
from gantool.rules import Rules, Work

SAME = Work(lambda frame: frame)
USUAL, PLAIN = Wishes(), Rules()
SHARP = Wishes(codec="h264", crf=0, pix_fmt="yuv444p")
TRACKS = b"\x16\x54\xae\x6b"
"""What the header of Matroska begins its tracks with."""
MAKING = Making("same", {}, ())
OF_25 = Fraction(1, 25)
"""The tick of films in which old codecs count frames."""


def run(source: Path, target: Path, work=SAME, wishes=USUAL, *, stop=None, rules=PLAIN):
    """All outcomes of a run, as gantool does it: with a manifest, whose claims are given back."""
    ledger = Ledger(MAKING)
    item = Item(source, target, target.parent)
    rules = replace(rules, film=wishes)
    assert list(ledger.claimed([item], [])) == [item]
    try:
        return list(films.run(item, work, rules, ledger=ledger, stop=stop or Event()))
    finally:
        ledger.close()


def made(source: Path, target: Path, work=SAME, wishes=USUAL, **more) -> Done:
    done = run(source, target, work, wishes, **more)[-1]
    assert isinstance(done, Done), done
    assert not hidden(target.parent)
    return done


def failed(source: Path, target: Path, work=SAME, wishes=USUAL, **more) -> str:
    outcome = run(source, target, work, wishes, **more)[-1]
    assert isinstance(outcome, Failed), outcome
    assert not target.exists()
    assert not hidden(target.parent)
    assert str(source) in outcome.reason
    assert "\n" not in outcome.reason
    return outcome.reason


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(atomic.ASIDE)
            and not path.name.endswith(".jsonl")]  # fmt: skip


def error(source: Path, result: Path) -> float:
    """Mean difference of all code values."""
    pairs = zip(seen(source).planes, seen(result).planes, strict=True)
    return float(np.mean([
        np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(one, other, strict=True)])
        for one, other in pairs
    ]))  # fmt: skip


VARIABLE = [0, 3003, 3600, 9000, 9100, 20000, 20200, 33333, 40000, 41000, 90000, 91111]


@pytest.mark.parametrize("suffix", sorted(kinds.CONTAINERS))
@pytest.mark.parametrize(
    ("rate", "times"),
    [
        (Fraction(25), None),
        (Fraction(30000, 1001), None),
        (Fraction(24000, 1001), None),
        (Fraction(25), VARIABLE),
    ],
    ids=["25", "29.97", "23.976", "variable"],
)
def test_every_frame_is_there_and_shown_when_it_was(suffix, rate, times, tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 5)
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    options = {"cpu-used": "8", "deadline": "realtime"} if suffix == ".webm" else None
    source = film(
        tmp_path / f"in{suffix}", frames(12), rate=rate, times=times, codec=codec, options=options
    )
    made(source, target := tmp_path / f"out{suffix}")
    before, after = seen(source), seen(target)
    assert after.times == before.times
    assert len(after.times) == 12
    assert abs(after.duration - before.duration) <= Fraction(1, 500)
    assert after.rate == pytest.approx(before.rate, rel=0.01)


@pytest.mark.parametrize(
    "colour", [(1, 1, 1, 1), (6, 6, 6, 1), (5, 5, 6, 1), (1, 1, 1, 2), (6, 6, 6, 2)]
)
def test_colours_are_those_of_the_film(colour, tmp_path):
    source = film(tmp_path / "in.mp4", frames(6), pix_fmt="yuv444p", colour=colour)
    made(source, sharp := tmp_path / "sharp.mp4", wishes=SHARP)
    made(source, usual := tmp_path / "usual.mp4", wishes=Wishes(crf=10))
    assert seen(sharp).colour == seen(usual).colour == colour
    assert error(source, sharp) <= 1
    assert error(source, usual) <= 2


@pytest.mark.parametrize("matrix", [1, 6])
def test_the_task_sees_what_the_formula_says(matrix, tmp_path):
    source = film(tmp_path / "in.mp4", frames(1), pix_fmt="yuv444p", colour=(matrix, 2, 2, 1))
    given = []
    made(source, tmp_path / "out.mp4", Work(lambda frame: given.append(frame) or frame))
    assert np.abs(given[0] - seen(source).rgb(0)).max() <= 1


@pytest.mark.parametrize(
    ("suffix", "codec", "moved"),
    [(".mp4", "libx264", 0), (".mkv", "ffv1", 0), (".avi", "mpeg4", 0), (".mpg", "mpeg1video", 1)],
)
def test_an_edge_of_colour_stays_where_it_is(suffix, codec, moved, tmp_path):
    """Chroma is taken and put where decoders have it: left, but for MPEG-1 in the middle."""
    edge = np.full((48, 64, 3), 128, np.uint8)
    edge[:, 32:] = 128, 100, 180
    options = {"b": "2000000"} if codec.startswith("mpeg") else None
    source = film(tmp_path / f"in{suffix}", [edge] * 3, codec=codec, options=options, tick=OF_25)
    made(source, target := tmp_path / "out.mkv", wishes=Wishes(codec="ffv1"))
    before, after = (_edge(seen(path).planes[1][1]) for path in (source, target))
    assert after - before == pytest.approx(moved / 4, abs=0.06)


def _edge(plane) -> float:
    """Where samples change from those at the left to those at the right."""
    row = plane[12].astype(float)
    return float(((row[-1] - row) / (row[-1] - row[0])).sum())


@pytest.mark.parametrize(("height", "matrix"), [(720, 1), (576, 6)])
def test_what_says_no_matrix_is_taken_by_its_size_and_says_it_then(height, matrix, tmp_path):
    small = frames(1, 64, 48)
    tall = [np.resize(small[0], (height, 64, 3))]
    source = film(tmp_path / "in.mkv", tall, codec="ffv1", colour=(2, 2, 2, 0))
    made(source, target := tmp_path / "out.mp4")
    assert seen(target).colour[0] == matrix


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_film_is_upright(rotation, tmp_path):
    pictures = frames(3)
    source = film(tmp_path / "in.mp4", pictures, pix_fmt="yuv444p", rotation=rotation,
                  aspect=Fraction(4, 3))  # fmt: skip
    made(source, target := tmp_path / "out.mp4", wishes=SHARP)
    after = seen(target)
    upright = np.rot90(pictures[1], rotation // 90)
    assert np.abs(after.rgb(1) - upright).mean() < 1
    assert after.aspect == (Fraction(4, 3) if rotation % 180 == 0 else Fraction(3, 4))


def test_deep_colour_stays_deep(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint16)
    source = film(
        tmp_path / "in.mkv", [ramp, ramp[::-1].copy()], codec="ffv1", pix_fmt="yuv444p10le"
    )
    kinds_seen = set()
    work = Work(lambda frame: kinds_seen.add(frame.dtype.name) or frame)
    made(source, target := tmp_path / "out.mkv", work)
    assert (seen(target).pix_fmt, kinds_seen) == ("yuv444p10le", {"uint16"})
    assert error(source, target) < 0.5
    made(source, shallow := tmp_path / "8.mkv", work, Wishes(depth="8", codec="h264"))
    assert (seen(shallow).pix_fmt, kinds_seen) == ("yuv444p", {"uint16", "uint8"})
    made(source, usual := tmp_path / "usual.mp4")
    assert seen(usual).streams[0][1] == "hevc"


@pytest.mark.parametrize(
    ("codec", "suffix", "pix_fmt"),
    [("ffv1", ".mkv", "yuv420p"), ("prores", ".mov", "yuv422p10le"), ("hevc", ".mp4", "yuv420p"),
     ("vp9", ".webm", "yuv420p"), ("av1", ".mp4", "yuv420p10le")],
)  # fmt: skip
def test_every_codec_gives_a_film(codec, suffix, pix_fmt, tmp_path):
    source = film(tmp_path / "in.mp4", frames(8, 128, 96))
    made(source, target := tmp_path / f"out{suffix}", wishes=Wishes(codec=codec))
    after = seen(target)
    assert after.times == seen(source).times
    if codec != "av1":
        assert after.pix_fmt == pix_fmt
    if codec == "ffv1":
        assert error(source, target) < 1


def test_odd_sides_stay(tmp_path):
    source = film(tmp_path / "in.mkv", frames(3, 33, 21), codec="ffv1")
    made(source, target := tmp_path / "out.mp4")
    assert seen(target).planes[0][0].shape == (21, 33)


def test_all_that_is_no_picture_is_copied(tmp_path):
    cover = tmp_path / "cover.png"
    Image.new("RGB", (16, 16), "red").save(cover)
    source = film(
        tmp_path / "in.mp4",
        frames(25),
        sound=[Sound(), Sound(language="deu", seconds=3)],
        subtitles=[(0.1, 0.5, "Hello"), (0.6, 0.9, "zweite\nZeile ü")],
        chapters=[(0, 0.5, "One"), (0.5, 1, "Two")],
        metadata={"title": "A film", "comment": "hm"},
        cover=cover.read_bytes(),
    )
    done = made(source, target := tmp_path / "out.mp4")
    before, after = seen(source), seen(target)
    assert done.notes == ()
    assert after.streams == before.streams
    assert after.packets == before.packets
    assert len(after.packets) >= 4
    assert after.chapters == before.chapters
    assert {key: after.metadata[key] for key in ("title", "comment")} == {
        "title": "A film", "comment": "hm"
    }  # fmt: skip
    assert after.duration == before.duration


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_cover_stays_or_is_named(suffix, tmp_path):
    Image.new("RGB", (16, 16), "red").save(tmp_path / "cover.png")
    cover = (tmp_path / "cover.png").read_bytes()
    source = film(tmp_path / "in.mp4", frames(3), cover=cover)
    done = made(source, target := tmp_path / f"out{suffix}")
    assert (cover in target.read_bytes()) == (not done.notes) == (suffix != ".mov")
    with av.open(str(target)) as container:
        assert len(container.streams.video) == 1 + (suffix != ".mov")


def test_packets_that_the_container_refuses_are_counted(tmp_path):
    once = film(tmp_path / "once.ts", frames(25), sound=[Sound("ac3")])
    twice = tmp_path / "twice.ts"
    twice.write_bytes(once.read_bytes() * 2)
    notes = " ".join(made(twice, tmp_path / "out.mkv").notes)
    assert "damaged packets are left out" in notes


@pytest.mark.parametrize("said", ["01:00:00:05", "01:00:00;05", "quatsch"])
def test_a_timecode_stays_where_it_can_be_written(said, tmp_path):
    source = film(tmp_path / "in.mkv", frames(3), timecode=said)
    made(source, target := tmp_path / "out.mov")
    with av.open(str(target)) as container:
        kept = container.streams.video[0].metadata.get("timecode")
    assert kept == (said if said == "01:00:00:05" else None)  # at 25 a second none is dropped
    done = made(target, tmp_path / "again.mov")
    assert not done.notes


def test_rare_metadata_stays_and_goes_where_it_is_not_wanted(tmp_path):
    source = film(tmp_path / "in.mkv", frames(2), metadata={"title": "T", "LOCATION": "+48+011/"})
    for mode, expected in (
        ("keep", {"title", "LOCATION"}),
        ("keep-no-gps", {"title"}),
        ("strip", set()),
    ):
        made(source, target := tmp_path / f"{mode}.mkv", rules=Rules(metadata=mode))
        assert seen(target).metadata.keys() & {"title", "LOCATION"} == expected


def test_subtitles_are_converted_for_another_container_and_what_cannot_be_is_said(tmp_path):
    words = [(0.1, 0.5, "Hello"), (0.6, 0.9, "second")]
    source = film(tmp_path / "in.mp4", frames(25), subtitles=words)
    done = made(source, target := tmp_path / "out.mkv")
    assert "converted to subrip" in done.notes[0]
    (packets,) = seen(target).packets.values()
    assert [(round(float(when), 2), text) for when, text in packets] == [
        (0.1, b"Hello"), (0.6, b"second")
    ]  # fmt: skip
    back = made(target, tmp_path / "back.mp4")
    assert "converted to mov_text" in back.notes[0]
    assert made(source, tmp_path / "none.mp4", wishes=Wishes(subs="none")).notes == ()
    assert seen(tmp_path / "none.mp4").packets == {}


def test_sound_that_the_container_cannot_hold_is_refused_before_the_work(tmp_path):
    source = film(tmp_path / "in.mkv", frames(2), sound=[Sound("pcm_s16le")])
    asked = []
    reason = failed(source, tmp_path / "out.webm", Work(lambda frame: asked.append(1) or frame))
    assert "pcm_s16le" in reason
    assert "--format mkv" in reason
    assert not asked
    made(source, tmp_path / "silent.webm", wishes=Wishes(audio="none"))


def test_sound_that_no_container_can_hold_is_told_so(tmp_path):
    source = film(tmp_path / "in.avi", frames(2), tick=OF_25, sound=[Sound("pcm_mulaw")])
    reason = failed(source, tmp_path / "out.mkv")
    assert "cannot be in .mkv: convert it, or --audio none" in reason


def test_damaged_sound_costs_a_note_and_not_the_picture(tmp_path):
    source = film(tmp_path / "in.mkv", frames(25), sound=[Sound("libmp3lame"), Sound()])
    content = bytearray(source.read_bytes())
    for _, data in seen(source).packets[1]:
        at = content.find(data[:64])
        content[at : at + len(data)] = bytes(len(data))
    at = content.find(b"A_MPEG/L3")
    content[at : at + 9] = b"A_QUATSCH"
    source.write_bytes(content)
    done = made(source, target := tmp_path / "out.mkv")
    assert "stream 1" in " ".join(done.notes)
    after = seen(target)
    assert len(after.times) == 25
    assert [kind for kind, *_ in after.streams] == ["video", "audio"]


def test_sound_that_goes_back_in_time_costs_its_packets(tmp_path, monkeypatch):
    source = film(tmp_path / "in.mp4", frames(25), sound=[Sound()])
    shift, number = copying.Source.shift, itertools.count()

    def back(self, packet):
        moved = shift(self, packet)
        if next(number) in (7, 9):
            packet.pts = packet.dts = 0
        return moved

    monkeypatch.setattr(copying.Source, "shift", back)
    done = made(source, target := tmp_path / "out.mp4")
    assert done.notes == ("stream 1: 2 damaged packets are left out",)
    before, after = seen(source).packets[1], seen(target).packets[1]
    assert after == [each for at, each in enumerate(before) if at not in (7, 9)]


def test_a_part_has_its_frames_and_its_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 7)
    options = {"qp": "0", "g": "10"}
    source = film(tmp_path / "in.mp4", frames(50), options=options, sound=[Sound(seconds=2)],
                  chapters=[(0, 1, "One"), (1, 2, "Two")])  # fmt: skip
    made(source, target := tmp_path / "out.mp4", wishes=Wishes(start=0.6, end=1.4, crf=0))
    before, after = seen(source), seen(target)
    assert after.times == [time - Fraction(15, 25) for time in before.times[15:35]]
    assert np.abs(after.planes[0][0].astype(int) - before.planes[15][0]).mean() < 1
    heard = [data for when, data in before.packets[1] if 0.6 <= when < 1.4]
    assert [data for _, data in after.packets[1]] == heard
    assert after.chapters == [(0, Fraction(2, 5), "One"), (Fraction(2, 5), Fraction(4, 5), "Two")]
    assert "--start" in failed(source, tmp_path / "no.mp4", wishes=Wishes(start=100))


@pytest.mark.parametrize(
    ("suffix", "codec", "sound"),
    [(".ts", "libx264", "ac3"), (".mpg", "mpeg2video", "mp2"), (".avi", "mpeg4", "mp2"),
     (".mov", "libx264", "aac")],
)  # fmt: skip
def test_a_part_is_what_it_is_in_the_whole(suffix, codec, sound, tmp_path):
    """Also where the container is gone to a place from which nothing can be decoded."""
    options = {"g": "12", "bf": "2"}
    source = film(tmp_path / f"in{suffix}", frames(40), codec=codec, options=options, tick=OF_25,
                  sound=[Sound(sound, 1.6)])  # fmt: skip
    lossless = {"codec": "ffv1"}
    made(source, tmp_path / "whole.mkv", wishes=Wishes(**lossless))
    made(source, tmp_path / "part.mkv", wishes=Wishes(start=0.73, **lossless))
    whole, part = seen(tmp_path / "whole.mkv"), seen(tmp_path / "part.mkv")
    count = len(part.times)
    assert 20 < count < 24
    for before, after in zip(whole.planes[-count:], part.planes, strict=True):
        assert all(map(np.array_equal, before, after))
    moved = whole.times[-1] - part.times[-1]
    assert [time + moved for time in part.times] == whole.times[-count:]
    heard = {data: time for time, data in whole.packets[1]}
    assert part.packets[1]
    assert all(abs(heard[data] - moved - time) < 0.002 for time, data in part.packets[1])


def test_frames_of_another_size_are_brought_to_the_first_and_counted(tmp_path):
    small, large = (
        film(tmp_path / f"{width}.ts", frames(5, width, 48), codec="mpeg2video", tick=OF_25)
        for width in (64, 96)
    )
    source = tmp_path / "in.ts"
    source.write_bytes(small.read_bytes() + large.read_bytes())
    done = made(source, target := tmp_path / "out.mkv")
    assert "frames of another size than the first, brought to that: 5" in done.notes
    assert {planes[0].shape for planes in seen(target).planes} == {(48, 64)}


def test_a_film_that_its_encoder_cannot_do_fails_alone(tmp_path):
    source = film(tmp_path / "in.mkv", frames(2, 2, 2), codec="libx264", pix_fmt="yuv420p")
    reason = failed(source, tmp_path / "out.mkv", wishes=Wishes(codec="ffv1"))
    assert "the encoder ffv1 cannot be opened here for 2×2" in reason


def test_one_frame_is_a_film(tmp_path):
    source = film(tmp_path / "in.mp4", frames(1))
    done = made(source, target := tmp_path / "out.mp4")
    assert (len(seen(target).times), done.frames) == (1, 1)


def test_several_results_are_several_films(tmp_path):
    source = film(tmp_path / "in.mp4", frames(4), sound=[Sound()])
    work = Work(lambda frame: {"a": frame, "b": frame[::2, ::2].copy()})
    done = made(source, tmp_path / "out.mp4", work)
    assert [path.name for path in done.outputs] == ["out-a.mp4", "out-b.mp4"]
    assert seen(done.outputs[1]).planes[0][0].shape == (24, 32)
    assert seen(done.outputs[1]).packets == seen(source).packets


def test_grey_stays_grey_unless_the_task_colours(tmp_path):
    source = film(tmp_path / "in.mkv", frames(2), codec="ffv1", pix_fmt="gray")
    tint = Work(lambda frame: np.clip(frame.astype(int) + [30, 0, 0], 0, 255).astype(np.uint8))
    made(source, grey := tmp_path / "grey.mp4", tint)
    made(source, tinted := tmp_path / "tinted.mp4", tint, rules=Rules(grey="colour"))
    spread = [float(np.ptp(seen(path).planes[0][2].astype(int) - 128)) for path in (grey, tinted)]
    assert np.abs(seen(grey).planes[0][2].astype(int) - 128).max() <= 1
    assert np.abs(seen(tinted).planes[0][2].astype(int) - 128).mean() > 5, spread


def test_a_frame_like_the_one_before_is_done_once(tmp_path):
    one, two = frames(2)
    source = film(tmp_path / "in.mkv", [one] * 5 + [two] * 4, codec="ffv1")
    asked = []
    made(source, target := tmp_path / "out.mkv", Work(lambda frame: asked.append(1) or frame))
    assert (len(asked), len(seen(target).times)) == (2, 9)


def test_frames_that_are_in_work_together_give_the_same_film(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 5)
    source = film(tmp_path / "in.mkv", frames(12))
    busy, most, lock = [], [], threading.Lock()

    def process(frame):
        with lock:
            busy.append(frame)
            most.append(len(busy))
        time.sleep(0.02 + 0.02 * (frame.sum() % 3))  # they end in another order
        with lock:
            busy.pop()
        return 255 - frame

    made(source, one := tmp_path / "one.mkv", Work(process))
    assert max(most) == 1
    made(source, three := tmp_path / "three.mkv", Work(process, together=3))
    assert max(most) == 3
    assert one.read_bytes() == three.read_bytes()


def test_what_a_film_remembers_is_never_in_work_together(tmp_path):
    source = film(tmp_path / "in.mkv", frames(6))

    def stream(frames):
        for number, frame in enumerate(frames):
            frames.memory["number"] = np.array(number)
            yield frame

    done = made(source, tmp_path / "out.mkv", Work(SAME.process, stream, together=3))
    assert done.frames == 6


def test_results_say_what_made_them(tmp_path):
    origin = Origin("composite", (("task/model", "0" * 64),), "gantool 0")
    for suffix in (".mp4", ".mov", ".mkv"):
        source = film(tmp_path / f"in{suffix}", frames(2))
        made(source, once := tmp_path / f"once{suffix}", rules=Rules(origin=origin))
        twice = replace(origin, models=(("task/other", "1" * 64),))
        made(once, again := tmp_path / f"again{suffix}", rules=Rules(origin=twice))
        assert not is_marked(source)
        assert is_marked(once)
        assert b"task/model sha256" in again.read_bytes()
        assert b"task/other sha256" in again.read_bytes()
        assert len(seen(again).times) == 2


def counted(frame, memory):
    """What a task makes that counts its frames, in what it remembers."""
    number = int(memory.get("count", np.zeros(1, int))[0])
    memory["count"] = np.array([number + 1])
    return np.roll(frame, number, axis=1)


def counting(frames):
    return (counted(frame, frames.memory) for frame in frames)


@pytest.mark.parametrize("stop_at", [1, 4, 5, 9, 14, 15, 17])
@pytest.mark.parametrize("stream", [None, counting], ids=["frames", "stream"])
def test_what_was_stopped_goes_on_and_becomes_the_same(stop_at, stream, tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 5)
    source = film(tmp_path / "in.mp4", frames(18), sound=[Sound()])
    straight, target = tmp_path / "straight.mp4", tmp_path / "out.mp4"
    made(source, straight, Work(SAME.process, stream))
    stop, asked = Event(), []

    def process(frame):
        asked.append(1)
        if len(asked) == stop_at:
            stop.set()
            if stop_at % 2:
                raise ItemError("a model that is stopped raises")
        return frame

    def streamed(frames):
        return (process(counted(frame, frames.memory)) for frame in frames)

    work = Work(process, stream and streamed)
    assert not any(isinstance(each, Done) for each in run(source, target, work, stop=stop))
    assert not target.exists()
    before = len(asked)
    done = made(source, target, work)
    assert (done.frames, done.resumed) == (18, (stop_at - 1) // 5 * 5)
    assert target.read_bytes() == straight.read_bytes()
    assert len(asked) - before == 18 - (stop_at - 1) // 5 * 5


def test_segments_of_another_job_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 3)
    source = film(tmp_path / "in.mp4", frames(9))
    stop = Event()
    outcomes = films.run(
        Item(source, tmp_path / "out.mp4", tmp_path), SAME, Rules(), ledger=None, stop=stop
    )
    for each in outcomes:
        if isinstance(each, Advanced) and each.frames == 7:
            stop.set()
    assert not hidden(tmp_path)  # without a ledger nobody could know whose they are
    stop = Event()

    def until(number):
        def process(frame):
            until.asked += 1
            if until.asked == number:
                stop.set()
            return frame

        until.asked = 0
        return Work(process)

    run(source, tmp_path / "out.mp4", until(7), stop=stop)
    assert hidden(tmp_path)
    work = until(0)
    made(source, tmp_path / "out.mp4", work, Wishes(crf=30))
    assert until.asked == 9


def test_a_stream_that_breaks_the_law_ends_the_run(tmp_path):
    from gantool.errors import PluginError

    source = film(tmp_path / "in.mp4", frames(4))

    def greedy(frames):
        return iter(list(frames))

    def lazy(frames):
        return iter(())

    for stream in (greedy, lazy):
        with pytest.raises(PluginError, match="stream"):
            run(source, tmp_path / "out.mp4", Work(SAME.process, stream))


def test_interlaced_and_hdr_films_are_refused_until_somebody_says_what_to_do(tmp_path):
    comb = film(tmp_path / "comb.mkv", frames(6), interlaced=True)
    assert "--deinterlace" in failed(comb, tmp_path / "out.mkv")
    made(comb, target := tmp_path / "whole.mkv", wishes=Wishes(deinterlace=True))
    assert seen(target).times == seen(comb).times
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        wide = film(
            tmp_path / f"{name}.mkv", frames(2), codec="ffv1", pix_fmt="yuv444p10le",
            colour=(9, 9, transfer, 1),
        )  # fmt: skip
        assert f"HDR ({name}): --tonemap" in failed(wide, tmp_path / "out.mkv")
        made(wide, target := tmp_path / f"mapped-{name}.mkv", wishes=Wishes(tonemap=True))
        assert seen(target).colour == (1, 1, 1, 1)


@pytest.mark.parametrize("spoil", ["cut", "headless", "empty", "text", "playlist", "zeros"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_is_no_whole_film_is_named_in_one_line(spoil, suffix, tmp_path):
    source = film(tmp_path / f"in{suffix}", frames(30, 128, 96))
    content = source.read_bytes()
    source.write_bytes({
        "cut": content[: len(content) // 2],
        "headless": content.replace(b"moov", b"junk").replace(TRACKS, b"\xec" + TRACKS[1:]),
        "empty": b"",
        "text": b"no film at all\n" * 100,
        "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        "zeros": bytes(5000),
    }[spoil])  # fmt: skip
    failed(source, tmp_path / f"out{suffix}")


def test_a_film_without_pictures_is_named(tmp_path):
    import av

    source = tmp_path / "sound.mp4"
    with av.open(str(source), "w") as output:
        track = output.add_stream("aac", rate=48_000)
        clips._play(output, track, Sound())
    assert "no moving picture" in failed(source, tmp_path / "out.mp4")


def test_an_encoder_that_is_not_there_is_a_usage_error(tmp_path, monkeypatch):
    source = film(tmp_path / "in.mp4", frames(2))
    gone = {**encoding.CODECS, "h264": replace(encoding.CODECS["h264"], encoder="libnone")}
    monkeypatch.setattr(encoding, "CODECS", gone)
    with pytest.raises(UsageError, match="--codec h264: the installed av has no encoder libnone"):
        run(source, tmp_path / "out.mp4")
    assert not hidden(tmp_path)


def test_a_pixel_format_that_the_encoder_has_not_is_a_usage_error(tmp_path):
    source = film(tmp_path / "in.mp4", frames(2))
    with pytest.raises(UsageError, match="--pix-fmt rgb24: libx264 takes yuv420p"):
        run(source, tmp_path / "out.mp4", wishes=Wishes(pix_fmt="rgb24"))


def test_a_full_disk_ends_the_run_and_what_is_finished_is_gone_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 4)
    source = film(tmp_path / "in.mp4", frames(10))
    made(source, straight := tmp_path / "straight.mp4")
    joined = films.joining.join

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(films.joining, "join", full)
    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written: No space left"):
        run(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.setattr(films.joining, "join", joined)
    asked = []
    made(source, tmp_path / "out.mp4", Work(lambda frame: asked.append(1) or frame))
    assert not asked
    assert (tmp_path / "out.mp4").read_bytes() == straight.read_bytes()


def test_a_disk_full_of_numbered_pictures_ends_the_run(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(films.frame_files, "write_picture", full)
    with pytest.raises(OutputError, match=r"%d\.png: cannot be written: No space left"):
        run(film(tmp_path / "in.mp4", frames(3)), tmp_path / "%d.png")
    assert not hidden(tmp_path)


def test_a_film_that_cannot_fit_is_refused_before_the_work(tmp_path, monkeypatch):
    source = film(tmp_path / "in.mp4", frames(10))
    usage = shutil.disk_usage(tmp_path)
    needed = 2 * round(0.4 / 8 * 64 * 48 * 10)
    for free, expected in ((needed // 8, OutputError), (needed // 2, None), (needed * 2, None)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        if expected:
            with pytest.raises(expected, match="MB are free"):
                run(source, tmp_path / "no.mp4")
            continue
        outcomes = run(source, tmp_path / f"out{free}.mp4")
        told = [each for each in outcomes if isinstance(each, Told)]
        assert bool(told) == (free < needed)


def test_too_large_films_are_refused_by_their_header(tmp_path):
    source = film(tmp_path / "in.mp4", frames(1))
    assert "--max-pixels" in failed(source, tmp_path / "out.mp4", rules=Rules(limits=Limits(1000)))


def test_frames_of_another_size_fail_the_film(tmp_path):
    source = film(tmp_path / "in.mp4", frames(6))
    sizes = itertools.cycle([slice(None), slice(0, 40)])
    reason = failed(source, tmp_path / "out.mp4", Work(lambda frame: frame[next(sizes)].copy()))
    assert "a film has one size" in reason


def test_a_task_that_fails_fails_the_film(tmp_path):
    def process(frame):
        raise ItemError("no face found")

    source = film(tmp_path / "in.mp4", frames(3))
    assert failed(source, tmp_path / "out.mp4", Work(process)).endswith("no face found")


def test_what_a_task_says_of_every_frame_is_told_once(tmp_path):
    def speaking(frame):
        note("the sky is grey")
        return frame

    source = film(tmp_path / "a.mkv", frames(3))
    done = made(source, tmp_path / "out.mkv", Work(speaking))
    assert done.notes == ("the sky is grey",)

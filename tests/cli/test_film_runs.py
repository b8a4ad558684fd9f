"""Laws of films on the command line: among pictures, as numbered frames, through pipes."""

import io
import json
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image

import clips
import models
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.contract import Contract

SAME = ("run", "same.onnx")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    node = helper.make_node("Identity", ["x"], ["y"])
    models.save(Path("same.onnx"), [node], Contract("same", name="same"))
    models.bilinear(Path("x2.onnx"))
    clips.film(Path("film.mp4"), clips.frames(8), sound=[clips.Sound(seconds=0.3)])
    return tmp_path


@pytest.fixture
def gantool(capfdbinary):
    """Runs a command line; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, bytes, str]:
        capfdbinary.readouterr()
        code = start(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return run


def piped(monkeypatch, content: bytes) -> None:
    receiver, sender = os.pipe()
    feeding = threading.Thread(target=lambda: os.fdopen(sender, "wb").write(content))
    feeding.start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(os.fdopen(receiver, "rb")))


def test_films_stand_among_pictures(gantool):
    Path("mix/deep").mkdir(parents=True)
    Image.new("RGB", (20, 10), "red").save("mix/a.png")
    os.rename("film.mp4", "mix/deep/b.mp4")
    Image.new("RGB", (20, 10), "blue").save("mix/z.png")
    Path("mix/broken.mkv").write_bytes(b"no film")
    code, out, err = gantool("run", "x2.onnx", "mix")
    folder = "mix-superres-x2"
    assert code == 1
    assert out.decode().splitlines() == [
        f"{folder}/{name}" for name in ("a.png", "z.png", "deep/b.mp4")
    ]
    assert "failed mix/broken.mkv: no film" in err
    assert "2 pictures · 1 film · 8 frames · " in err
    assert clips.seen(Path(folder, "deep/b.mp4")).planes[0][0].shape == (96, 128)
    code, _, err = gantool("run", "x2.onnx", "mix")
    assert "0 pictures · 1 failed · 3 up to date" in err


def test_events_tell_of_a_film(gantool):
    _, out, _ = gantool(*SAME, "film.mp4", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert [each["event"] for each in told] == ["run.start", "item.start", "item.done", "run.end"]
    assert told[2]["frames"] == 8


def test_a_dry_run_tells_of_films_and_writes_nothing(gantool, here):
    before = sorted(path.name for path in here.iterdir())
    Path("film.mp4").rename("one.mp4")
    code, out, err = gantool("run", "x2.onnx", "one.mp4", "--dry-run")
    assert (code, out) == (0, "one.mp4 → one-superres-x2.mp4\n".encode())
    assert "1 film of 8 frames to do · results of 0.1 megapixels" in err
    assert sorted(path.name for path in here.iterdir()) == sorted(
        {*before, "one.mp4"} - {"film.mp4"}
    )


def test_a_report_shows_a_frame_of_a_film(gantool):
    code, *_ = gantool("run", "x2.onnx", "film.mp4", "--report", "page.html")
    assert code == 0
    page = Path("page.html").read_text()
    assert page.count("data:image/jpeg") >= 2
    assert "64×48 → 128×96" in page


@pytest.mark.parametrize("arguments", [(), ("--end", "0.2")])
def test_frames_go_to_numbered_pictures_and_come_from_them(arguments, gantool):
    count = 5 if arguments else 8
    code, out, _ = gantool(*SAME, "film.mp4", *arguments, "-o", "frames/%03d.png")
    names = [f"frames/{number:03d}.png" for number in range(1, count + 1)]
    assert (code, out.decode().splitlines()) == (0, names)
    assert not [
        name for name in os.listdir("frames") if name.startswith(".gantool") and ".film" in name
    ]
    code, out, err = gantool(*SAME, "film.mp4", *arguments, "-o", "frames/%03d.png")
    assert (code, out) == (0, b"")
    assert "1 up to date" in err

    code, out, _ = gantool("run", "x2.onnx", "frames/%03d.png")
    assert code == 0
    assert len(os.listdir("frames-superres-x2")) == count + 1
    assert Image.open("frames-superres-x2/001.png").size == (128, 96)
    assert "1 up to date" in gantool("run", "x2.onnx", "frames/%03d.png")[2]

    code, *_ = gantool(
        *SAME, "frames/%03d.png", "-o", "again.mkv", "--codec", "ffv1", "--fps", "10"
    )
    seen = clips.seen(Path("again.mkv"))
    assert code == 0
    assert [float(time) for time in seen.times] == [number / 10 for number in range(count)]
    assert seen.pix_fmt == "yuv420p"


def test_other_signs_of_per_cent_in_names_of_frames_are_letters(gantool):
    code, out, _ = gantool(*SAME, "film.mp4", "-o", "f/50%_%d%d.png")
    assert (code, out.decode().splitlines()[0]) == (0, "f/50%_1%d.png")
    code, *_ = gantool(*SAME, "f/50%_%d%d.png", "-o", "again.mkv")
    assert (code, len(clips.seen(Path("again.mkv")).times)) == (0, 8)


def test_numbered_frames_of_somebody_else_are_not_replaced(gantool):
    Path("frames").mkdir()
    Image.new("RGB", (5, 5)).save("frames/003.png")
    before = Path("frames/003.png").read_bytes()
    code, _, err = gantool(*SAME, "film.mp4", "-o", "frames/%03d.png")
    assert code == 1
    assert "frames/003.png: there already, made by something else" in err
    assert os.listdir("frames") == ["003.png"] or sorted(os.listdir("frames"))[-1] == "003.png"
    assert Path("frames/003.png").read_bytes() == before


def test_deep_frames_become_a_deep_film(gantool):
    Path("deep").mkdir()
    ramp = np.linspace(0, 65535, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint16)
    for number in range(3):
        write_image(Path(f"deep/{number}.png"), np.roll(ramp, number, 1), Carry())
    code, *_ = gantool(*SAME, "deep/%d.png", "-o", "deep.mkv", "--codec", "ffv1")
    assert code == 0
    assert clips.seen(Path("deep.mkv")).pix_fmt == "yuv420p10le"


def test_raw_frames_go_through_pipes(gantool, monkeypatch):
    frames = clips.frames(3, 16, 12)
    piped(monkeypatch, b"".join(frame.tobytes() for frame in frames))
    code, out, err = gantool("run", "same.onnx", "-", "--raw", "16x12")
    assert (code, out) == (0, b"".join(frame.tobytes() for frame in frames))
    assert "ffmpeg -f rawvideo -pixel_format rgb24 -video_size 16x12 -framerate 25 -i -" in err
    piped(monkeypatch, frames[0].tobytes()[:-1])
    code, out, err = gantool("run", "same.onnx", "-", "--raw", "16x12")
    assert code == 1
    assert "stdin: ends within a frame of 16×12" in err


def test_a_film_leaves_raw_through_a_pipe(gantool):
    code, out, err = gantool("run", "x2.onnx", "film.mp4", "-o", "-")
    assert (code, len(out)) == (0, 8 * 128 * 96 * 3)
    assert "-video_size 128x96 -framerate 25 -i -" in err
    code, out, err = gantool("run", "x2.onnx", "same.onnx", "-o", "-")
    assert code == 2


def test_a_film_comes_through_a_pipe_as_a_file(gantool, monkeypatch):
    piped(monkeypatch, Path("film.mp4").read_bytes())
    code, out, _ = gantool(*SAME, "-")
    assert code == 0
    Path("out.mp4").write_bytes(out)
    assert len(clips.seen(Path("out.mp4")).times) == 8


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".ts", "libx264"), (".mpg", "mpeg2video"), (".wmv", "wmv2"), (".mxf", "mpeg2video")],
)
def test_a_film_of_any_container_comes_through_a_pipe(suffix, codec, gantool, monkeypatch):
    source = clips.film(Path(f"in{suffix}"), clips.frames(8), codec=codec, tick=Fraction(1, 25))
    piped(monkeypatch, source.read_bytes())
    code, out, _ = gantool(*SAME, "-")
    assert (code, out[:4]) == (0, b"\x1aE\xdf\xa3")


@pytest.mark.parametrize("said", ["cut short", "there is no frame in it"])
def test_a_film_that_gives_no_raw_frames_is_named(said, gantool):
    path = clips.film(Path("bad.mkv"), clips.frames(8))
    if said == "cut short":
        path.write_bytes(path.read_bytes()[:-40])
    code, out, err = gantool(*SAME, "bad.mkv", "-o", "-", "--start", "5")
    assert (code, out) == (1, b"")
    assert f"bad.mkv: {said}" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--codec", "h265"), "--codec h265: there are h264, hevc, vp9"),
        (("--codec", "ffv1", "-o", "a.mp4"), "--codec ffv1: cannot be in .mp4: choose one of mkv"),
        (("--codec", "ffv1", "--format", "webm"), "--codec ffv1: cannot be in .webm"),
        (("--codec", "ffv1", "--crf", "3"), "--crf 3: ffv1 has no such thing"),
        (("--codec", "hevc", "--pix-fmt", "yuv9"), "--pix-fmt yuv9: libx265 takes yuv420p"),
        (("--crf", "99"), "--crf 99: must be 0 to 63"),
        (("--start", "1:xx"), "--start 1:xx: a time as in 90, 1:30"),
        (("--start", "5", "--end", "0:04"), "--end 0:04: must be after --start 5"),
        (("--audio", "aac"), "--audio aac: there are copy, none"),
        (("--depth", "10"), "--depth 10: there are keep, 8"),
        (("--fps", "0"), "--fps 0: must be above 0"),
        (("same.onnx", "-o", "f/%d.png"), "-o f/%d.png: one file for several pictures"),
        (("-o", "a.png"), "film.mp4 is a film: choose an ending as .mp4"),
        (("--raw", "3"), "--raw"),
    ],
)
def test_mistakes_are_told_in_a_line_before_anything_starts(arguments, said, gantool, here):
    before = sorted(here.iterdir())
    code, out, err = gantool(*SAME, "film.mp4", *arguments)
    assert (code, out) == (2, b"")
    assert err.startswith("gantool: ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert sorted(here.iterdir()) == before


def test_a_percent_sign_in_the_name_of_a_film_is_no_number(gantool):
    os.rename("film.mp4", "100%done.mp4")
    code, out, _ = gantool(*SAME, "100%done.mp4")
    assert (code, out) == (0, b"100%done-same-same.mp4\n")


def test_a_pattern_without_files_is_told(gantool):
    code, _, err = gantool(*SAME, "no/%04d.png")
    assert (code, err) == (3, "gantool: no/%04d.png: no file has such a name\n")


def test_a_codec_chooses_the_container(gantool):
    for codec, name in (("ffv1", "film-same-same.mkv"), ("prores", "film-same-same.mov")):
        code, out, _ = gantool(*SAME, "film.mp4", "--codec", codec)
        assert (code, out.decode().strip()) == (0, name)
    assert gantool(*SAME, "film.mp4", "--format", "mkv", "--exists", "rename")[0] == 0

"""Laws of a run as it is told: events, what was left alone and why, what would be done."""

import json
import os
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from gantool import Pipeline, api, atomic
from gantool.cli import runs
from gantool.cli.app import start
from gantool.media import kinds
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image

NAMES = ["a.png", "b.jpg", "deep/c.png"]
RUN = ("run", "x2.onnx")
NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder: three pictures in a tree, one that is none, and a model."""
    monkeypatch.chdir(tmp_path)
    Path("photos/deep").mkdir(parents=True)
    for name in ("photos/a.png", "photos/b.jpg", "photos/deep/c.png"):
        write_image(Path(name), NOISE, Carry())
    Path("photos/z.png").write_text("I am no picture")
    models.bilinear(Path("x2.onnx"))
    return tmp_path


@pytest.fixture
def gantool(capfd):
    """Runs a command line; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = start(list(arguments))
        return code, *capfd.readouterr()

    return run


def events(out: str) -> list[dict]:
    """All lines, without the mark of their version, which each has."""
    lines = [json.loads(line) for line in out.splitlines()]
    assert all(line.pop("v") == 1 for line in lines)
    return lines


def names_of(out: str) -> list[str]:
    return [each["event"] for each in events(out)]


def tree(folder: str = "photos-superres-x2") -> list[str]:
    """Names of the results."""
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in found if path.suffix != ".jsonl"]


def test_events_tell_the_run_and_agree_with_the_exit_code(gantool):
    code, out, _ = gantool(*RUN, "photos", "--json")
    told = events(out)
    assert code == 1
    assert [each["event"] for each in (told[0], told[-1])] == ["run.start", "run.end"]
    assert told[0]["items"] == 4
    assert told[0]["models"][0]["name"] == "x2.onnx"
    done = [each for each in told if each["event"] == "item.done"]
    assert [each["source"] for each in done] == [
        "photos/a.png",
        "photos/b.jpg",
        "photos/deep/c.png",
    ]
    assert done[0]["outputs"] == ["photos-superres-x2/a.png"]
    (failed,) = [each for each in told if each["event"] == "item.failed"]
    assert failed["source"] == "photos/z.png"
    end = told[-1]
    assert (end["done"], end["failed"], end["skipped"], end["exit_code"]) == (3, 1, 0, 1)


def test_every_item_is_started_before_it_ends(gantool):
    told = events(gantool(*RUN, "photos", "--json")[1])
    for source in ("photos/a.png", "photos/deep/c.png"):
        mine = [each["event"] for each in told if each.get("source") == source]
        assert mine == ["item.start", "item.done"]


def test_events_of_names_that_are_no_text_are_json(gantool, here):
    name = os.fsdecode(b"photos/\xff\n.png")
    Path("photos/a.png").rename(name)
    told = events(gantool(*RUN, "photos", "--json")[1])
    assert name in [each.get("source") for each in told]


def test_the_same_command_again_does_what_is_missing_or_changed(gantool):
    gantool(*RUN, "photos")
    assert names_of(gantool(*RUN, "photos", "--json")[1]).count("item.skipped") == 3
    Path("photos-superres-x2/a.png").unlink()
    write_image(Path("photos/b.jpg"), 255 - NOISE, Carry())
    told = events(gantool(*RUN, "photos", "--json")[1])
    assert {each["source"] for each in told if each["event"] == "item.done"} == {
        "photos/a.png",
        "photos/b.jpg",
    }


def test_results_of_other_options_are_refused_before_anything_is_done(gantool):
    gantool(*RUN, "photos")
    before = Path("photos-superres-x2/b.jpg").read_bytes()
    code, out, err = gantool(*RUN, "photos", "--quality", "5")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert all(word in err for word in ("a.png", "other options", "-o", "--overwrite"))
    assert Path("photos-superres-x2/b.jpg").read_bytes() == before
    assert gantool(*RUN, "photos", "--quality", "5", "--overwrite")[0] == 1
    assert Path("photos-superres-x2/b.jpg").read_bytes() != before
    assert gantool(*RUN, "photos", "--quality", "5")[1] == ""


@pytest.mark.parametrize(
    ("exists", "code", "a", "said"),
    [
        ("auto", 1, b"mine", "1 there already, not made by gantool"),
        ("skip", 1, b"mine", "1 there already"),
        ("rename", 1, b"mine", "3 pictures"),
        ("error", 2, b"mine", "a.png: there already"),
        ("overwrite", 1, None, "3 pictures"),
    ],
)
def test_a_file_that_is_there(exists, code, a, said, gantool):
    Path("photos-superres-x2").mkdir()
    Path("photos-superres-x2/a.png").write_bytes(b"mine")
    ended = gantool(*RUN, "photos", "--exists", exists)
    assert ended[0] == code
    assert said in ended[2]
    if a:
        assert Path("photos-superres-x2/a.png").read_bytes() == a
    else:
        assert read_image(Path("photos-superres-x2/a.png"))[0].shape == (40, 60, 3)
    names = {"auto": [], "skip": [], "rename": ["a-2.png"], "error": None, "overwrite": []}[exists]
    if names is not None:
        assert tree() == sorted(["a.png", *names, "b.jpg", "deep/c.png"])


def test_a_third_copy_gets_a_third_name(gantool):
    for _ in range(3):
        gantool(*RUN, "photos/a.png", "--exists", "rename")
    assert {f"a-superres-x2{end}.png" for end in ("", "-2", "-3")} <= set(os.listdir("photos"))


def test_what_gantool_made_is_left_out_of_folders_and_said(gantool):
    gantool(*RUN, "photos", "-o", "photos/out")
    code, out, err = gantool(*RUN, "photos", "-o", "again")
    assert "left out: 1 folders of results that gantool made" in err
    assert tree("again") == NAMES


def test_a_folder_of_results_may_be_named(gantool):
    gantool(*RUN, "photos", "-o", "out")
    code, out, _ = gantool(*RUN, "out", "-o", "twice")
    assert code == 0
    assert tree("twice") == NAMES
    assert read_image(Path("twice/a.png"))[0].shape == (80, 120, 3)


def test_include_and_exclude_choose_by_name_or_path(gantool):
    gantool(*RUN, "photos", "--include", "*.png", "--exclude", "deep/*", "--exclude", "z*")
    assert tree() == ["a.png"]


def test_limit_does_the_next_ones_each_time(gantool):
    for number in (1, 2, 3):
        gantool(*RUN, "photos", "--limit", "1", "--exclude", "z.png")
        assert len(tree()) == number


def test_shards_are_disjoint_and_complete(gantool):
    Path("photos/z.png").unlink()
    parts = [events(gantool(*RUN, "photos", "--shard", f"{k}/3", "--json")[1]) for k in (1, 2, 3)]
    done = [each["source"] for part in parts for each in part if each["event"] == "item.done"]
    assert sorted(done) == [f"photos/{name}" for name in NAMES]
    assert gantool(*RUN, "photos")[1] == ""


def test_fail_fast_stops_at_the_first_failure(gantool):
    Path("photos/0.png").write_text("I am no picture")
    told = names_of(gantool(*RUN, "photos", "--fail-fast", "--json")[1])
    assert told.count("item.failed") == 1
    assert told.count("item.done") == 0
    assert told[-1] == "run.end"


def test_dry_run_says_what_it_would_take_and_writes_nothing(gantool, here):
    gantool(*RUN, "photos/a.png", "-o", "photos-superres-x2")
    before = sorted(here.rglob("*"))
    code, out, err = gantool(*RUN, "photos", "--dry-run")
    assert code == 0
    assert out.splitlines() == [
        "photos/b.jpg → photos-superres-x2/b.jpg",
        "photos/z.png → photos-superres-x2/z.png",
        "photos/deep/c.png → photos-superres-x2/deep/c.png",
        "photos/a.png: up to date",
    ]
    assert "3 pictures to do" in err
    assert "will fail: photos/z.png: not a picture" in err
    assert "1 of them will fail" in err
    assert "results of 0.0 megapixels" in err
    assert sorted(here.rglob("*")) == before


def test_dry_run_of_events_estimates(gantool):
    told = events(gantool(*RUN, "photos", "--dry-run", "--json")[1])
    assert told[-1]["event"] == "run.estimate"
    assert told[-1]["pixels"] == 3 * 40 * 60
    real = events(gantool(*RUN, "photos", "--json")[1])
    outputs = [Path(path) for each in real for path in each.get("outputs", ())]
    size = sum(path.stat().st_size for path in outputs)
    assert size / 4 < told[-1]["bytes"] < size * 4


def test_sockets_and_pipes_in_folders_are_named_and_left_out(gantool):
    os.mkfifo("photos/pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("photos/socket.jpg")
        code, out, err = gantool(*RUN, "photos")
    assert code == 1
    assert "photos/pipe.png" in err
    assert "photos/socket.jpg" in err
    assert len(tree()) == 3


def test_a_name_as_long_as_names_can_be_gets_a_result(gantool):
    name = "ü" * 125 + ".png"
    Path("photos/a.png").rename(f"photos/{name}")
    code, out, _ = gantool(*RUN, f"photos/{name}")
    assert code == 0
    assert read_image(Path(out.strip()))[0].shape == (40, 60, 3)
    assert gantool(*RUN, f"photos/{name}")[1] == ""


@pytest.mark.parametrize(
    "wrong",
    [
        ("--shard", "3/2"),
        ("--shard", "0/2"),
        ("--exists", "maybe"),
        ("--metadata", "some"),
        ("--max-pixels", "lots"),
        ("--overwrite", "--exists", "skip"),
        ("--limit", "0"),
    ],
)
def test_wrong_values_are_one_line(wrong, gantool):
    code, out, err = gantool(*RUN, "photos", *wrong)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert wrong[0] in err


def test_max_pixels_refuses_pictures_and_takes_units(gantool):
    code, _, err = gantool(*RUN, "photos/a.png", "--max-pixels", "0.5k")
    assert code == 1
    assert "600" in err or "more than" in err
    assert gantool(*RUN, "photos/a.png", "--max-pixels", "0.6k")[0] == 0


def test_a_long_run_is_announced_once(monkeypatch, gantool):
    monkeypatch.setattr(runs.Tally, "seconds", 1000.0)
    _, _, err = gantool(*RUN, "photos")
    (line,) = [line for line in err.splitlines() if "more for" in line]
    assert "on disk" in line


def test_verbose_names_what_is_skipped(gantool):
    gantool(*RUN, "photos")
    assert (
        "skipped photos/a.png: photos-superres-x2/a.png is up to date"
        in (gantool(*RUN, "photos", "-v")[2])
    )


def test_what_another_program_must_open_first_is_counted(gantool, monkeypatch):
    monkeypatch.setattr(kinds, "reads_heic", lambda: False)
    for name in ("1.CR2", "2.dng", "3.heic"):
        Path("photos", name).write_bytes(b"II*\0")
    _, _, err = gantool(*RUN, "photos")
    assert "left out: 2 camera raw files: develop them to TIFF first" in err
    assert 'left out: 1 HEIC pictures: pip install "gantool[heif]"' in err
    assert len(tree()) == 3


def test_the_result_of_another_picture_of_the_same_name_is_not_replaced(gantool):
    Path("other").mkdir()
    write_image(Path("other/a.png"), 255 - NOISE, Carry())
    gantool(*RUN, "photos/a.png", "-o", "out")
    before = Path("out/a.png").read_bytes()
    os.utime("other/a.png", ns=(Path("photos/a.png").stat().st_mtime_ns,) * 2)
    code, out, err = gantool(*RUN, "other/a.png", "-o", "out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert all(word in err for word in ("out/a.png", "another input", "-o", "--overwrite"))
    assert Path("out/a.png").read_bytes() == before
    assert gantool(*RUN, "other/a.png", "-o", "out", "--overwrite")[0] == 0
    assert Path("out/a.png").read_bytes() != before


def test_inputs_that_were_moved_are_not_done_again(gantool, monkeypatch):
    gantool(*RUN, "photos", "-o", "out", "--exclude", "z.png")
    Path("photos").rename("elsewhere")
    assert gantool(*RUN, "elsewhere", "-o", "out", "--exclude", "z.png")[1] == ""
    monkeypatch.chdir("elsewhere")
    done = gantool("run", "../x2.onnx", ".", "-o", "../out", "--exclude", "z.png")
    assert done[:2] == (0, "")


@pytest.mark.parametrize(
    "place",
    ["photos/a.png", "photos-superres-x2/a.png", "notes.html", "link.html", "folder.html", "a.txt"],
)
def test_a_report_replaces_nothing_but_a_report(place, gantool):
    Path("notes.html").write_text("<html>mine</html>")
    Path("link.html").symlink_to("photos/a.png")
    Path("folder.html").mkdir()
    before = Path("photos/a.png").read_bytes(), Path("notes.html").read_bytes()
    code, out, err = gantool(*RUN, "photos", "--report", place)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--report {place}" in err
    assert (Path("photos/a.png").read_bytes(), Path("notes.html").read_bytes()) == before
    assert not Path("photos-superres-x2").exists()


def test_a_report_is_replaced_by_the_next_and_its_place_is_tried_before_the_run(gantool):
    for _ in range(2):
        assert gantool(*RUN, "photos", "--report", "deep/run.html")[0] == 1
        assert "4" in Path("deep/run.html").read_text()
    code, out, err = gantool(*RUN, "photos", "--overwrite", "--report", "photos/a.png/run.html")
    assert (code, out, err.count("\n")) == (7, "", 1)


@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
@pytest.mark.parametrize("name", [".gantool-beside.jsonl", ".gantool-beside-1of2.jsonl"])
def test_what_stands_in_the_place_of_a_manifest_is_not_written_or_waited_for(kind, name, gantool):
    manifest, before = Path("photos", name), Path("photos/b.jpg").read_bytes()
    if kind == "pipe":
        os.mkfifo(manifest)
    else:
        manifest.symlink_to("b.jpg" if kind == "link" else "/dev/zero")
    code, out, err = gantool(*RUN, "photos/a.png")
    assert (code, out) == (7, "")
    assert f"{manifest}: no file but a link, pipe or device" in err
    assert Path("photos/b.jpg").read_bytes() == before


def test_a_folder_that_cannot_be_read_fails_and_the_others_are_done(gantool, monkeypatch):
    walk = os.walk

    def closed(top, onerror):
        onerror(PermissionError(13, "Permission denied", f"{top}/deep"))
        for here, folders, files in walk(top):
            folders[:] = [folder for folder in folders if folder != "deep"]
            yield here, folders, files

    monkeypatch.setattr(os, "walk", closed)
    code, out, err = gantool(*RUN, "photos", "--exclude", "z.png")
    assert code == 1
    assert "failed photos/deep: the folder cannot be read: Permission denied" in err
    assert tree() == ["a.png", "b.jpg"]
    assert "photos/deep: the folder cannot be read" in gantool(*RUN, "photos", "--dry-run")[2]


def test_linked_folders_are_counted(gantool):
    Path("elsewhere").mkdir()
    Path("photos/link").symlink_to("../elsewhere")
    assert "left out: 1 linked folders: name them to do them" in gantool(*RUN, "photos")[2]


def test_limit_passes_over_pictures_that_fail(gantool):
    Path("photos/0.png").write_text("I am no picture")
    for number in (1, 2, 3):
        told = names_of(gantool(*RUN, "photos", "--limit", "1", "--json")[1])
        assert told.count("item.done") == 1
        assert len(tree()) == number


def test_dry_run_names_what_the_format_cannot_hold(gantool):
    write_image(Path("photos/long.png"), np.zeros((1, 40_000, 3), np.uint8), Carry())
    _, _, err = gantool(*RUN, "photos", "--format", "jpg", "--dry-run")
    assert "will fail: photos/long.png: a result of 80000×2 is larger" in err
    assert "2 of them will fail" in err


@pytest.mark.parametrize(
    ("output", "more", "said"),
    [
        ("a.heic", (), "cannot be written"),
        ("a.png", ("--format", "jpg"), "not with --format"),
        ("-", (), "only with - for the input"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused(output, more, said, gantool):
    code, out, err = gantool(*RUN, "photos/a.png", "-o", output, *more)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not Path(output).exists()


def test_a_list_that_begins_with_a_byte_order_mark_is_read(gantool):
    Path("list.txt").write_bytes(b"\xef\xbb\xbfphotos/a.png\r\nphotos/b.jpg\r\n")
    assert gantool(*RUN, "@list.txt")[0] == 0


def test_names_do_not_command_a_terminal(gantool, monkeypatch):
    Path("photos/a.png").rename("photos/a\x1b[31m.png")
    assert "\x1b[31m" in gantool(*RUN, "photos")[1]
    monkeypatch.setattr(runs.sys.stdout, "isatty", lambda: True)
    out = gantool(*RUN, "photos", "--overwrite")[1]
    assert "\x1b" not in out
    assert "a\\x1b[31m.png" in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("given", ["photos/a.png", "-"])
def test_a_full_stdout_is_named(given):
    command = [runs.sys.executable, "-m", "gantool", *RUN, given]
    with open("/dev/full", "w") as full, open("photos/a.png", "rb") as picture:
        done = subprocess.run(
            command, stdin=picture, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 7
    assert "stdout: cannot be written: No space left" in done.stderr


def test_a_comment_of_a_jpeg_is_kept(gantool):
    Image.fromarray(NOISE).save("photos/c.jpg", comment=b"Shot at dawn")
    gantool(*RUN, "photos/c.jpg", "-o", "c.jpg")
    gantool(*RUN, "photos/c.jpg", "-o", "stripped.jpg", "--metadata", "strip")
    assert Image.open("c.jpg").info["comment"] == b"Shot at dawn"
    assert "comment" not in Image.open("stripped.jpg").info


def test_a_name_is_told_as_it_is(gantool):
    Path("None.png").write_text("I am no picture")
    assert "failed None.png: " in gantool(*RUN, "None.png")[2]


def test_a_result_that_is_taken_away_at_once_ends_nothing(gantool, monkeypatch):
    settled = atomic.fsync_folder

    def taken(folder):
        settled(folder)
        Path("photos-superres-x2/a.png").unlink(missing_ok=True)

    monkeypatch.setattr(atomic, "fsync_folder", taken)
    assert gantool(*RUN, "photos", "--exclude", "z.png")[0] == 0
    assert tree() == NAMES[1:]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("given", ["run x2.onnx photos/a.png --overwrite", "--version", "--help"])
def test_closed_streams_are_as_good_as_empty_ones(closed, given):
    command = f"{runs.sys.executable} -m gantool {given} {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, stdin=0)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "a bug" not in done.stderr


def test_a_dry_run_copes_with_what_the_run_copes_with(gantool, monkeypatch):
    def haze() -> Pipeline:
        """Fail."""

        def process(frame, _):
            raise ValueError("strange")

        return Pipeline(("x2.onnx",), process)

    monkeypatch.setattr(api.planning, "pipeline_of", lambda *_: haze())
    code, _, err = gantool("superres", "photos", "--dry-run")
    assert (code, "a bug" in err) == (0, False)


def test_a_long_run_with_a_limit_is_not_announced_for_all(monkeypatch, gantool):
    monkeypatch.setattr(runs.Tally, "seconds", 1000.0)
    assert "more for" not in gantool(*RUN, "photos", "--limit", "1")[2]

"""Laws of `gantool compare`: what is compared with what, measured, and told in one page."""

import json
from pathlib import Path

import numpy as np
import pytest

import clips
import models
from gantool.api import comparing, pairing
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training import metrics

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
DARK = NOISE // 2


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two pictures, and two folders whose names agree in part."""
    monkeypatch.chdir(tmp_path)
    for path, frame in {
        "a.png": NOISE,
        "b.png": DARK,
        "one/a.png": NOISE,
        "one/deep/b.png": NOISE,
        "one/only.png": NOISE,
        "two/a.bmp": DARK,
        "two/deep/b.jpg": DARK,
        "two/other.png": DARK,
    }.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_image(Path(path), frame, Carry())
    return tmp_path


@pytest.fixture
def gantool(capfd):
    """Runs a command line; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = start(list(arguments))
        return code, *capfd.readouterr()

    return run


def test_two_pictures_stand_in_one_page(gantool):
    code, out, err = gantool("compare", "a.png", "b.png")
    assert (code, out) == (0, "compare-a-b.html\n")
    assert "1 comparison · " in err
    page = Path("compare-a-b.html").read_text()
    assert page.count('class="pane"') == 2
    assert "a.png 60×40 · b.png 60×40" in page


def test_folders_are_paired_by_names_whatever_their_endings(gantool):
    code, out, err = gantool("compare", "one", "two", "-o", "page.html")
    assert (code, out) == (0, "page.html\n")
    assert "2 comparisons · " in err
    assert "left out: 2 pictures without a partner" in err
    page = Path("page.html").read_text()
    assert [f"<strong>{name}</strong>" in page for name in ("a", "deep/b", "only")] == [
        True, True, False,
    ]  # fmt: skip


def test_names_that_only_their_endings_tell_apart_keep_them(gantool):
    for folder in ("one", "two"):
        for suffix, frame in ((".png", NOISE), (".jpg", DARK)):
            write_image(Path(folder, f"same{suffix}"), frame, Carry())
    scenes, _ = pairing.paired([Path("one"), Path("two")])
    pairs = {scene.name: [path.suffix for path in scene.paths] for scene in scenes}
    assert pairs["same.png"] == [".png", ".png"]
    assert pairs["same.jpg"] == [".jpg", ".jpg"]
    assert pairs["a"] == [".png", ".bmp"]


def test_more_than_two_are_compared_and_same_names_are_told_apart(gantool):
    code, *_ = gantool("compare", "a.png", "one/a.png", "two/a.bmp", "-o", "page.html")
    page = Path("page.html").read_text()
    assert code == 0
    assert page.count('class="pane"') == 3
    assert all(f"<span>{title}</span>" in page for title in ("a.png", "one/a.png", "a.bmp"))


def test_models_are_shown_beside_their_input(gantool):
    models.bilinear(Path("x2.onnx"))
    models.wide_blur(Path("blur.onnx"))
    code, out, _ = gantool("compare", "a.png", "--models", "x2.onnx, blur.onnx")
    page = Path(out.strip()).read_text()
    assert (code, out) == (0, "compare-a.html\n")
    assert "input 60×40 · x2.onnx 120×80 · blur.onnx 60×40" in page
    assert page.count("<dt>model ") == 2


def test_measures_are_those_against_the_reference(gantool):
    code, out, _ = gantool("compare", "a.png", "b.png", "--reference", "one/a.png", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["page"] == "compare-a-b.html"
    assert told["metrics"]["a.png"] == {"psnr_rgb": None, "ssim_rgb": 1.0, "l1": 0.0}
    assert told["metrics"]["b.png"] == {
        "psnr_rgb": metrics.psnr_rgb(DARK, NOISE),
        "ssim_rgb": metrics.ssim_rgb(DARK, NOISE),
        "l1": metrics.l1(DARK, NOISE),
    }
    assert "Against the reference" in Path("compare-a-b.html").read_text()


def test_measures_of_folders_are_means_whatever_the_sizes(gantool):
    models.bilinear(Path("x2.onnx"))
    for folder in ("one", "two"):
        write_image(Path(folder, "wide.png"), np.hstack([NOISE, DARK]), Carry())
    code, out, err = gantool("compare", "one", "--models", "x2.onnx", "--reference", "two")
    table = out.splitlines()
    assert code == 0
    assert table[0].split() == ["picture", "psnr_rgb", "ssim_rgb", "l1"]
    assert table[1].startswith("input ")
    assert table[2].startswith("x2.onnx ")
    assert "1 without a reference" in err
    assert table[3] == "compare-one.html"
    assert "Picture by picture" in Path("compare-one.html").read_text()


def test_a_picture_alone_finds_its_reference_by_name(gantool):
    code, out, _ = gantool("compare", "a.png", "b.png", "--reference", "two", "--json")
    assert (code, len(json.loads(out)["metrics"])) == (0, 2)


def test_what_cannot_be_compared_is_named_and_the_rest_is_done(gantool):
    Path("two/deep/b.jpg").write_text("no picture")
    write_image(Path("two/only.png"), NOISE[:20], Carry())
    code, out, err = gantool("compare", "one", "two", "-o", "page.html")
    assert (code, out) == (1, "page.html\n")
    assert "failed two/deep/b.jpg: not a picture" in err or "failed deep/b: " in err
    assert "failed only: two is 60×20, another shape than 60×40" in err
    assert "2 left out" in Path("page.html").read_text()


def test_without_anything_to_show_there_is_no_page(gantool):
    Path("b.png").write_text("no picture")
    code, out, _ = gantool("compare", "a.png", "b.png")
    assert (code, out) == (1, "")
    assert not list(Path().glob("*.html"))


def test_films_show_a_frame(gantool):
    for name in ("one.mkv", "two.mkv"):
        clips.film(Path(name), clips.frames(6))
    assert gantool("compare", "one.mkv", "two.mkv", "-o", "page.html")[0] == 0
    assert "one.mkv 64×48 · two.mkv 64×48" in Path("page.html").read_text()


def test_of_many_some_are_shown_and_all_are_measured(gantool, monkeypatch):
    monkeypatch.setattr(comparing, "SHOWN", 1)
    Path("one/a.png").write_text("no picture")  # the one that would be shown
    for folder in ("one", "two"):
        write_image(Path(folder, "z.png"), NOISE, Carry())
    code, out, _ = gantool("compare", "one", "two", "-o", "page.html", "--reference", "two")
    page = Path("page.html").read_text()
    assert (code, out.splitlines()[-1]) == (1, "page.html")
    assert page.count('<figure class="viewer">') == 1
    assert "1 of 2" in page
    assert page.count("<p><strong>") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a.png"], 2, "two pictures or folders, or one and --models"),
        (["a.png", "one"], 2, "a folder is compared with folders"),
        (["a.png", "z.png"], 2, "z.png: no such file or folder"),
        (["a.png", "b.png", "--reference", "z"], 2, "z: no such file or folder"),
        (["one", "two", "--reference", "a.png"], 2, "of several pictures it is a folder"),
        (["one", "two/deep"], 3, "no picture has one name in all"),
        (["a.png", "--models", "nope"], 4, "nope"),
        (["a.png", "b.png", "-o", "page.txt"], 2, "-o page.txt: must end in .html"),
        (["a.png", "b.png", "-o", "mine.html"], 2, "mine.html: there already"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_writes_nothing(arguments, code, said, gantool, here):
    Path("mine.html").write_text("<p>mine")
    before = sorted(here.rglob("*"))
    got, out, err = gantool("compare", *arguments)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert said in err
    assert sorted(here.rglob("*")) == before

"""Laws of a call without INPUT: never a folder unasked; a pipe in is a picture out."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import ending, read_image, write_image

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
RUN = ("run", "x2.onnx")


class Terminal(io.StringIO):
    """Somebody who has typed a line."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder, with two pictures, a model, and nobody at the other end."""
    monkeypatch.chdir(tmp_path)
    write_image(Path("a.png"), NOISE, Carry())
    write_image(Path("b.jpg"), NOISE, Carry())
    models.bilinear(Path("x2.onnx"))
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield tmp_path


@pytest.fixture
def gantool(capfdbinary):
    """Runs a command line; code, stdout as bytes, stderr as text."""

    def run(*arguments: str) -> tuple[int, bytes, str]:
        capfdbinary.readouterr()
        code = start(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return run


def piped(monkeypatch, content: bytes) -> None:
    """`content` comes through a pipe."""
    receiver, sender = os.pipe()
    os.write(sender, content)
    os.close(sender)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(os.fdopen(receiver, "rb")))


def files() -> set[str]:
    found = {path for path in Path().rglob("*") if path.is_file()}
    return {str(path) for path in found if path.suffix != ".jsonl"}


def test_without_a_terminal_nothing_is_done_and_examples_are_given(gantool):
    before = files()
    code, out, err = gantool(*RUN)
    assert (code, out) == (2, b"")
    assert err.count("gantool run x2.onnx ") == 3
    assert "--demo" in err
    assert files() == before


def test_examples_repeat_the_options_that_were_given(gantool):
    _, _, err = gantool("superres", "--scale", "2")
    assert "gantool superres --scale 2 photo.jpg" in err


def test_a_wrong_option_is_told_before_anything_is_asked(gantool, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    code, _, err = gantool("superres", "--scale", "5")
    assert code == 2
    assert "here" not in err


@pytest.mark.parametrize(("typed", "done"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(gantool, monkeypatch, typed, done):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    before = files()
    code, out, err = gantool(*RUN)
    assert "Run 2 pictures here into ./superres-x2/?" in err
    assert files() - before == ({"superres-x2/a.png", "superres-x2/b.jpg"} if done else set())
    assert (code == 0) == done
    assert out.decode().split() == sorted(files() - before)


def test_yes_answers_without_a_terminal(gantool):
    code, _, err = gantool(*RUN, "--yes")
    assert code == 0
    assert "?" not in err
    assert Path("superres-x2/a.png").is_file()


def test_what_is_done_already_is_not_asked_for_again(gantool, monkeypatch):
    gantool(*RUN, "--yes")
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    code, _, err = gantool(*RUN)
    assert code == 0
    assert "2 up to date" in err


def test_a_folder_without_pictures_gives_examples(gantool, monkeypatch):
    Path("a.png").unlink()
    Path("b.jpg").unlink()
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    code, _, err = gantool(*RUN)
    assert code == 2
    assert "no picture here" in err


@pytest.mark.parametrize("dash", [(), ("-",)])
@pytest.mark.parametrize("name", ["a.png", "b.jpg"])
def test_a_pipe_in_is_the_same_picture_as_from_its_file(gantool, monkeypatch, dash, name):
    piped(monkeypatch, Path(name).read_bytes())
    code, out, _ = gantool(*RUN, *dash)
    assert code == 0
    gantool(*RUN, name, "-o", f"out{Path(name).suffix}")
    assert out == Path(f"out{Path(name).suffix}").read_bytes()


def test_the_result_of_a_pipe_may_have_a_name_and_a_format(gantool, monkeypatch):
    piped(monkeypatch, Path("a.png").read_bytes())
    code, out, _ = gantool(*RUN, "-", "-o", "named.png")
    assert (code, out) == (0, b"named.png\n")
    piped(monkeypatch, Path("a.png").read_bytes())
    assert ending(gantool(*RUN, "-", "--format", "jpg")[1]) == ".jpg"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [(b"", 2, "nothing came through the pipe"), (b"I am no picture", 1, "not a picture")],
)
def test_a_pipe_that_brings_no_picture_is_told(gantool, monkeypatch, content, code, words):
    piped(monkeypatch, content)
    ended, out, err = gantool(*RUN)
    assert (ended, out) == (code, b"")
    assert words in err


def test_a_pipe_is_given_alone(gantool, monkeypatch):
    piped(monkeypatch, Path("a.png").read_bytes())
    assert gantool(*RUN, "-", "b.jpg")[0] == 2


def test_a_picture_is_not_poured_on_a_terminal(gantool, monkeypatch):
    piped(monkeypatch, Path("a.png").read_bytes())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = gantool(*RUN)
    assert (code, out) == (2, b"")
    assert "-o" in err


def test_the_demo_needs_nothing(gantool):
    code, out, _ = gantool(*RUN, "--demo")
    assert (code, out) == (0, b"demo-superres-x2.jpg\n")
    frame, _ = read_image(Path("demo-superres-x2.jpg"))
    assert frame.shape == (854, 1280, 3)
    assert gantool(*RUN, "--demo", "a.png")[0] == 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".avif"])
def test_the_ending_follows_the_content(suffix):
    path = Path("any").with_suffix(suffix)
    write_image(path, NOISE, Carry())
    assert ending(path.read_bytes()) == suffix


def test_the_demo_of_every_task_works(gantool):
    for number, words in enumerate((("colorize",), ("derain",), ("translate", "--style", "monet"))):
        code, out, err = gantool(*words, "--demo", "-o", f"{number}.jpg")
        assert (code, out.decode().strip()) == (0, f"{number}.jpg"), err

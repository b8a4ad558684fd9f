"""Laws of the command line: one clear line for what goes wrong, an exit code that says its kind."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import models
from gantool import api, atomic
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.runtime import missing

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder: a picture, a model that enlarges twice, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    write_image(Path("a.png"), NOISE, Carry())
    write_image(Path("b.jpg"), NOISE, Carry())
    models.bilinear(Path("x2.onnx"))
    Path("text.png").write_text("I am no picture")
    Path("cut.jpg").write_bytes(Path("b.jpg").read_bytes()[:-200])
    Path("zero.png").touch()
    Path("broken.onnx").write_text("I am no model")
    Path("empty").mkdir()
    return tmp_path


@pytest.fixture
def gantool(capfd):
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        return Ended(start(list(arguments)), *capfd.readouterr())

    return run


def in_a_process(*arguments: str, code: str = "", **options: object) -> Ended:
    """Runs a command line in a process of its own, after `code`."""
    code += "\nfrom gantool.cli import main\nmain()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, **options)
    return Ended(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


REFUSED = {
    "missing file": (["superres", "missing.png"], 2, "missing.png: no such file"),
    "name of two lines": (["superres", "two\nlines.png"], 2, "lines.png: no such file"),
    "missing list": (["superres", "@missing.txt"], 2, "missing.txt"),
    "no input": (["superres"], 2, "gantool superres photos/"),
    "input is output": (["superres", "a.png", "-o", "a.png"], 2, "a.png: is an input"),
    "one output of two": (
        ["superres", "a.png", "./sub/a.png", "-o", "o"],
        2,
        "both become o/a.png",
    ),
    "unknown scale": (["superres", "a.png", "--scale", "5"], 2, "2, 3, 4 and 8"),
    "scale in words": (["superres", "a.png", "--scale", "big"], 2, "--scale"),
    "unknown option": (["superres", "a.png", "--nope"], 2, "--nope"),
    "unknown command": (["superes", "a.png"], 2, "superes"),
    "unknown format": (["superres", "a.png", "--format", "xyz"], 2, "--format xyz"),
    "quality above 100": (["superres", "a.png", "--quality", "101"], 2, "--quality"),
    "tile too small": (["superres", "a.png", "--tile", "3"], 2, "--tile 3"),
    "run without model": (["run"], 2, "MODEL"),
    "run without input": (["run", "x2.onnx"], 2, "no input"),
    "empty folder": (["superres", "empty"], 3, "empty: no picture"),
    "pattern of nothing": (["superres", "*.webp"], 3, "*.webp: no picture"),
    "no model file": (
        ["superres", "a.png", "--model", "broken.onnx"],
        4,
        "broken.onnx: refused: not an ONNX",
    ),
    "missing model file": (["run", "missing.onnx", "a.png"], 4, "missing.onnx: no such model file"),
    "misspelt model": (
        ["superres", "a.png", "--model", "superres/photo-x4-fidelty"],
        4,
        "Did you mean superres/photo-x4-fidelity?",
    ),
    "unknown device": (["superres", "a.png", "--device", "abacus"], 5, "--device abacus"),
    "file in the way": (["superres", "a.png", "-o", "zero.png/deep"], 7, "zero.png"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_refusal_is_one_clear_line_and_nothing_is_written(arguments, code, said, gantool, here):
    Path("sub").mkdir()
    write_image(Path("sub/a.png"), NOISE, Carry())
    before = sorted(here.rglob("*"))
    ended = gantool(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("gantool: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


@pytest.mark.skipif(not missing.cuda(), reason="this machine has CUDA")
def test_cuda_asked_for_and_not_there_is_refused(gantool, here):
    ended = gantool("superres", "a.png", "--device", "cuda")
    assert (ended.code, ended.out, ended.err.count("\n")) == (5, "", 1)
    assert "--device cuda" in ended.err
    assert not Path("a-superres-x4.png").exists()


@pytest.mark.parametrize("bad", ["text.png", "cut.jpg", "zero.png"])
def test_bad_picture_is_named_and_the_rest_is_done(bad, gantool):
    code, out, err = gantool("superres", bad, "a.png")
    assert (code, out) == (1, "a-superres-x4.png\n")
    first, truth = err.splitlines()
    assert first.startswith(f"failed {bad}: ")
    assert "1 failed" in truth


def test_stdout_has_the_paths_and_stderr_one_line_of_truth(gantool):
    code, out, err = gantool("superres", "a.png", "b.jpg", "--model", "x2.onnx", "--device", "cpu")
    assert (code, out) == (0, "a-superres-x4.png\nb-superres-x4.jpg\n")
    assert [each.shape for each in map(pixels, out.split())] == [(80, 120, 3)] * 2
    (truth,) = err.splitlines()
    assert truth.startswith("2 pictures · ")
    assert "CPU" in truth


def pixels(path: str) -> np.ndarray:
    return read_image(Path(path))[0]


def test_quiet_says_nothing_but_errors_and_results(gantool):
    assert gantool("superres", "a.png", "-q") == (0, "a-superres-x4.png\n", "")
    assert gantool("superres", "text.png", "-q").err.count("\n") == 1


def test_results_that_are_there_are_left_alone_and_that_is_said(gantool):
    Path("a-superres-x4.png").write_bytes(b"mine")
    ended = gantool("superres", "a.png")
    assert (ended.code, ended.out) == (0, "")
    assert "1 there already, not made by gantool (--overwrite replaces it)" in ended.err
    assert "skipped a.png: a-superres-x4.png is there already" in ended.err
    assert Path("a-superres-x4.png").read_bytes() == b"mine"
    assert gantool("superres", "a.png", "--overwrite").out == "a-superres-x4.png\n"
    assert pixels("a-superres-x4.png").shape == (80, 120, 3)


def test_run_takes_any_model_file(gantool):
    assert gantool("run", "x2.onnx", "a.png", "-o", "out.png")[:2] == (0, "out.png\n")
    assert pixels("out.png").shape == (40, 60, 3)


@pytest.mark.parametrize("flag", [[], ["--help"], ["superres", "--help"], ["--version"]])
def test_help_goes_to_stdout(flag, gantool):
    code, out, err = gantool(*flag)
    assert (code, err) == (0, "")
    assert "gantool" in out


@pytest.mark.parametrize("name", ["two\nlines", "Grüße 写真", "[red]a", "--quiet"])
def test_any_name_can_be_done_and_is_printed_as_it_is(name, gantool):
    Path("a.png").rename(f"{name}.png")
    assert gantool("superres", "--", f"{name}.png")[:2] == (0, f"{name}-superres-x4.png\n")


def test_name_that_is_no_text_can_be_done_and_is_printed_as_it_is():
    Path("a.png").rename(os.fsdecode(b"\xff.png"))
    utf8 = {**os.environ, "PYTHONIOENCODING": "utf-8"}  # as under most people's LANG
    ended = in_a_process("superres", os.fsdecode(b"\xff.png"), env=utf8)
    assert (ended.code, ended.out) == (0, os.fsdecode(b"\xff-superres-x4.png\n"))


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_ends_the_run(gantool, monkeypatch):
    gantool("superres", "b.jpg")  # its graph is kept from here on
    monkeypatch.setattr(atomic.os, "replace", no_space)
    ended = gantool("superres", "a.png", "text.png", "b.jpg", "--overwrite")
    assert (ended.code, ended.out) == (7, "")
    assert "a-superres-x4.png: cannot be written: No space left" in ended.err.splitlines()[-1]


def test_result_that_the_system_cuts_off_leaves_nothing(gantool, here):
    pytest.importorskip("resource")
    gantool("superres", "b.jpg")
    before = sorted(here.iterdir())
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    ended = in_a_process("superres", "a.png", code=limit)
    assert (ended.code, ended.out) == (7, "")
    assert "a-superres-x4.png: cannot be written" in ended.err
    assert sorted(here.iterdir()) == before


def test_folder_without_permission_ends_the_run(gantool):
    Path("empty").chmod(0o555)
    if os.access("empty", os.W_OK):
        pytest.skip("this user may write everywhere")
    ended = gantool("superres", "a.png", "-o", "empty")
    assert (ended.code, ended.err.count("\n")) == (7, 1)


def test_interrupt_is_130_and_one_line(gantool, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "execute", interrupted)
    code, out, err = gantool("superres", "a.png")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "gantool: stopped"


def test_only_gantool_writes_into_the_cache(here):
    """onnxruntime would keep a database of what it was used for, and send it to its makers."""
    ended = in_a_process("superres", "a.png", env={**os.environ, "XDG_CACHE_HOME": str(here / "c")})
    assert ended.code == 0
    assert [path.name for path in (here / "c").iterdir()] == ["gantool"]


def test_without_torch_training_says_what_to_install_and_pictures_work():
    without = "import sys\nsys.modules['torch'] = None"
    ended = in_a_process("train", "superres-fidelity", "empty", code=without)
    assert (ended.code, ended.err.count("\n")) == (6, 1)
    assert 'pip install "gantool[train]"' in ended.err
    assert in_a_process("superres", "a.png", code=without).code == 0


def test_a_signal_that_a_library_makes_an_error_of_is_still_one():
    """As where it comes while onnxruntime is being loaded."""
    hidden = """
import os, signal
from gantool import api
def plan(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10**6): pass
    except BaseException as error:
        raise ImportError("initialization failed") from error
api.plan = plan
"""
    ended = in_a_process("superres", "a.png", code=hidden)
    assert (ended.code, ended.out, ended.err) == (143, "", "gantool: stopped\n")

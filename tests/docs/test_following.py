"""Law: the pages can be followed, command by command, from top to bottom."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from pages import PAGES, SHELL, Line, all_lines, blocks, gantool_words, lines
from samples import fill

import gantool
from gantool import api
from gantool.cli.app import start
from gantool.testing.command_line import environment

torch.set_num_threads(1)  # in networks this small threads only wait for each other
NOT_RUN = {
    r"--device cuda": "a GPU",
    r"models (pull|path|rm) NAME": "NAME is any model; tests/cli/test_models_pull.py has one",
    r"models import|style_vangogh": "a checkpoint; tests/cli/test_models_import.py makes one",
    r"superres-distilled|interpolate": "a teacher; test_superres_distilled.py has one",
    r"realesrgan": "another; tests/plugins/test_checkpoints.py makes one",
    r"evaluate sharp/|--from edges$": "it exports, which takes long; the README does the same",
    r"completions/generate": "it writes into the repository; tests/cli/test_completion.py does it",
    r"plugins new haze|gantool haze|plugins check \.": "tests/test_newcomer.py goes this way",
}
"""What is looked at by test_commands.py alone, and why."""
CUT = {
    "train": ["--steps", "1", "--batch", "2", "--device", "cpu", "--no-export", "--quiet"],
    "bench": ["--size", "64x48", "--seconds", "0.1"],
    "eyes": ["--count", "12"],
    "asked": ["--yes", "--limit", "1"],
}
"""What is added to a command so that it ends soon, and where it asks, is answered."""
TRAINED = {
    "superres-fidelity": "superres/photo-x4-fidelity", "srgan": "superres/photo-x4",
    "superres": "superres/photo-x4", "pix2pix": "translate/edges2cats", "cut": "translate/monet",
    "paint": "translate/monet",
    "colorize": "colorize/photo", "cvae-colorize": "colorize/diverse", "idcgan": "derain/rain",
    "simgan": "refine-synthetic/eyes",
}  # fmt: skip
"""A recipe → the model that its run gets: exports are tested elsewhere, and take long."""
OURS = ("gantool_refine_synthetic.eyes",)
"""Modules of ours that pages start."""
GIVEN = {
    "docs/models.md": "from gantool import Model",
    "docs/noncommercial-weights.md": "from pathlib import Path\nfrom gantool import Model\n"
    "folder, sha256, note = Path(), '0' * 64, ''",
}
"""What goes before the Python of a page, which shows a part of a file."""
FFMPEG = """#!{python}
import sys
if sys.argv[-1] == "-":  # a frame of rgb24 as the page says
    sys.stdout.buffer.write(bytes(640 * 360 * 3))
else:
    taken = sys.stdin.buffer.read()
    assert taken and len(taken) % 3 == 0
    open(sys.argv[-1], "wb").write(taken)
"""
GANTOOL = "#!{python}\nfrom gantool.cli import main\nmain()\n"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def room(tmp_path, monkeypatch, noncommercial) -> Path:
    """The current folder, with a home and programs beside it."""
    for name, script in (("ffmpeg", FFMPEG), ("gantool", GANTOOL)):
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(script.format(python=sys.executable))
        file.chmod(0o755)
    for folder in ("local/share/bash-completion/completions", "config/fish/completions", "zfunc"):
        (tmp_path / "home" / f".{folder}").mkdir(parents=True)
    (tmp_path / "room").mkdir()
    monkeypatch.chdir(tmp_path / "room")
    return tmp_path / "room"


def shell(script: str, room: Path) -> Ended:
    """The line in bash, where gantool and ffmpeg are at hand."""
    home = room.parent / "home"
    path = os.pathsep.join([str(room.parent / "bin"), os.environ["PATH"]])
    env = {**environment(home), "HOME": str(home), "PATH": path, "PROFILE": str(home / "profile")}
    command = ["bash", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=room, env=env, capture_output=True)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def cut(words: list[str]) -> list[str]:
    """The command in a shorter form."""
    asks = words == ["translate", "--style", "monet"]
    tiny = words[0] == "train" and "--init" not in words  # or the networks would not fit
    more = CUT.get("asked" if asks else words[0], [])
    return [*words, *more, *(["--preset", "tiny"] if tiny else [])]


def run(words: list[str], capfd) -> Ended:
    """gantool in this process; what training would have exported is laid where it would be."""
    capfd.readouterr()
    ended = Ended(start(cut(words)), *capfd.readouterr())
    if words[0] == "train" and "-o" in words and ended.code == 0:
        folder = Path(words[words.index("-o") + 1])
        shutil.copyfile(api.model_path(TRAINED[words[1]]), folder / f"{folder.name}.onnx")
    return ended


def ends(line: Line, room: Path, capfd) -> Iterator[Ended]:
    """How each command of a line that can be run here ended."""
    if any(re.search(pattern, line.typed) for pattern in NOT_RUN):
        return
    if line.is_piped:
        yield shell(line.typed, room)
        return
    for command in line.commands:
        if (words := gantool_words(command)) is not None:
            yield run(words, capfd)
        elif command[1:2] == ["-m"] and command[2] in OURS:
            words = [sys.executable, *command[1:], *CUT["eyes"]]
            done = subprocess.run(words, capture_output=True, text=True, env=environment(room))
            yield Ended(done.returncode, done.stdout, done.stderr)


def follow(line: Line, room: Path, capfd) -> None:
    for ended in ends(line, room, capfd):
        if line.shown:  # a console that shows how it ends
            assert ended.out + ended.err == line.shown, line.typed
        else:
            assert ended.code == 0, f"{line.typed}: {ended.err}"
            assert all(Path(each).exists() for each in line.results), line.typed


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if all_lines(page)])
def test_page_can_be_followed(page, room, capfd):
    fill(room, page)
    space: dict[str, object] = {"__name__": "page"}
    exec(GIVEN.get(page, ""), space)
    for block in blocks(page):
        if block.language in SHELL:
            for line in lines(block):
                follow(line, room, capfd)
        elif block.language == "python" and page != "docs/writing-a-plugin.md":
            exec(block.text, space)


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_every_exception_is_still_of_use(pattern):
    assert any(re.search(pattern, line.typed) for page in PAGES for line in all_lines(page))


def test_what_lines_say_of_their_results_is_read():
    said = [each for page in PAGES for line in all_lines(page) for each in line.results]
    assert len(said) > 15
    assert {"photo-superres-x4.jpg", "photos-derain-rain+superres-x2/"} <= set(said)


def test_the_plugin_of_the_readme_softens():
    import numpy as np

    code = next(each.text for each in blocks("README.md") if "def soften" in each.text)
    space: dict[str, Callable[..., gantool.Pipeline]] = {}
    exec(code, space)
    frame = np.full((4, 6, 3), 200, np.uint8)
    assert space["gantool_tasks"]() == [space["soften"]]
    pipeline = space["soften"](strength=0.25)
    half = pipeline.process(frame, lambda each: np.repeat(np.repeat(each // 2, 4, 0), 4, 1))
    assert np.array_equal(half, np.full_like(frame, 175))
    assert pipeline.label == "0.25"

"""Laws of `gantool recipes`: tables whose words stay whole, at any width, without torch."""

import dataclasses
import itertools
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from gantool import api, plugin_manager, recipe_notes
from gantool.cli import recipes, tables
from gantool.cli.app import start

ALIAS = ("superres", "gantool_superres.fidelity:superres_fidelity")
LOST = ("haze", "gantool.nowhere:haze")


@pytest.fixture
def gantool(capfd):
    """Runs a command line in this process: (code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return start(list(arguments)), *capfd.readouterr()

    return run


@pytest.fixture
def install(monkeypatch):
    """Lets recipes be there beside the installed ones."""
    entries = plugin_manager._entries

    def more(*recipes: tuple[str, str]) -> None:
        group = "gantool.recipes"
        mine = [EntryPoint(name, value, group) for name, value in recipes]
        kept = [each for each in entries(group) if each.name not in dict(recipes)]
        monkeypatch.setattr(
            plugin_manager,
            "_entries",
            lambda asked: [*mine, *kept] if asked == group else entries(asked),
        )
        plugin_manager.load.cache_clear()

    yield more
    plugin_manager.load.cache_clear()


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line)


@pytest.mark.parametrize("arguments", [[], ["pix2pix"], ["superres-fidelity"]], ids=" ".join)
def test_nothing_heavy_is_imported(arguments):
    code = f"import sys; from gantool.cli.app import start; start(['recipes', *{arguments}])"
    code += "; sys.exit(bool({'torch', 'numpy', 'onnx'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pix2pix" in done.stdout or arguments == ["superres-fidelity"]


def test_piped_each_recipe_is_one_line(gantool, install, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    install(ALIAS)
    code, out, err = gantool("recipes")
    head, *lines = out.splitlines()
    assert (code, err) == (0, "")
    assert cells(head) == ["recipe", "what it learns", "paper", "data", "cost"]
    assert len(lines) == len(recipe_notes.titles(api.registry().recipes, api.registry().tasks))
    (row,) = (cells(line) for line in lines if line.startswith("superres-fidelity (superres)"))
    notes = api.recipe_notes("superres")
    cost = " · ".join(f"{preset} {time}" for preset, time in notes.cost.items())
    wanted = [notes.summary, notes.paper, notes.data, cost]
    assert row[1:] == [cell for cell in wanted if cell]
    assert not any(line.startswith("superres ") for line in lines)


def test_a_recipe_that_cannot_be_read_says_why_in_its_row(gantool, install):
    before = gantool("recipes")[1].splitlines()[1:]
    install(LOST)
    code, out, _ = gantool("recipes")
    (row,) = (line for line in out.splitlines() if line.startswith("haze "))
    assert code == 0
    assert "cannot be read: no module gantool.nowhere" in row
    assert [cells(line)[0] for line in out.splitlines()[1:] if line != row] == [
        cells(line)[0] for line in before
    ]
    assert gantool("recipes", "haze")[0] == 6


@pytest.mark.parametrize("name", ["pix2pix", "superres-fidelity"])
def test_a_recipe_shows_each_option_with_presets_and_meaning(gantool, name):
    code, out, _ = gantool("recipes", name)
    notes = api.recipe_notes(name)
    assert code == 0
    assert out.startswith(f"{notes.summary}\n\n{notes.citation}\n\n")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert cells(lines["option"]) == ["option", "type", "default", *notes.presets, "meaning"]
    for option in notes.options:
        row = [option.flag, option.kind, option.default, *notes.chosen(option.name), option.meaning]
        assert cells(lines[option.flag]) == [cell for cell in row if cell]
    meaning = notes.steps or recipes.STEPS
    assert cells(lines["--steps"]) == ["--steps", "N", *notes.chosen("steps"), meaning]


def test_an_option_without_meaning_and_a_cost_are_shown(capsys):
    notes = api.recipe_notes("pix2pix")
    bare = dataclasses.replace(notes.options[1], meaning="")
    presets = {"small": {"steps": 3}, "tall": {"steps": 4}}
    cost = {"tall": "1 day"}
    told = dataclasses.replace(notes, options=(bare,), presets=presets, cost=cost, steps="of it")
    recipes._describe(told)
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert cells(lines[bare.flag]) == [bare.flag, bare.kind, bare.default]
    assert cells(lines["--steps"]) == ["--steps", "N", "3", "4", "of it"]
    assert lines["takes"].index("1 day") == lines["option"].index("tall")
    assert lines["For"].endswith("FOLDER --preset small")


@pytest.mark.parametrize("name", ["pix2pix", "superres"])
def test_the_example_can_be_copied(gantool, install, tmp_path, name):
    pytest.importorskip("torch")
    install(ALIAS)
    out = gantool("recipes", name)[1]
    (example,) = re.findall(r"^For example: gantool (.*)$", out, re.MULTILINE)
    command = shlex.split(example.replace("FOLDER", str(tmp_path / "missing")))
    assert command[:2] == ["train", name]
    code, _, err = gantool(*command)
    assert (code, err.count("\n")) == (2, 1)
    assert "missing: no such folder" in err


@pytest.mark.parametrize("wrong", ["pix2pics", "PIX2PIX"])
def test_an_unknown_name_gets_the_nearest(gantool, wrong):
    code, out, err = gantool("recipes", wrong)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"no recipe {wrong}: did you mean pix2pix?" in err


def test_a_name_like_no_other_gets_the_list(gantool):
    assert ", ".join(api.registry().recipes) in gantool("recipes", "zzzzzzzz")[2]


ROWS = [
    ("recipe", "what it learns", "cost"),
    ("superres (x)", "To enlarge photographs of everything, λ times.", "tiny 2 min · full 1 day"),
    ("pix", "a|bb|ccc|dddd", ""),
]


@pytest.mark.parametrize("room", [44, 52, 60, 80, 10**9])
def test_rows_fit_and_keep_their_words_and_order(room):
    laid = tables.laid_out(ROWS, room)
    assert max(len(line) for lines in laid for line in lines) <= room
    assert all(line == line.rstrip() for lines in laid for line in lines)
    for row, lines in zip(ROWS, laid, strict=True):
        given = sorted(re.findall(r"[^\s|]+", " ".join(row)))
        assert sorted(re.findall(r"[^\s|]+", " ".join(lines))) == given
    if room >= 90:
        assert [len(lines) for lines in laid] == [1, 1, 1]


def test_columns_begin_at_one_place():
    laid = tables.laid_out(ROWS, 60)
    starts = [laid[0][0].index(word) for word in ("what", "cost")]
    for line in itertools.chain.from_iterable(laid[1:]):
        padded = line.ljust(max(starts) + 1)
        assert all(padded[start - 2 : start] == "  " for start in starts)


def test_less_room_never_makes_rows_lower():
    heights = [max(map(len, tables.laid_out(ROWS, room))) for room in range(20, 120)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[-1] == 1


def test_room_left_over_makes_columns_whole_and_then_the_longest_wider():
    assert tables._widened([5, 4, 10], [8, 9, 40], room=23) == [8, 4, 11]
    assert tables._widened([5, 4, 10], [8, 9, 40], room=99) == [8, 9, 40]
    assert tables._widened([5, 4, 10], [8, 9, 40], room=12) == [5, 4, 10]


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("arguments", [[], ["pix2pix"]], ids=["list", "one"])
def test_a_terminal_is_filled_and_not_more(width, arguments):
    drawn = on_a_terminal(width, "recipes", *arguments)
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in drawn.splitlines()]
    assert max(map(len, plain)) <= width
    assert "\x1b[1m" in drawn


def on_a_terminal(width: int, *arguments: str) -> str:
    """What `gantool ARGUMENTS` draws on a terminal so wide."""
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    env = {**os.environ, "COLUMNS": str(width), "TERM": "xterm"}
    command = [sys.executable, "-m", "gantool", *arguments]
    process = subprocess.Popen(command, stdout=end, stderr=end, env=env)
    os.close(end)
    drawn = b""
    while part := _part(terminal):
        drawn += part
    os.close(terminal)
    assert process.wait(60) == 0
    return drawn.decode()


def _part(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so where others give nothing
        return b""

"""Laws of completion: fresh files, real shells, no program started at Tab."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from gantool import folders, plugin_manager
from gantool.cli import completion
from gantool.cli.app import start
from terminals import Terminal

PROJECT = Path(__file__).parent.parent.parent
SCRIPTS = PROJECT / "completions"
FILES = [*(f"completions/{name}" for name in completion.SHELLS.values()), "man/gantool.1"]
ENDS = {
    "gantool su": "perres",
    "gantool translate --style m": "onet",
    "gantool translate --style=m": "onet",
    "gantool superres --device cu": "da",
    "gantool superres --device cuda:1 --exists re": "name",
    "gantool superres --metadata keep-": "no-gps",
    "gantool superres a.png --dem": "o",
    "gantool superres --model superres/photo-x2": "-fidelity",
    "gantool superres pic": "ture.png",
    "gantool superres -o pic": "ture.png",
    "gantool superres --report=pic": "ture.png",
    "gantool run mod": "el.onnx",
    "gantool run model.onnx pic": "ture.png",
    "gantool models inf": "o",
    "gantool models info translate/e": "dges2cats",
    "gantool models import a.pth --task tr": "anslate",
    "gantool recipes cyc": "legan",
    "gantool train pix": "2pix",
    "gantool train pix2pix pho": "tos",
    "gantool train --preset ti": "ny",
    "gantool train pix2pix x --from e": "dges",
    "gantool evaluate model.onnx pho": "tos",
    "gantool completion po": "wershell",
}
"""What Tab puts behind what is typed; slashes and spaces at the end aside."""
LISTS = {
    "gantool translate --style ": {"edges2cats", "monet"},
    "gantool superres --exists ": {"auto", "skip", "overwrite", "rename", "error"},
    "gantool models ": {"list", "info", "import", "rm"},
}
HAZE = '''
import typer
from gantool import Pipeline

def haze(density: float = 1.0, kind: str = "sea") -> Pipeline:
    """Take the haze out of photographs."""
'''


@pytest.fixture
def folder(tmp_path):
    """Where the user is."""
    place = tmp_path / "here"
    (place / "photos").mkdir(parents=True)
    for name in ("picture.png", "photography.txt", "model.onnx"):
        (place / name).touch()
    return place


@pytest.fixture
def no_cache(tmp_path):
    """An environment in which gantool has never run, and no program is to be found."""
    home, programs = tmp_path / "home", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    return {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": str(programs)}


def shell(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"no {name} here")


def opened(name: str, folder: Path, env: dict[str, str]) -> Terminal:
    """bash or zsh with gantool's completion and nothing else."""
    if name == "bash":
        terminal = Terminal([shell("bash"), "--norc", "--noprofile", "-i"], folder, env)
        terminal.run("bind 'set enable-bracketed-paste off' 'set bell-style none'")
        terminal.run(f"source {SCRIPTS / 'gantool.bash'}")
    else:
        terminal = Terminal([shell("zsh"), "-f", "-i"], folder, env)
        terminal.run(f"fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D")
        terminal.run("unset zle_bracketed_paste; bindkey -e; setopt no_beep")
    return terminal


def in_fish(line: str, folder: Path, env: dict[str, str]) -> list[str]:
    """What fish offers behind `line`: the whole last word of each."""
    script = f"source {SCRIPTS / 'gantool.fish'}; complete -C '{line}'"
    command = [shell("fish"), "--no-config", "-c", script]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [each.partition("\t")[0] for each in done.stdout.splitlines()]


def test_the_files_are_those_that_the_commands_give(tmp_path):
    command = [sys.executable, SCRIPTS / "generate.py", tmp_path]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run(command, check=True, env=env)
    for name in FILES:
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == (PROJECT / name).read_text(encoding="utf-8"), (
            f"{name} is not fresh: python completions/generate.py"
        )


@pytest.mark.parametrize("name", completion.SHELLS)
def test_gantool_prints_the_script_of_each_shell(capsys, name):
    assert start(["completion", name]) == 0
    printed = capsys.readouterr().out
    assert "translate\t--style\tedges2cats monet\t" in printed
    assert completion.PLACE.strip() not in printed


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_in_a_real_shell_that_starts_no_program(name, folder, no_cache):
    terminal = opened(name, folder, no_cache)
    ends = {typed: terminal.complete(typed).rstrip(" /").removeprefix(typed) for typed in ENDS}
    lists = {typed: terminal.offered(typed) for typed in LISTS}
    terminal.close()
    assert ends == ENDS
    for typed, words in LISTS.items():
        assert words <= lists[typed]


def test_tab_in_fish_that_starts_no_program(folder, no_cache):
    for typed, end in ENDS.items():
        (found,) = in_fish(typed, folder, no_cache)
        assert found.rstrip("/") == f"{typed}{end}".split()[-1]
    for typed, words in LISTS.items():
        assert words <= set(in_fish(typed, folder, no_cache))


@pytest.fixture
def haze(monkeypatch, no_cache):
    """A stranger's plugin is installed, and any command has run since."""
    module, plugin = ModuleType("haze_tasks"), ModuleType("haze_plugin")
    exec(HAZE, module.__dict__)
    plugin.gantool_tasks = plugin_manager.hookspecs.hookimpl(lambda: [module.haze])
    monkeypatch.setitem(sys.modules, "haze_plugin", plugin)
    entries, mine = plugin_manager._entries, EntryPoint("haze", "haze_plugin", "gantool")
    monkeypatch.setattr(
        plugin_manager,
        "_entries",
        lambda group: [*entries(group), *([mine] if group == "gantool" else [])],
    )
    monkeypatch.setenv("XDG_CACHE_HOME", no_cache["XDG_CACHE_HOME"])
    plugin_manager.load.cache_clear()
    assert start(["plugins", "list"]) == 0
    yield
    plugin_manager.load.cache_clear()


@pytest.mark.usefixtures("haze")
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_strangers_task_is_completed_once_any_command_ran(name, folder, no_cache):
    terminal = opened(name, folder, no_cache)
    assert terminal.complete("gantool ha").rstrip() == "gantool haze"
    assert terminal.complete("gantool haze --den").rstrip() == "gantool haze --density"
    terminal.close()


@pytest.mark.usefixtures("haze")
def test_a_strangers_task_is_completed_in_fish_too(folder, no_cache):
    assert in_fish("gantool ha", folder, no_cache) == ["haze"]
    assert in_fish("gantool haze --den", folder, no_cache) == ["--density"]


@pytest.mark.usefixtures("haze")
def test_the_table_is_written_only_when_something_changed(monkeypatch):
    file = folders.cache("completions.tsv")
    before = file.stat()
    assert start(["plugins", "list"]) == 0
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    completion.remember_devices(["cpu", "GPU"])
    assert start(["plugins", "list"]) == 0
    assert "\t--device\tauto cpu\t" in file.read_text()


def test_a_table_that_cannot_be_written_disturbs_nobody(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert start(["plugins", "list"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_tab_takes_less_than_50_ms_of_cpu(name, folder, no_cache):
    def seconds(tabs: int) -> float:
        terminal = opened(name, folder, no_cache)
        for _ in range(tabs):
            terminal.complete("gantool translate --tile 4 x.jpg --style m")
        return terminal.close()

    assert (seconds(10) - seconds(0)) / 10 < 0.05


def test_a_tab_in_fish_takes_less_than_50_ms_of_cpu(folder, no_cache):
    line, repeats = "gantool translate --tile 4 x.jpg --style ", 10
    script = f"source {SCRIPTS / 'gantool.fish'}; " + f"complete -C '{line}';" * repeats
    process = os.posix_spawn(shell("fish"), ["fish", "--no-config", "-c", script], no_cache)
    _, _, used = os.wait4(process, 0)
    assert (used.ru_utime + used.ru_stime) / repeats < 0.05


def test_the_manual_is_clean_troff_and_names_every_command(tmp_path):
    groff = shutil.which("groff") or pytest.skip("no groff here")
    command = [groff, "-man", "-ww", "-Tascii", "-P-c", PROJECT / "man" / "gantool.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    shown = re.sub(r"\x1b\[\d*m|.\x08", "", done.stdout)
    for heading in (
        "gantool superres INPUT...",
        "gantool models import FILE",
        "--exists auto|skip",
    ):
        assert heading in shown

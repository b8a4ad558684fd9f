"""Laws of licences that must be accepted: once for a user and a text; before, one line says so."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import gantool
import models
from gantool import licences, plugin_manager
from gantool.cli.app import start
from gantool.errors import ModelError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.pipeline import Model
from gantool.runtime.session import sha256

PLUGIN = """
from pathlib import Path
from gantool import Model, Pipeline, hookimpl

def haze() -> Pipeline:
    "Take the haze out."
    return Pipeline(models=("haze/strict",), scale=2)

def fog() -> Pipeline:
    "Take the fog out."
    return Pipeline(models=("fog/apart",), scale=2)

@hookimpl
def gantool_tasks():
    return [haze, fog]

@hookimpl
def gantool_models():
    here, file = Path(__file__).parent, "{file}"
    return [
        Model("haze/strict", "haze", file, "{sha256}", "strict-1", "", str(here / "TERMS.txt")),
        Model("fog/apart", "fog", "", "", "MIT", "pip install fog-weights"),
    ]
"""
ASKED = "strict-1"
LATER = ("a.png", "--device", "cpu", "--overwrite")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A user's own folders, `a.png`, and a plugin: haze asks for acceptance, fog lacks its file."""
    site, home = tmp_path / "site", tmp_path / "home"
    site.mkdir()
    file = models.bilinear(site / "strict.onnx")
    (site / "TERMS.txt").write_text("Do no harm.\n")
    source = PLUGIN.format(file=file, sha256=sha256(file))
    (site / "plug_strict.py").write_text(source)
    entries, mine = plugin_manager._entries, EntryPoint("strict", "plug_strict", "gantool")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.delenv(licences.VARIABLE, raising=False)
    monkeypatch.setattr(
        plugin_manager, "_entries", lambda group: [*entries(group), *[mine][: group == "gantool"]]
    )
    write_image(Path("a.png"), np.full((20, 30, 3), 90, np.uint8), Carry())
    plugin_manager.load.cache_clear()
    yield site
    plugin_manager.load.cache_clear()
    sys.modules.pop("plug_strict", None)


@pytest.fixture
def said(capfd):
    """Runs a command line in this process: (code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return start(list(arguments)), *capfd.readouterr()

    return run


@pytest.mark.parametrize(
    "way",
    [
        ("haze", "a.png"),
        ("haze", "a.png", "--dry-run"),
        ("run", "haze/strict", "a.png"),
        ("run", "site/strict.onnx", "a.png"),
        ("evaluate", "haze/strict", "."),
    ],
    ids=" ".join,
)
def test_unaccepted_is_one_line_that_says_what_to_type_and_nothing_is_written(way, said, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = said(*way)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "haze/strict" in err
    assert "TERMS.txt" in err
    assert err.endswith(f"add --accept-licence {ASKED}\n")
    assert [each for each in sorted(tmp_path.rglob("*")) if each.suffix != ".pyc"] == [
        each for each in before if each.suffix != ".pyc"
    ]


@pytest.mark.parametrize("option", ["--accept-licence", "--accept-license"])
@pytest.mark.parametrize("way", [("haze",), ("run", "haze/strict"), ("run", "site/strict.onnx")])
def test_accepted_it_runs_and_never_asks_again(way, option, said):
    assert said(*way, *LATER, option, ASKED)[0] == 0
    for again in (("haze",), ("run", "haze/strict")):
        assert said(*again, *LATER)[0] == 0


def test_what_is_remembered_is_the_text(said, tmp_path):
    said("haze", *LATER, "--accept-licence", ASKED)
    (kept,) = (tmp_path / "home" / "gantool" / "licences").iterdir()
    assert kept.read_text() == "Do no harm.\n"
    assert sha256(kept) == kept.stem


def test_another_user_is_asked(said, monkeypatch, tmp_path):
    said("haze", *LATER, "--accept-licence", ASKED)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
    assert said("haze", *LATER)[0] == 4


def test_another_text_is_asked_for_anew(said, here):
    said("haze", *LATER, "--accept-licence", ASKED)
    (here / "TERMS.txt").write_text("Do no harm, nor good.\n")
    assert said("haze", *LATER)[0] == 4


def test_the_environment_accepts_for_one_process_only(said, monkeypatch, tmp_path):
    monkeypatch.setenv(licences.VARIABLE, ASKED)
    assert said("haze", *LATER)[0] == 0
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv(licences.VARIABLE, "another")
    assert said("haze", *LATER)[0] == 4


@pytest.mark.parametrize("way", [("haze",), ("superres",), ("run", "haze/strict")], ids=" ".join)
def test_wrong_name_is_one_line_that_says_the_right_one(way, said, tmp_path):
    code, out, err = said(*way, *LATER, "--accept-licence", "strict-2")
    assert (code, out) == (2, "")
    assert err == f"gantool: --accept-licence strict-2: no such licence: there is {ASKED}\n"
    assert not (tmp_path / "home").exists()


def test_models_of_other_licences_are_not_asked_about(said):
    assert said("superres", *LATER)[0] == 0


def test_notebooks_accept_too():
    with pytest.raises(ModelError, match=ASKED):
        gantool.load("haze/strict", device="cpu")
    with pytest.raises(ModelError, match=ASKED):
        gantool.run("haze", "a.png", device="cpu")
    (done,) = gantool.run("haze", "a.png", device="cpu", accept_licence=ASKED)
    assert done.outputs == (Path("a-haze.png"),)
    assert gantool.load("haze/strict", device="cpu").contract.scale == 2


def test_load_alone_accepts():
    assert gantool.load("haze/strict", device="cpu", accept_licence=ASKED).contract.scale == 2
    gantool.load("haze/strict", device="cpu")


def test_training_from_its_weights_is_using_it(said):
    pytest.importorskip("torch")
    start_from = ("train", "superres-fidelity", ".", "--init", "haze/strict")
    code, out, err = said(*start_from)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert ASKED in err
    assert ASKED not in said(*start_from, "--accept-licence", ASKED)[2]


def test_lists_say_whether_it_is_accepted(said):
    for state, info in (("not accepted yet", "no"), ("accepted", "yes")):
        rows = {row.split()[0]: row for row in said("models", "list")[1].splitlines()}
        assert f"{ASKED} ({state})" in rows["haze/strict"]
        assert "accepted" not in rows["superres/photo-x4"]
        (licence,) = said("models", "licences")[1].splitlines()[1:]
        assert licence.split()[:2] == [ASKED, "haze/strict"]
        assert f" {state} " in licence
        told = said("models", "info", "haze/strict")[1].splitlines()
        assert [line.split() for line in told if line.startswith("accepted")] == [
            ["accepted", info]
        ]
        said("haze", *LATER, "--accept-licence", ASKED)


def test_lost_text_is_one_line(here):
    (here / "TERMS.txt").unlink()
    with pytest.raises(ModelError, match=r"haze/strict: its licence .*TERMS.txt is missing"):
        gantool.load("haze/strict", device="cpu", accept_licence=ASKED)


@pytest.mark.parametrize("way", [("fog", "a.png"), ("run", "fog/apart", "a.png")], ids=" ".join)
def test_model_without_a_file_says_how_to_add_it(way, said):
    assert said(*way) == (4, "", "gantool: fog/apart is not installed: pip install fog-weights\n")


def test_model_without_a_file_is_listed_as_such(said):
    rows = {row.split()[0]: row for row in said("models", "list", "--all")[1].splitlines()}
    assert rows["fog/apart"].endswith("not installed: pip install fog-weights")


def test_many_processes_accept_at_once(tmp_path):
    code = (
        "import sys; from gantool import licences; from gantool.pipeline import Model; "
        "licences.check(Model('a/b', 'a', '', '', 'strict-1', '', sys.argv[1]), 'strict-1')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "site" / "TERMS.txt")]
    running = [subprocess.Popen(command, env=os.environ) for _ in range(4)]
    assert [each.wait(60) for each in running] == [0] * 4
    model = Model("a/b", "a", "", "", ASKED, "", command[-1])
    licences.check(model)
    (kept,) = licences.folder().iterdir()
    assert kept.read_text() == "Do no harm.\n"


def test_no_licence_to_accept_is_said(said):
    with pytest.raises(UsageError, match="--accept-licence x: no such licence: no model here asks"):
        licences.refuse_unknown("x", {})
    licences.refuse_unknown(None, {})

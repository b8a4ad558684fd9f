"""Laws of models with addresses at the command line: listed, pulled, verified, used, removed."""

import re
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import gantool
import models
import web
from gantool import api, download, model_cache, plugin_manager
from gantool.cli.app import start
from gantool.errors import ModelError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.session import sha256

PLUGIN = """
from pathlib import Path
from gantool import Model, Pipeline, hookimpl

def haze(model: str = "haze/outdoor") -> Pipeline:
    "Take the haze out."
    return Pipeline(models=(model,))

@hookimpl
def gantool_tasks():
    return [haze]

@hookimpl
def gantool_models():
    terms = str(Path(__file__).with_name("TERMS.txt"))
    return [
        Model("haze/outdoor", "haze", "", "{sha256}", "MIT", "for the open air", urls=("{url}",)),
        Model("haze/strict", "haze", "", "{strict}", "strict-1", "", terms, ("{url}.strict",)),
    ]
"""
USED = ("haze", "a.png", "--device", "cpu", "--overwrite")


@pytest.fixture
def server():
    with web.serving() as running:
        yield running


@pytest.fixture
def content(tmp_path) -> bytes:
    return models.bilinear(tmp_path / "made.onnx").read_bytes()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, server, content):
    """A user's own folders, `a.png`, and a plugin whose models lie on the server."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "TERMS.txt").write_text("Do no harm.\n")
    url = server.add("/model.onnx", web.whole(content))
    strict = models.bilinear(tmp_path / "strict.onnx", scale=3)
    server.add("/model.onnx.strict", web.whole(strict.read_bytes()))
    source = PLUGIN.format(sha256=sha256(tmp_path / "made.onnx"), strict=sha256(strict), url=url)
    (site / "plug_pull.py").write_text(source)
    entries, mine = plugin_manager._entries, EntryPoint("pull", "plug_pull", "gantool")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(download, "_plain_hosts", frozenset(("127.0.0.1",)))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANTOOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    for name in ("GANTOOL_MODELS", model_cache.OFFLINE, "GANTOOL_ACCEPT_LICENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        plugin_manager, "_entries", lambda group: [*entries(group), *[mine][: group == "gantool"]]
    )
    write_image(Path("a.png"), np.full((20, 30, 3), 90, np.uint8), Carry())
    plugin_manager.load.cache_clear()
    yield site
    plugin_manager.load.cache_clear()
    sys.modules.pop("plug_pull", None)


@pytest.fixture
def said(capfd):
    """Runs a command line in this process: (code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return start(list(arguments)), *capfd.readouterr()

    return run


def place() -> Path:
    return model_cache.place(api.registry().models["haze/outdoor"])


@pytest.mark.parametrize("way", [USED, ("run", "haze/outdoor", *USED[1:])], ids=" ".join)
def test_use_downloads_it_once_and_says_so(way, said, server):
    code, out, err = said(*way)
    assert (code, out.count("\n")) == (0, 1)
    assert err.startswith("haze/outdoor: ")
    assert f"from {server.url('/model.onnx')}" in err.splitlines()[0]
    code, _, err = said(*way)
    assert code == 0
    assert "/model.onnx" not in err
    assert server.asked["/model.onnx"] == 1


@pytest.mark.parametrize("talk", ["-q", "--json"])
def test_quiet_use_downloads_quietly(talk, said):
    assert "/model.onnx" not in said(*USED, talk)[2]
    assert place().is_file()


def test_notebooks_download_too(server, monkeypatch):
    with pytest.raises(ModelError, match="By hand"):
        gantool.load("haze/outdoor", device="cpu", offline=True)
    assert gantool.load("haze/outdoor", device="cpu").contract.scale == 2
    monkeypatch.setenv(model_cache.OFFLINE, "1")
    (done,) = gantool.run("haze", "a.png", device="cpu")
    assert done.outputs == (Path("a-haze.png"),)


@pytest.mark.parametrize("way", ["--offline", "environment"])
def test_offline_use_is_one_line_that_says_what_to_put_where(way, said, server, monkeypatch):
    if way == "environment":
        monkeypatch.setenv(model_cache.OFFLINE, "1")
    code, out, err = said(*USED, *[way][: way == "--offline"])
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert server.url("/model.onnx") in err
    assert str(place()) in err
    assert not server.asked
    said("models", "pull", "haze/outdoor") if way == "--offline" else place_by_hand()
    assert said(*USED, *[way][: way == "--offline"])[0] == 0


def place_by_hand() -> None:
    place().parent.mkdir(parents=True)
    place().write_bytes(Path("made.onnx").read_bytes())


def test_pull_prints_where_it_is(said, content):
    code, out, err = said("models", "pull", "haze/outdoor")
    assert (code, out) == (0, f"{place()}\n")
    assert err.startswith("haze/outdoor: ")
    assert place().read_bytes() == content
    assert said("models", "pull", "haze/outdoor") == (0, out, "")
    assert said("models", "path", "haze/outdoor") == (0, out, "")


def test_pull_of_a_wrong_name_downloads_nothing(said, server):
    code, out, err = said("models", "pull", "haze/outdoor", "haze/outdor")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "Did you mean haze/outdoor?" in err
    assert not server.asked


def test_pull_of_an_installed_model_says_where_that_is(said, server):
    code, out, err = said("models", "pull", "superres/photo-x4")
    assert (code, err) == (0, "")
    assert Path(out.strip()).is_file()


def test_failed_pull_is_one_line(said, server):
    server.add("/model.onnx", web.whole(web.LFS))
    code, out, err = said("models", "pull", "haze/outdoor", "-q")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "a Git LFS pointer" in err
    assert str(place()) in err


def test_full_disk_is_exit_code_7(said, server, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: type("", (), {"free": 9}))
    code, out, err = said("models", "pull", "haze/outdoor", "-q")
    assert (code, out, err.count("\n")) == (7, "", 1)
    for part in ("no room for", "/model.onnx", str(place()), "GANTOOL_CACHE_DIR"):
        assert part in err


def test_licence_is_asked_for_before_the_download(said, server):
    code, out, err = said("models", "pull", "haze/strict", "haze/outdoor")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.endswith("add --accept-licence strict-1\n")
    assert said("haze", "a.png", "--model", "haze/strict")[0] == 4
    assert not server.asked
    assert said("models", "pull", "haze/strict", "--accept-licence", "strict-1")[0] == 0
    assert said(*USED, "--model", "haze/strict")[0] == 0


def test_list_shows_what_is_here_and_all(said, monkeypatch):
    code, out, err = said("models", "list")
    assert (code, "haze/" in out, err) == (0, False, "")
    with monkeypatch.context() as terminal:
        terminal.setattr(sys.stdout, "isatty", lambda: True)
        assert re.search(r"\d models more with --all", said("models", "list")[2])
    rows = {row.split()[0]: row for row in said("models", "list", "--all")[1].splitlines()}
    assert rows["haze/outdoor"].endswith("not here yet: for the open air")
    said("models", "pull", "haze/outdoor")
    rows = {row.split()[0]: row for row in said("models", "list")[1].splitlines()}
    assert rows["haze/outdoor"].endswith("  for the open air")
    assert "haze/strict" not in rows


def test_info_tells_what_there_is_to_know(said, server):
    told = facts(said("models", "info", "haze/outdoor")[1])
    assert told["file"] == "not here yet: gantool models pull haze/outdoor"
    assert (told["licence"], told["urls"]) == ("MIT", server.url("/model.onnx"))
    assert told["by hand"] == str(place())
    assert not server.asked
    said("models", "pull", "haze/outdoor")
    there = facts(said("models", "info", "haze/outdoor")[1])
    assert there["file"] == str(place())
    assert there["bytes"] == str(place().stat().st_size)
    assert there["sha256"] == told["sha256"]
    assert {"scale", "data", "metrics", "urls"} <= there.keys()


def facts(out: str) -> dict[str, str]:
    return {line[:12].strip(): line[12:].strip() for line in out.splitlines()}


def test_path_of_what_is_not_here_says_how_to_get_it(said):
    assert said("models", "path", "haze/outdoor") == (
        *(4, ""),
        "gantool: haze/outdoor is not here yet: gantool models pull haze/outdoor\n",
    )


def test_damaged_file_is_never_used_and_is_named(said):
    said("models", "pull", "haze/outdoor")
    assert said("models", "verify", "haze/outdoor") == (0, f"haze/outdoor: good: {place()}\n", "")
    place().write_bytes(models.bilinear(Path("another.onnx"), scale=3).read_bytes())
    code, out, err = said(*USED)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert f"{place()}: damaged" in err
    code, out, err = said("models", "verify")
    assert (code, err.count("\n")) == (4, 1)
    assert "haze/outdoor: wrong hash" in out
    assert "superres/photo-x4: good" in out
    assert said("models", "pull", "haze/outdoor")[0] == 0
    assert said("models", "verify", "haze/outdoor")[0] == 0
    assert said(*USED)[0] == 0


def test_removed_it_is_not_here(said):
    said("models", "pull", "haze/outdoor")
    assert said("models", "rm", "haze/outdoor")[2] == f"{place()}: removed\n"
    assert not place().exists()
    assert said("models", "rm", "haze/outdoor")[0] == 4


def test_shared_folders_have_models_too(said, server, tmp_path, monkeypatch):
    said("models", "pull", "haze/outdoor")
    (tmp_path / "cache" / "models").rename(tmp_path / "shared")
    (tmp_path / "shared" / "fog").mkdir()
    (tmp_path / "shared" / "fog" / "x2.onnx").write_bytes(Path("made.onnx").read_bytes())
    (tmp_path / "shared" / "fog" / "x2.json").write_text(
        '{"sha256": "", "licence": "MIT", "note": "everybody\'s"}'
    )
    monkeypatch.setenv("GANTOOL_MODELS", str(tmp_path / "shared"))
    code, out, err = said("models", "list")
    assert "is off" not in err
    assert {"haze/outdoor", "fog/x2"} <= {row.split()[0] for row in out.splitlines()}
    assert said(*USED, "--offline")[0] == 0
    assert said(*USED, "--model", "fog/x2")[0] == 0
    code, out, err = said("models", "rm", "fog/x2")
    assert (code, err.count("\n")) == (2, 1)
    assert "x2.onnx, which is only read" in err


CHILD = """
import sys
from importlib.metadata import EntryPoint
from gantool import cli, download, plugin_manager
entries, mine = plugin_manager._entries, EntryPoint("pull", "plug_pull", "gantool")
plugin_manager._entries = lambda group: [*entries(group), *[mine][: group == "gantool"]]
download._plain_hosts = frozenset(("127.0.0.1",))
sys.path.insert(0, "site")
cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", [("models", "pull", "haze/outdoor"), USED], ids=" ".join)
def test_signal_ends_a_download_at_once_and_leaves_nothing(number, way, server):
    server.add("/model.onnx", lambda handler: server.over.wait(60) and None)
    command = [sys.executable, "-c", CHILD, *way]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not server.asked:
        time.sleep(0.01)
    time.sleep(0.1)
    run.send_signal(number)
    _, err = run.communicate(timeout=10)
    assert (run.returncode, err) == (128 + number, "gantool: stopped\n")
    assert [file.suffix for file in place().parent.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('"haze/outdoor", "haze"', '"../outdoor", "haze"'), "must be called task/name"),
        (('"haze", "", "', '"haze", "", "no'), "no sha256 to check them by"),
    ],
)
def test_entry_that_cannot_be_checked_switches_its_plugin_off(change, problem, here, said):
    source = here / "plug_pull.py"
    source.write_text(source.read_text().replace(*change))
    code, _, err = said("models", "list")
    assert code == 0
    assert "plugin pull ( ) is off: its model" in err
    assert problem in err


def test_bar_on_a_terminal_shows_name_and_bytes(said, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    code, _, err = said("models", "pull", "haze/outdoor")
    assert code == 0
    assert "haze/outdoor" in err

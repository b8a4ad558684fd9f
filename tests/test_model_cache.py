"""Laws of models that are fetched: once for all processes; good or absent, whatever happens."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import web
from gantool import download, model_cache
from gantool.errors import ModelError, OutputError
from gantool.pipeline import Model

CHILD = """
import sys
from gantool import download, model_cache
from gantool.pipeline import Model
download._plain_hosts = frozenset(("127.0.0.1",))
sha256, *urls = sys.argv[1:]
model = Model("haze/outdoor", "haze", "", sha256, "MIT", urls=tuple(urls))
print("ready", flush=True)
for step in model_cache.pull(model):
    pass
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The folder of downloaded models of task haze, which is not there yet."""
    monkeypatch.setenv("GANTOOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("GANTOOL_MODELS", raising=False)
    monkeypatch.delenv(model_cache.OFFLINE, raising=False)
    monkeypatch.setattr(download, "_plain_hosts", frozenset(("127.0.0.1",)))
    return tmp_path / "cache" / "models" / "haze"


@pytest.fixture
def server():
    with web.serving() as running:
        yield running


def listed(*urls: str, sha256: str = web.SHA256) -> Model:
    return Model("haze/outdoor", "haze", "", sha256, "MIT", urls=urls)


def pulled(model: Model) -> list[model_cache.Received]:
    return list(model_cache.pull(model))


def content(folder: Path) -> dict[str, bytes]:
    """What lies there, but for the lock."""
    files = folder.iterdir() if folder.is_dir() else ()
    return {file.name: file.read_bytes() for file in files if file.suffix != ".lock"}


WHOLE = {f"outdoor-{web.SHA256[:16]}.onnx": web.CONTENT}


def test_it_is_downloaded_once(server, cache):
    model = listed(server.url("/good"))
    assert model_cache.find(model) is None
    steps = pulled(model)
    assert steps[-1] == model_cache.Received("haze/outdoor", model.urls[0], 400_000, 400_000)
    assert content(cache) == WHOLE
    assert model_cache.find(model) == model_cache.place(model)
    assert pulled(model) == []
    assert server.asked["/good"] == 1


def test_next_url_is_taken_where_one_fails(server, cache):
    bad = server.add("/cut", web.whole(upto=1000))
    pulled(listed(server.url("/gone"), bad, server.url("/good"), server.url("/never")))
    assert content(cache) == WHOLE
    assert server.asked == {"/gone": 1, "/cut": 1, "/good": 1}


def test_failure_names_urls_reasons_and_the_place(server, cache):
    page = server.add("/page", web.whole(b"<html>"))
    model = listed(server.url("/gone"), page)
    with pytest.raises(ModelError) as refusal:
        pulled(model)
    assert str(refusal.value) == (
        f"haze/outdoor: {server.url('/gone')}: 404 Not Found; {page}: it gave a web page, not a "
        f"model. By hand: put {server.url('/gone')} (sha256 {web.SHA256}) at "
        f"{model_cache.place(model)}"
    )
    assert content(cache) == {}


@pytest.mark.parametrize("offset", [len(web.CONTENT) * part // 20 for part in range(20)])
def test_cut_off_download_leaves_nothing(offset, server, cache):
    with pytest.raises(ModelError, match=f"cut off after {offset} "):
        pulled(listed(server.add("/cut", web.whole(upto=offset))))
    assert content(cache) == {}


def test_abandoned_download_leaves_nothing(server, cache):
    steps = model_cache.pull(listed(server.url("/good")))
    next(steps)
    assert len(content(cache)) == 1
    steps.close()
    assert content(cache) == {}


def test_file_put_by_hand_is_taken(cache, server):
    model = listed(server.url("/good"))
    cache.mkdir(parents=True)
    model_cache.place(model).write_bytes(web.CONTENT)
    assert pulled(model) == []
    assert not server.asked


def test_damaged_file_is_replaced(cache, server):
    model = listed(server.url("/good"))
    pulled(model)
    model_cache.place(model).write_bytes(web.CONTENT[:-1])
    assert not model_cache.is_sound(model)
    pulled(model)
    assert content(cache) == WHOLE


@pytest.mark.parametrize("way", ["option", "1", "true"])
def test_offline_nothing_is_asked(way, server, cache, monkeypatch):
    if way != "option":
        monkeypatch.setenv(model_cache.OFFLINE, way)
    model = listed(server.url("/good"))
    with pytest.raises(ModelError, match=r"not here, .*By hand: put .*/good .*sha256.* at ") as no:
        list(model_cache.pull(model, offline=way == "option"))
    assert str(model_cache.place(model)) in str(no.value)
    assert not server.asked
    assert not cache.exists()


@pytest.mark.parametrize("value", ["", "0", "no", "false"])
def test_offline_can_be_said_not_to_be(value, server, monkeypatch):
    monkeypatch.setenv(model_cache.OFFLINE, value)
    assert pulled(listed(server.url("/good")))


def test_shared_folders_are_read_and_never_written(server, cache, tmp_path, monkeypatch):
    folders = [tmp_path / "none", tmp_path / "shared"]
    monkeypatch.setenv("GANTOOL_MODELS", os.pathsep.join(map(str, folders)))
    file = folders[1] / "haze" / next(iter(WHOLE))
    file.parent.mkdir(parents=True)
    file.write_bytes(web.CONTENT)
    file.parent.chmod(0o555)
    model = listed(server.url("/good"))
    assert model_cache.find(model) == file
    assert pulled(model) == []
    with pytest.raises(ModelError, match=f"it lies in {file}, which is only read"):
        model_cache.remove(model)
    assert file.read_bytes() == web.CONTENT
    assert not cache.exists()


def test_removed_it_can_be_pulled_again(server, cache):
    model = listed(server.url("/good"))
    pulled(model)
    assert model_cache.remove(model) == model_cache.place(model)
    assert content(cache) == {}
    with pytest.raises(ModelError, match="haze/outdoor: it is not here"):
        model_cache.remove(model)
    pulled(model)
    assert content(cache) == WHOLE


def test_two_versions_lie_side_by_side(server, cache):
    other = hashlib.sha256(b"new").hexdigest()
    pulled(listed(server.url("/good")))
    pulled(listed(server.add("/new", web.whole(b"new")), sha256=other))
    assert content(cache) == {**WHOLE, f"outdoor-{other[:16]}.onnx": b"new"}


def test_folder_that_cannot_be_written_is_named(server, cache):
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file")
    with pytest.raises(OutputError, match=f"{cache}: cannot be written"):
        pulled(listed(server.url("/good")))


def test_no_room_names_url_file_and_remedy(server, cache):
    """The system's own limit on the size of a file stands for a disk that is full."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (99_999, 99_999))\n{CHILD}"
    run = child(server.url("/good"), code=limit)
    _, err = run.communicate(timeout=60)
    last = err.splitlines()[-1]
    assert last.startswith(f"gantool.errors.OutputError: haze/outdoor from {server.url('/good')}: ")
    assert f"{next(iter(WHOLE))}: cannot be written: File too large: make room, or " in last
    assert "GANTOOL_CACHE_DIR" in last
    assert content(cache) == {}


def child(*urls: str, code: str = CHILD) -> "subprocess.Popen[str]":
    """A process that pulls; it has said `ready` just before."""
    command = [sys.executable, "-c", code, web.SHA256, *urls]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    return run


def ended(run: "subprocess.Popen[str]") -> int:
    run.communicate(timeout=60)
    return run.returncode


def test_eight_processes_download_it_once(server, cache):
    url = server.add("/slow", web.whole(pause=0.1))
    runs = [child(url) for _ in range(8)]
    assert [ended(run) for run in runs] == [0] * 8
    assert server.asked["/slow"] == 1
    assert content(cache) == WHOLE


def test_who_waits_is_told_and_goes_on_where_the_other_fails(server, cache):
    url = server.add("/slow", web.whole(pause=0.2))
    run = child(url)
    while not server.asked:
        time.sleep(0.01)
    steps = model_cache.pull(listed(server.url("/good")))
    assert next(steps) == model_cache.Received("haze/outdoor")
    run.kill()
    ended(run)
    assert list(steps)[-1].url == server.url("/good")
    assert content(cache) == WHOLE


def check_kills(server: web.Web, cache: Path, number: int) -> None:
    """After each kill the file is whole or absent, and at most one lies aside; then it comes."""
    rng, url = random.Random(10), server.add("/slow", web.whole(pause=0.02, piece=20_000))
    killed = 0
    for _ in range(number):
        run = child(url)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(rng.uniform(0, 0.7))
        run.send_signal(rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        killed += ended(run) < 0
        now = content(cache)
        names = now.keys() - WHOLE.keys()
        assert len(names) <= 1
        assert all(name.startswith(".gantool-") for name in names)
        if WHOLE.keys() <= now.keys():
            assert now[next(iter(WHOLE))] == web.CONTENT
            model_cache.remove(listed(url))
    assert killed > number / 3
    pulled(listed(url))
    assert content(cache) == WHOLE


def test_killed_downloads_leave_the_file_whole_or_absent(server, cache):
    check_kills(server, cache, 5)


@pytest.mark.slow
def test_fifty_kills_leave_the_file_whole_or_absent(server, cache, scale):
    check_kills(server, cache, max(5, round(50 * scale)))

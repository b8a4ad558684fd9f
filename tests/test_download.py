"""Laws of one download: all of the right file comes, or one line says why not."""

import io
import os
import re
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest

import web
from gantool import download
from gantool.errors import ModelError


@pytest.fixture
def server(monkeypatch):
    """Without https, which is allowed for the address of this machine, not for its name."""
    monkeypatch.setattr(download, "_plain_hosts", frozenset(("127.0.0.1",)))
    monkeypatch.setenv("no_proxy", "*")
    with web.serving() as running:
        yield running


@pytest.fixture
def got(tmp_path):
    """What a URL gives, and the steps that were told."""

    def fetch(url: str, sha256: str = web.SHA256) -> tuple[bytes, list[tuple[int, int]]]:
        with (tmp_path / "file").open("w+b") as file:
            steps = list(download.fetch(url, file, sha256))
        return (tmp_path / "file").read_bytes(), steps

    return fetch


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        (web.whole(), len(web.CONTENT)),
        (web.whole(sized=False), 0),
        (web.whole(piece=7000, pause=0.001), len(web.CONTENT)),
        (web.chunked(), 0),
    ],
    ids=["sized", "unsized", "slow", "chunked"],
)
def test_whole_file_comes_with_its_progress(answer, total, server, got):
    content, steps = got(server.add("/model", answer))
    assert content == web.CONTENT
    assert steps[-1] == (len(content), total)
    assert steps == sorted(steps)


@pytest.mark.parametrize("offset", [len(web.CONTENT) * part // 20 for part in range(20)])
def test_cut_off_file_is_refused(offset, server, got):
    url = server.add("/cut", web.whole(upto=offset))
    with pytest.raises(ModelError, match=f"/cut: cut off after {offset} of 400000 bytes"):
        got(url)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.status(404), "404 Not Found"),
        (web.status(500), "500 Internal Server Error"),
        (web.whole(b"\n<!DOCTYPE html><title>Sign in"), "a web page, not a model"),
        (web.whole(web.LFS), "a Git LFS pointer, not the file"),
        (web.whole(b""), "an empty file"),
        (web.whole(web.CONTENT[:-1] + b"!"), f"wrong hash: sha256 [0-9a-f]{{64}}, .*{web.SHA256}"),
        (web.whole(upto=1000, sized=False), "wrong hash"),
        (web.whole(web.CONTENT + b"more"), "wrong hash"),
        (web.chunked(ends=False), "IncompleteRead"),
        (web.raw(b""), "closed connection without response"),
        (web.raw(b"220 mail\r\n"), "220 mail"),
        (web.raw(b"HTTP/1.0 200 OK\r\nX: " + b"x" * 70_000), "line"),
    ],
)
def test_what_is_not_the_file_is_named(answer, said, server, got):
    url = server.add("/bad", answer)
    with pytest.raises(ModelError, match=f"^{re.escape(url)}: .*{said}") as refusal:
        got(url)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("pause", [60.0, 0.03], ids=["stands still", "drips"])
def test_stalled_server_is_left(pause, server, got, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.2)

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        for each in web.CONTENT[:100]:
            handler.wfile.write(bytes([each]))
            server.over.wait(pause)

    with pytest.raises(ModelError, match=r"stalled: next to nothing came for 0.2 s"):
        got(server.add("/slow", answer))


def test_server_that_never_answers_is_left(server, got, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.2)
    with pytest.raises(ModelError, match=r"/mute: stalled"):
        got(server.add("/mute", lambda handler: server.over.wait(60) and None))


@pytest.mark.parametrize("status", [b"", b"HTTP/1.0 200 OK\r\n"], ids=["status", "headers"])
def test_server_whose_headers_drip_is_left(status, server, got, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.3)

    def answer(handler):
        handler.wfile.write(status)
        while not server.over.wait(0.03):
            handler.wfile.write(b"x")

    began = time.monotonic()
    with pytest.raises(ModelError, match=r"/drip: stalled"):
        got(server.add("/drip", answer))
    assert time.monotonic() - began < 10


def test_redirects_are_followed(server, got):
    assert got(server.add("/moved", web.status(302, server.url("/good"))))[0] == web.CONTENT


@pytest.mark.parametrize("scheme", ["http", "file", "ftp", "data"])
def test_redirect_away_from_https_is_refused(scheme, server, got):
    target = f"{scheme}://localhost:{server.port}/good"
    url = server.add("/moved", web.status(302, target))
    with pytest.raises(ModelError, match=f"{url}: .*{target}.* is not (https|allowed)"):
        got(url)
    assert server.asked["/good"] == 0


def test_redirects_in_a_circle_end(server, got):
    url = server.add("/loop", web.status(302, "/loop"))
    with pytest.raises(ModelError, match=f"{url}: 302 "):
        got(url)
    assert server.asked["/loop"] < 20


@pytest.mark.parametrize(
    "url", ["http://{}/good", "file:///etc/hostname", "good", "", "ftp://{}/good", "http://[/good"]
)
def test_only_https_is_asked(url, got, monkeypatch):
    with web.serving() as server, pytest.raises(ModelError, match="not https|Invalid"):
        got(url.format(f"127.0.0.1:{server.port}"))
    assert not server.asked


def test_server_without_a_certificate_is_refused(server, got):
    url = server.url("/good").replace("http:", "https:")
    with pytest.raises(ModelError, match=f"{url}: .*SSL"):
        got(url)
    assert not server.asked


@pytest.fixture
def certificate(tmp_path):
    """One that nobody has signed, for 127.0.0.1, with its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, file = tmp_path / "key.pem", tmp_path / "certificate.pem"
    what = ("-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1")
    name = ("-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", *what, *name, "-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "both.pem").write_text(file.read_text() + key.read_text())
    return tmp_path / "both.pem"


def test_certificate_must_be_one_that_the_system_trusts(certificate, got, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with web.serving(certificate) as server:
        url = server.url("/good").replace("http:", "https:")
        with pytest.raises(ModelError, match=f"{url}: .*CERTIFICATE_VERIFY_FAILED"):
            got(url)
        assert not server.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert got(url)[0] == web.CONTENT
        server.add("/moved", web.status(302, server.url("/good")))
        with pytest.raises(ModelError, match="leads to http://127.0.0.1:.*, which is not https"):
            got(url.replace("/good", "/moved"))
        monkeypatch.setattr(download, "PATIENCE", 0.3)
        server.add("/mute", lambda handler: server.over.wait(60) and None)
        with pytest.raises(ModelError, match="stalled"):
            got(url.replace("/good", "/mute"))


def test_nobody_there_is_named(server, got):
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9/x: .*refused"):
        got("http://127.0.0.1:9/x")


def test_file_without_room_is_not_begun(server, got, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=399_999))
    with pytest.raises(OSError, match="no room for 400000 bytes"):
        got(server.url("/good"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=400_000))
    assert got(server.url("/good"))[0] == web.CONTENT


@pytest.mark.parametrize("sized", [True, False])
def test_endless_file_is_left(sized, server, got, monkeypatch):
    monkeypatch.setattr(download, "MOST", 300_000)
    with pytest.raises(ModelError, match="more than"):
        got(server.add("/endless", web.whole(sized=sized)))


def test_full_disk_is_the_writers_error(server):
    class Full(io.BytesIO):
        name = os.curdir

        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        list(download.fetch(server.url("/good"), Full(), web.SHA256))

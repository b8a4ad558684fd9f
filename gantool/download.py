"""One file from one address: over https, checked by its hash while it comes."""

import contextlib
import errno
import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPMessage,
    HTTPResponse,
    HTTPSConnection,
)
from typing import IO, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
)

from gantool import __version__
from gantool.errors import ModelError

PATIENCE = 30.0
"""Seconds for which a server may send nothing, or next to nothing."""
SLOWEST = 1000
"""Bytes a second that are next to nothing."""
MOST = 2 << 30
"""Bytes of the largest model file that ONNX allows."""
PIECE = 1 << 18
_plain_hosts: frozenset[str] = frozenset()
"""Hosts that need no https: none. Tests, whose server has no certificate, name their own."""


def fetch(url: str, file: BinaryIO, sha256: str) -> Iterator[tuple[int, int]]:
    """Write to `file` what `url` gives; yields the bytes so far and in all, 0 where unknown.

    Raises ModelError that names the URL and the reason unless all came and `sha256` is its hash;
    OSError where the file cannot be written.
    """
    hasher, head, done = hashlib.sha256(), b"", 0
    with _opened(url) as response:
        total = _length(response)
        _check_room(url, total, file)
        for piece in _pieces(url, response):
            file.write(piece)
            hasher.update(piece)
            head, done = head or piece[:200], done + len(piece)
            yield done, total
    if done < total:
        raise _failed(url, f"cut off after {done} of {total} bytes")
    if hasher.hexdigest() != sha256:
        raise _failed(url, _instead(head, hasher.hexdigest(), sha256))


@contextlib.contextmanager
def _opened(url: str) -> Iterator[HTTPResponse]:
    _check_scheme(url, url)
    with _network(url):
        request = Request(url, headers={"User-Agent": f"gantool/{__version__}"})
        opener = build_opener(_Redirects, _Http, _Https)
        response = cast(HTTPResponse, opener.open(request, timeout=PATIENCE))
    with contextlib.closing(response):
        yield response


class _Patient(HTTPConnection):
    """A server has as long for all its headers as for a single piece: these may drip too."""

    def getresponse(self) -> HTTPResponse:
        began = time.monotonic()
        late = threading.Timer(PATIENCE, self.sock.shutdown, (socket.SHUT_RDWR,))
        late.daemon = True
        late.start()
        try:
            return super().getresponse()
        finally:
            late.cancel()
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError


class _PatientTls(_Patient, HTTPSConnection):
    """The same with a certificate."""


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Patient, req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_PatientTls, req)


class _Redirects(HTTPRedirectHandler):
    """Follows to where https leads, no further."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        try:
            _check_scheme(req.full_url, newurl)
        except ModelError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(url: str, target: str) -> None:
    with _network(url):
        parts = urlsplit(target)
    is_plain = parts.scheme == "http" and parts.hostname in _plain_hosts
    if parts.scheme != "https" and not is_plain:
        where = "" if url == target else f"leads to {target}, which is "
        raise _failed(url, f"{where}not https")


def _length(response: HTTPResponse) -> int:
    return response.length or 0  # http.client has read the header with care


def _check_room(url: str, total: int, file: BinaryIO) -> None:
    if total > MOST:
        raise _failed(url, f"{total} bytes are more than a model can have")
    if total > shutil.disk_usage(file.name).free:
        raise OSError(errno.ENOSPC, f"no room for {total} bytes")


def _pieces(url: str, response: HTTPResponse) -> Iterator[bytes]:
    """What comes, as it comes. Raises ModelError where it ends in an error, or hardly comes."""
    done = mark = 0
    since = time.monotonic()
    while True:
        with _network(url):
            piece = response.read1(PIECE)
        if not piece:
            return
        done += len(piece)
        if done > MOST:
            raise _failed(url, f"more than the {MOST} bytes that a model can have")
        if (seconds := time.monotonic() - since) > PATIENCE:
            if done - mark < SLOWEST * seconds:
                raise _failed(url, _stalled())
            mark, since = done, time.monotonic()
        yield piece


@contextlib.contextmanager
def _network(url: str) -> Iterator[None]:
    """Within, what goes wrong becomes a ModelError that names the URL."""
    try:
        yield
    except HTTPError as error:
        error.close()
        raise _failed(url, f"{error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        raise _failed(url, _stalled() if isinstance(cause, TimeoutError) else cause) from error


def _stalled() -> str:
    return f"stalled: next to nothing came for {PATIENCE:g} s"


def _instead(head: bytes, digest: str, wanted: str) -> str:
    """What came, where it is not the file."""
    start = head.lstrip().lower()
    if not start:
        return "it gave an empty file"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "it gave a web page, not a model"
    if start.startswith(b"version https://git-lfs"):
        return "it gave a Git LFS pointer, not the file that stands for"
    return f"wrong hash: sha256 {digest}, must be {wanted}"


def _failed(url: str, reason: object) -> ModelError:
    text = " ".join(str(reason).split()) or type(reason).__name__
    return ModelError(f"{url}: {text[:300]}")

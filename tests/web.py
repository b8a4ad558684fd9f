"""A web server on this machine that does what it is told, bad things too."""

import contextlib
import hashlib
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT = random.Random(7).randbytes(400_000)
"""Of the file that is asked for."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 400000\n"

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """`answers` by path; `asked` counts them."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"/good": whole()}
        self.asked: Counter[str] = Counter()
        self.over = threading.Event()
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def add(self, path: str, answer: Answer) -> str:
        """Its URL, which gives `answer` from now on."""
        self.answers[path] = answer
        return self.url(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is none of its business."""


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[Web]:
    """Over https where there is a `certificate`, with its key in the same file."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked[self.path] += 1
            web.answers.get(self.path, status(404))(self)

        def log_message(self, format: str, *args: object) -> None: ...

    server = _Server(("127.0.0.1", 0), Handler)
    web.port = server.server_address[1]
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def whole(
    content: bytes = CONTENT,
    *,
    upto: int | None = None,
    sized: bool = True,
    pause: float = 0.0,
    piece: int = 1 << 16,
) -> Answer:
    """`content`, or only that much of it; `piece` by piece with pauses in between."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if sized:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        sent = content[:upto]
        for start in range(0, len(sent), piece):
            handler.wfile.write(sent[start : start + piece])
            time.sleep(pause)

    return answer


def chunked(content: bytes = CONTENT, *, ends: bool = True) -> Answer:
    """In one chunk; without its end, the connection is closed in the middle of it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(f"{len(content):x}\r\n".encode())
        handler.wfile.write(content + b"\r\n0\r\n\r\n" if ends else content[:-1000])

    return answer


def status(code: int, location: str = "") -> Answer:
    """Nothing but a status and a page that tells it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(b"<html>Sorry.</html>")

    return answer


def raw(text: bytes) -> Answer:
    """No HTTP, or bad one."""
    return lambda handler: handler.wfile.write(text) and None

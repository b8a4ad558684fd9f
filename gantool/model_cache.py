"""Models that are fetched when they are needed: once on a machine, whole or not at all.

A file is called after the model and its hash, `TASK/NAME-HASH.onnx`, so that two versions of a
plugin do not take each other's. It is looked for in the cache, then in the shared folders.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gantool import atomic, folders
from gantool.errors import ModelError, OutputError
from gantool.pipeline import Model

try:
    import fcntl
except ImportError:  # Windows: there each process downloads its own, and the last one's stays
    fcntl = None  # type: ignore[assignment]  # mypy knows the module alone

OFFLINE = "GANTOOL_OFFLINE"
LOOK_AGAIN = 0.2
"""Seconds until it is asked again whether another process has done its download."""


@dataclass(frozen=True)
class Received:
    """How far a download is; without a `url` another process is at it."""

    model: str
    url: str = ""
    done: int = 0
    total: int = 0
    """Bytes; 0 where the server does not say."""


def place(model: Model) -> Path:
    """Where its file will be."""
    return folders.cache("models") / _file_name(model)


def find(model: Model) -> Path | None:
    """Its file, where it is here."""
    if not model.urls:
        return None
    known = (folders.cache("models"), *folders.shared_models())
    files = (folder / _file_name(model) for folder in known)
    return next((file for file in files if file.is_file()), None)


def is_sound(model: Model) -> bool:
    """Whether its file is here and has the hash of the catalogue."""
    try:
        with (find(model) or place(model)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256
    except OSError:
        return False


def is_offline() -> bool:
    """Whether the environment forbids the network."""
    return os.environ.get(OFFLINE, "").lower() not in ("", "0", "no", "false")


def pull(model: Model, *, offline: bool = False) -> Iterator[Received]:
    """Download the file of `model`, which has `urls`, unless it is here and sound.

    Raises ModelError, with every URL's reason and where to put the file by hand; OutputError.
    """
    if is_sound(model):
        return
    if offline or is_offline():
        raise ModelError(
            f"{model.name} is not here, and --offline or {OFFLINE} forbids to download it. "
            f"{_by_hand(model)}"
        )
    target = place(model)
    atomic.make_folder(target.parent)
    with contextlib.ExitStack() as locks:
        yield from _turn(model, target, locks)
        if not is_sound(model):
            yield from _first(model, target)


def remove(model: Model) -> Path:
    """Delete its file from the cache; returns where that was. Raises ModelError, OutputError."""
    file = place(model)
    try:
        file.unlink()
    except FileNotFoundError:
        found = find(model)
        where = f"it lies in {found}, which is only read" if found else "it is not here"
        raise ModelError(f"{model.name}: {where}: nothing was removed") from None
    except OSError as error:
        raise OutputError(f"{file}: cannot be removed: {error.strerror}") from error
    return file


def _first(model: Model, target: Path) -> Iterator[Received]:
    """From the first URL that gives the file."""
    reasons: list[str] = []
    for url in model.urls:
        try:
            yield from _from(url, model, target)
            return
        except ModelError as error:
            reasons.append(str(error))
    raise ModelError(f"{model.name}: {'; '.join(reasons)}. {_by_hand(model)}")


def _from(url: str, model: Model, target: Path) -> Iterator[Received]:
    from gantool import download  # http and TLS, which a start does not need

    try:
        # Who holds the lock is alone: what a killed process left aside is written over.
        with atomic.replacing(target, alone=True) as file:
            for done, total in download.fetch(url, file, model.sha256):
                yield Received(model.name, url, done, total)
    except OutputError as error:
        hint = f"make room, or name another folder with {folders.CACHE}"
        raise OutputError(f"{model.name} from {url}: {error}: {hint}") from error


def _turn(model: Model, target: Path, locks: contextlib.ExitStack) -> Iterator[Received]:
    """Wait until no other process downloads `target`; nobody else does until `locks` are closed."""
    if fcntl is None:
        return
    try:
        handle = os.open(target.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}") from error
    locks.callback(os.close, handle)
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            yield Received(model.name)
            time.sleep(LOOK_AGAIN)
        except OSError:  # a file system without locks
            return


def _by_hand(model: Model) -> str:
    return f"By hand: put {model.urls[0]} (sha256 {model.sha256}) at {place(model)}"


def _file_name(model: Model) -> str:
    return f"{model.name}-{model.sha256[:16]}.onnx"

"""The one way a file is written: aside, to the disk, then under its final name.

Whatever happens in between, the final name holds the old content or the new one, never a part.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gantool.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # there nobody is sure to be alone

ASIDE = ".gantool-"
"""How the names of files and folders begin that are still being written."""
_begun: set[Path] = set()


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path`, replacing what was there. Raises OutputError; then nothing changed."""
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(
    path: Path, *, mtime_ns: int | None = None, alone: bool = False
) -> Iterator[BinaryIO]:
    """Yield a file aside; when the block ends well it is synced and becomes `path`.

    `mtime_ns` is the time it gets. `alone`: nobody else should write `path`, so that the file aside
    has one name, and what a killed process left is written over; who comes second has another one.
    Raises OutputError where the system refuses; then, and when the block raises, nothing changed.
    """
    with _writing(path), _aside(path, alone=alone) as aside:
        _begun.add(aside)
        try:
            with aside.open("w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if mtime_ns is not None:
                with contextlib.suppress(OSError):  # some file systems keep no times
                    os.utime(aside, ns=(mtime_ns, mtime_ns))
            os.replace(aside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(aside)
            raise
        finally:
            _begun.discard(aside)
        fsync_folder(path.parent)


def discard() -> None:
    """Remove the files that are being written now: the process is about to end."""
    for aside in list(_begun):
        with contextlib.suppress(OSError):
            os.unlink(aside)


@contextlib.contextmanager
def _aside(path: Path, *, alone: bool) -> Iterator[Path]:
    """Yield a name for the file aside; where `alone`, the same every time, unless it is in use."""
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    aside = path.with_name(f"{ASIDE}{name[:24]}")
    with contextlib.ExitStack() as locks:
        if not (alone and _locked(aside, locks)):
            aside = path.with_name(f"{ASIDE}{secrets.token_hex(12)}")
        yield aside


def _locked(aside: Path, locks: contextlib.ExitStack) -> bool:
    """Lock it until `locks` are closed, when it has its name; False where somebody else has it."""
    if fcntl is None:
        return False
    try:
        handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False  # a link that somebody has put there
    locks.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), os.lstat(aside))  # or it just got its name
    except OSError:
        return False


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode())


@contextlib.contextmanager
def write_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; on success its files are synced and it becomes `path`.

    `path` must not exist. Raises OutputError; a failed or killed write leaves no `path` behind.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=ASIDE))
        try:
            yield aside
            _sync_files(aside)
            fsync_folder(aside)
            os.chmod(aside, 0o777 & ~_umask())
            os.rename(aside, path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    fsync_folder(path.parent)


def make_folder(path: Path) -> None:
    """`path` and what is missing above it. Raises OutputError."""
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` last, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # an encoder's, not the system's
            raise
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _sync_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            fsync_folder(path)
        else:
            with path.open("rb") as handle:
                os.fsync(handle.fileno())


_ASKING = threading.Lock()


def _umask() -> int:
    with _ASKING:  # asking means setting: two threads would take each other's zero, for good
        mask = os.umask(0)
        os.umask(mask)
    return mask

"""The one way a file is written: aside, to the disk, then under its final name.

Whatever happens in between, the final name holds the old content or the new one, never a part.
"""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from gantool.errors import OutputError

ASIDE = ".gantool-"
"""How the names of files and folders begin that are still being written."""


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path`, replacing what was there. Raises OutputError; then nothing changed."""
    with (
        _writing(path),
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=ASIDE, delete=False) as aside,
    ):
        try:
            aside.write(data)
            aside.flush()
            os.fsync(aside.fileno())
            os.chmod(aside.name, 0o666 & ~_umask())
            os.replace(aside.name, path)
        except BaseException:
            os.unlink(aside.name)
            raise
    fsync_folder(path.parent)


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
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _sync_files(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())


_ASKING = threading.Lock()


def _umask() -> int:
    with _ASKING:  # asking means setting: two threads would take each other's zero, for good
        mask = os.umask(0)
        os.umask(mask)
    return mask

"""What was made in a folder: a line of JSON for each result, added before it gets its name.

Lines are only ever added. A line that a kill or a full disk cut short is not read, and spoils no
other. While somebody makes an item, its byte far behind the end of the file is locked, by the
system, which lets go of it when the process dies: two runs in one folder share the work.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import stat
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from gantool.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # two runs at once are not kept apart there

SUFFIX = ".jsonl"
VERSION = 1
_FAR = 1 << 60
_OWN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_OWN |= getattr(os, "O_BINARY", 0)
_STRANGE = "no file but a link, pipe or device: remove it, or choose another place with -o"
_OPEN_FILE_LOCKS = getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" else None
"""Those of a process would be gone as soon as it closes any handle of the file."""


@dataclass(frozen=True)
class File:
    """A file's content, by what is cheap to ask and by what is certain."""

    name: str
    bytes: int
    mtime_ns: int
    sha256: str

    def is_at(self, path: Path, *, doubted: bool = False) -> bool:
        """Whether the file at `path` has this content; hashed only where its date is another."""
        try:
            status = path.stat()
        except OSError:
            return False
        if status.st_size != self.bytes:
            return False
        if status.st_mtime_ns == self.mtime_ns and not doubted:
            return True
        return sha256(path) == self.sha256


@dataclass(frozen=True)
class Record:
    """An item that was made, or was just about to get its name."""

    item: str
    """The name it was planned under, below the folder."""
    run: str
    """Digest of what decides about the bytes besides the input."""
    source: File
    outputs: tuple[File, ...]
    at: int
    """When, in nanoseconds since 1970."""

    @functools.cached_property
    def by_name(self) -> Mapping[str, File]:
        """The outputs: numbered frames are many."""
        return {file.name: file for file in self.outputs}


Read = TypeVar("Read", File, Record)


class Manifest:
    """All records of `folder`, whose manifests begin with `prefix`; additions go to one of them.

    `part` tells that one from others: machines that share the work do not share the file.
    Raises OutputError where the folder cannot be read.
    """

    def __init__(self, folder: Path, prefix: str, part: str = "") -> None:
        self.folder = folder
        self.path = folder / f"{prefix}{part and '-'}{part}{SUFFIX}"
        self._records: dict[str, list[Record]] = {}
        self._runs: set[str] = set()
        self._read: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._pattern = f"{prefix}*{SUFFIX}"
        self.look()

    def look(self) -> None:
        """Read what has been added since to all of the folder's manifests."""
        for path in sorted({*self.folder.glob(self._pattern), self.path}):
            self.refresh(path)

    def history(self, item: str) -> list[Record]:
        """All records of an item, the oldest first."""
        return self._records.get(item, [])

    def refresh(self, path: Path | None = None) -> None:
        """Read what has been added since."""
        with self._lock:
            self._refresh(path or self.path)

    def _refresh(self, path: Path) -> None:
        try:
            with os.fdopen(_opened(path, os.O_RDONLY), "rb") as file:
                file.seek(self._read.get(path, 0))
                added = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
        whole = added[: added.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        for line in whole.splitlines():
            self._take(line)

    def claim(self, item: str) -> "Claim | None":
        """The right to make an item, or None while another process has it. Raises OutputError."""
        while True:
            with _told(self.path):
                handle = _opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            locked = _locked(handle, _place(item))
            if locked is False:
                os.close(handle)
                return None
            if os.fstat(handle).st_nlink:
                self.refresh()
                return Claim(self, item, handle, bool(locked))
            os.close(handle)  # an empty one was just removed

    def leave(self) -> None:
        """Remove the file where nothing was ever written into it and nobody is at work."""
        with contextlib.suppress(OSError):
            handle = _opened(self.path, os.O_RDWR)
            try:
                if not os.fstat(handle).st_size and _locked(handle, _FAR, length=0) is not False:
                    self.path.unlink()
            finally:
                os.close(handle)

    def add(self, handle: int, record: Record, run: Mapping[str, Any]) -> None:
        """Write `record`, after what its run is where no line says so yet. Raises OutputError."""
        entries = [{"v": VERSION, **asdict(record)}]
        if record.run not in self._runs:
            entries.insert(0, {"v": VERSION, "run": record.run, **run})
        lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        content = f"\n{lines}".encode()  # what was cut short before it stays a line of its own
        with _told(self.path), self._lock:
            if os.write(handle, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
            self._runs.add(record.run)
            end = os.lseek(handle, 0, os.SEEK_CUR)
            if self._read.get(self.path, 0) == end - len(content):  # nobody else wrote
                self._read[self.path] = end

    def forget(self, item: str) -> None:
        """Drop what is known of an item that is not asked for any more: a long run stays small."""
        with self._lock:
            self._records.pop(item, None)

    def _take(self, line: bytes) -> None:
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            entry = json.loads(line)
            if entry.pop("v") != VERSION:
                return
            if "outputs" not in entry:
                self._runs.add(entry["run"])
                return
            source = _typed(File(**entry.pop("source")))
            outputs = tuple(_typed(File(**each)) for each in entry.pop("outputs"))
            record = _typed(Record(source=source, outputs=outputs, **entry))
            self._records.setdefault(record.item, []).append(record)


@dataclass(frozen=True)
class Claim:
    """The right to make one item, until it is released or the process ends."""

    manifest: Manifest
    item: str
    handle: int
    alone: bool
    """Whether it keeps everybody else away, threads of this process included."""

    def add(self, record: Record, run: Mapping[str, Any]) -> None:
        """See Manifest.add."""
        self.manifest.add(self.handle, record, run)

    def release(self) -> None:
        """Let others have it."""
        self.manifest.forget(self.item)
        os.close(self.handle)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _opened(path: Path, flags: int) -> int:
    """A handle of a manifest, and of nothing else: no link, pipe or device is followed.

    Raises OSError where the system refuses, OutputError for what is no manifest.
    """
    try:
        handle = os.open(path, flags | _OWN, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise OutputError(f"{path}: {_STRANGE}") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OutputError(f"{path}: {_STRANGE}")
    return handle


def _typed(read: Read) -> Read:
    """What was read, where its fields are what they should be. Raises TypeError."""
    for each in fields(read):
        if each.type in (int, str) and type(getattr(read, each.name)) is not each.type:
            raise TypeError(each.name)
    return read


def _place(item: str) -> int:
    digest = hashlib.sha256(item.encode("utf-8", "surrogateescape")).digest()
    return _FAR + int.from_bytes(digest[:6])


def _locked(handle: int, at: int, length: int = 1) -> bool | None:
    """Lock bytes from `at` on, all of them for a length of 0; False where somebody else has one.

    None where nothing keeps all others away.
    """
    if _OPEN_FILE_LOCKS is None:
        return None
    try:
        # struct flock: type, whence, start, length, process, filled up
        wish = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, at, length, 0)
        fcntl.fcntl(handle, _OPEN_FILE_LOCKS, wish)
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EACCES) else None
    return True


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error

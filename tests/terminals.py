"""Real shells on a pseudo-terminal, to press Tab in."""

import os
import pty
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TAB, HOME, END, ENTER = "\t", "\x01", "\x05", "\n"
SETTLED = 0.25
"""Seconds of silence after which a shell has said all."""


class Terminal:
    """A shell whose own PATH is empty: what it does, it does without any other program."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self.process, self.handle = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execve(command[0], list(command), {"TERM": "dumb", "LC_ALL": "C.UTF-8", **env})

    def run(self, line: str) -> str:
        """Everything that appears after `line` was entered."""
        os.write(self.handle, f"{line}; echo DO''NE{ENTER}".encode())
        return self._until("DONE\r\n")

    def complete(self, typed: str) -> str:
        """The command line after Tab, with the space that bash puts behind what is whole."""
        os.write(self.handle, f"{typed}{TAB}{END}]' DO''NE{HOME}echo '[{ENTER}".encode())
        return self._until("DONE\r\n").rpartition("\n[")[2].rpartition("]")[0]

    def offered(self, typed: str) -> set[str]:
        """What a shell lists after two Tabs, in words."""
        os.write(self.handle, (typed + TAB * 2).encode())
        shown = self._until(None)
        os.write(self.handle, b"\x15")  # away with the line
        self._until(None)
        return set(shown.replace("\x07", " ").split())

    def close(self) -> float:
        """Ends the shell; returns seconds of CPU that it and its children took."""
        os.close(self.handle)
        _, _, used = os.wait4(self.process, 0)
        return used.ru_utime + used.ru_stime

    def _until(self, mark: str | None) -> str:
        """What appears up to `mark`, or before a silence."""
        text, limit = b"", time.monotonic() + 20
        patience = SETTLED if mark is None else 20.0
        while (mark is None or mark.encode() not in text) and time.monotonic() < limit:
            if not select.select([self.handle], [], [], patience)[0]:
                break
            text += os.read(self.handle, 1 << 16)
        return text.decode(errors="replace")

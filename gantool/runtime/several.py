"""One model on several devices at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gantool.pipeline import Frame, Predict
from gantool.runtime.providers import Device

if TYPE_CHECKING:
    from gantool.runtime.held import Memory
    from gantool.runtime.session import Session


class Several:
    """Predict: each frame goes to the session that has least to do. Thread-safe.

    What follows a film, or takes statistics of one frame for others, stays on the first.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        first = sessions[0]
        self.path, self.sha256, self.contract = first.path, first.sha256, first.contract
        self.devices = len(sessions)
        self._sessions = sessions
        self._busy = [0] * len(sessions)
        self._lock = threading.Lock()

    @property
    def device(self) -> Device:
        """The first one's, under the names of all."""
        devices = [each.device for each in self._sessions]
        notes = dict.fromkeys(each.note for each in devices if each.note)
        name = " + ".join(each.name for each in devices)
        return replace(devices[0], name=name, note="; ".join(notes))

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame:
        with self._least() as session:
            return session(frame, **conditions)

    def run(self, batch: Frame, **conditions: object) -> Frame:
        with self._least() as session:
            return session.run(batch, **conditions)

    def frozen(self, frame: Frame, **conditions: object) -> Predict:
        return self._sessions[0].frozen(frame, **conditions)

    def steady(self, memory: Memory) -> Predict:
        return self._sessions[0].steady(memory)

    def cancel(self) -> None:
        for each in self._sessions:
            each.cancel()

    @contextmanager
    def _least(self) -> Iterator[Session]:
        with self._lock:
            number = min(range(len(self._busy)), key=self._busy.__getitem__)
            self._busy[number] += 1
        try:
            yield self._sessions[number]
        finally:
            with self._lock:
                self._busy[number] -= 1

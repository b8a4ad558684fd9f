"""A task with its options, ready to be tried on frames."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from gantool import licences, store
from gantool.pipeline import Frame, Model, Pipeline, Predict
from gantool.rules import Work
from gantool.runtime.providers import CPU
from gantool.runtime.session import Session, Tile

TILE = 48
"""Side of the tiles that a frame of the laws is cut into, pixels."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A pipeline and its models: those of the catalogue, or `stand_ins`, functions on frames."""

    pipeline: Pipeline
    catalogue: Mapping[str, Model]
    stand_ins: Sequence[Predict] | None = None

    def __call__(self, frame: Frame) -> dict[str, Frame]:
        """The results by suffix. Raises what `process` raises."""
        return by_suffix(self.pipeline.process(frame, *self.whole))

    def in_tiles(self, frame: Frame) -> dict[str, Frame]:
        """The same with models that cut `frame` into small tiles."""
        return by_suffix(self.pipeline.process(frame, *self._sessions(TILE)))

    def work(self) -> Work:
        """What a run does with frames."""
        stream = self.pipeline.stream
        return Work(
            partial(_applied, self.pipeline.process, self.whole),
            stream and partial(_applied, stream, self.whole),
        )

    @cached_property
    def whole(self) -> Sequence[Predict]:
        """Its models, which run a frame of the laws in one piece."""
        return self._sessions(None) if self.stand_ins is None else self.stand_ins

    @property
    def sessions(self) -> list[Session]:
        """Those of its models that are opened files."""
        return [each for each in self.whole if isinstance(each, Session)]

    @property
    def scale(self) -> float | None:
        """Side of a result over that of its frame; None where nothing says it."""
        if self.pipeline.scale is not None:
            return self.pipeline.scale
        if self.stand_ins is not None:
            return None
        return math.prod(session.contract.scale for session in self.sessions)

    def _sessions(self, tile: Tile) -> list[Session]:
        return [Session(self._file(name), CPU, tile) for name in self.pipeline.models]

    def _file(self, name: str) -> Path:
        if name in self.catalogue:
            licences.check(self.catalogue[name])
        return store.locate(name, self.catalogue)


def by_suffix(result: Any) -> dict[str, Frame]:
    """What a process gives, as a run sees it."""
    return dict(result) if isinstance(result, Mapping) else {"": result}


def _applied(function: Any, predicts: Iterable[Predict], given: Any) -> Any:
    """A pipeline's `process` or `stream` with its models."""
    return function(given, *predicts)

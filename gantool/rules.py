"""What a run does with frames, and how pictures and films are taken in and put into files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gantool.errors import PluginError
from gantool.media.metadata import Mode
from gantool.media.picture import Limits
from gantool.media.provenance import Origin
from gantool.media.video.wishes import Wishes
from gantool.pipeline import Frame, Frames, Measure, Process, Result, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rules:
    """How pictures are taken in and results are put into files."""

    grey: Literal["keep", "colour"] = "keep"
    alpha: Literal["resize", "model"] = "resize"
    quality: int | None = None
    metadata: Mode = "keep"
    origin: Origin | None = None
    """What results say that made them."""
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    """Pictures read at once, and as many written."""
    fail_fast: bool = False
    """Nothing is begun after a failure."""
    limit: int | None = None
    """Nothing is begun after so many pictures that could be done."""
    film: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True)
class Work:
    """What is done with frames: `process` with each, or `stream` with those that move."""

    process: Process
    stream: Stream | None = None
    together: int = 1
    """Frames of any size that the models have at once; small pictures are more."""
    measure: Measure | None = None

    def on_film(self, memory: dict[str, NDArray[Any]]) -> Callable[[Frame], Result]:
        """What is done with each frame of a film, in turn; `memory` holds what is remembered."""
        if self.stream is None:
            return self.process
        waiting: deque[Frame] = deque()
        results = self.stream(Frames(_given(waiting), memory))

        def one(frame: Frame) -> Result:
            waiting.append(frame)
            result = next(results, None)
            if result is None or waiting:
                raise PluginError("the task's stream gives no result for a frame")
            return result

        return one


def _given(waiting: deque[Frame]) -> Iterator[Frame]:
    while True:
        if not waiting:
            raise PluginError("the task's stream takes a second frame before it gives a result")
        yield waiting.popleft()

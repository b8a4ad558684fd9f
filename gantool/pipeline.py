"""What a task is made of: the types that the core and every plugin share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

if TYPE_CHECKING:  # numpy stays out of start-up and of shell completion
    import numpy as np
    from numpy.typing import NDArray

    Frame: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
else:
    Frame = Any
    """A picture: H×W×3, RGB, uint8 or uint16, full range of its dtype."""


class Predict(Protocol):
    """One model on one whole frame; tiling and batching are hidden behind it. Thread-safe.

    `frame` is None for a model that makes pictures from conditions alone. Conditions are the
    model's further inputs by name, such as `age=60`.
    """

    def __call__(self, frame: Frame | None, **conditions: object) -> Frame: ...


Result: TypeAlias = "Frame | Mapping[str, Frame]"
"""One result, or several by the suffix that goes into their file names."""

Process: TypeAlias = "Callable[..., Result]"
"""(frame, *predicts) → Result: what a task does with its models, in their order.

Raises ItemError for a frame it cannot handle («no face found»). May be called from several threads.
"""

Stream: TypeAlias = "Callable[..., Iterator[Result]]"
"""(frames, *predicts) → results: the same for a film, where a task keeps state between frames.

One result for each of the `Frames`, given before the next frame is taken.
"""

Measure: TypeAlias = "Callable[[Frame, Frame], Mapping[str, float]]"
"""(frame, result) → figures by name, to be told of a picture beside its result."""


class Frames(Iterator["Frame"]):
    """The frames of a film or an animation, in order, and what is remembered from one to the next.

    What a stream has to know of earlier frames it keeps in `memory`, under names of its own: a film
    that was interrupted goes on with it. Arrays there are replaced, never written into.
    """

    def __init__(self, frames: Iterable[Frame], memory: dict[str, NDArray[Any]] | None = None):
        self._frames = iter(frames)
        self.memory = {} if memory is None else memory

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)


def first_predict(frame: Frame, predict: Predict) -> Frame:
    """The default process: the model's answer as it is."""
    return predict(frame)


def frozen(predict: Predict, frame: Frame, **conditions: object) -> Predict:
    """`predict` with the normalisation statistics of `frame` for every frame it is given.

    So the colours of a film do not pump. Where a model has no statistics, that is `predict` itself.
    """
    freeze = getattr(predict, "frozen", None)  # a plain function is a Predict too
    return predict if freeze is None else cast(Predict, freeze(frame, **conditions))


SCENE = "scene."
"""What `Frames.memory` holds under names that begin so is forgotten where a scene ends."""


def steady(predict: Predict, memory: dict[str, NDArray[Any]]) -> Predict:
    """`predict` with normalisation statistics that follow a film slowly, for one call a frame.

    They begin as those of a scene's first frame, and are kept in `memory`, the film's. Where a
    model has no statistics, that is `predict` itself.
    """
    follow = getattr(predict, "steady", None)  # a plain function is a Predict too
    return predict if follow is None else cast(Predict, follow(memory))


class Answer(Exception):  # noqa: N818  # it is no error
    """Raised by a task that was asked something, as by `--list-styles`; its text is printed.

    Nothing is run then.
    """


def note(line: str) -> None:
    """Say something about the item that is being done, from within `process` or `stream`.

    It is told when the item is done; what is said of several frames, once.
    """
    said = _NOTES.get()
    if said is not None:
        said.append(line)


@contextmanager
def noting() -> Iterator[list[str]]:
    """What is said by `note` within, as it comes."""
    said: list[str] = []
    token = _NOTES.set(said)
    try:
        yield said
    finally:
        _NOTES.reset(token)


_NOTES: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@dataclass(frozen=True)
class Pipeline:
    """What a task function returns."""

    models: tuple[str, ...]
    """Names from the catalogue or paths of model files, one per predict of `process`."""
    process: Process = first_predict
    stream: Stream | None = None
    """None: `process` on every frame."""
    label: str = ""
    """The task's deciding option; goes into names, as in `photos-superres-x4/`."""
    grey: Literal["keep", "colour"] = "keep"
    """Whether a grey picture stays grey."""
    alpha: Literal["resize", "model"] = "resize"
    """How an alpha channel follows the result: resampled, or sent through `process` too."""
    scale: float | None = None
    """Side of the result over that of the picture; None: what its models make of it, in turn."""
    results: tuple[str, ...] = ("",)
    """The suffixes of what `process` gives, so that names that collide are seen before a start."""
    sample: str | None = None
    """Path of a picture for `--demo`; None: the one that gantool brings along."""
    measure: Measure | None = None
    """What is told of every picture that gives one result; for a film nothing is."""
    kind: Literal["enhanced", "composite"] = "composite"
    """What results say of themselves: what is in them was photographed, or a model painted it."""


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue: where the file of a model is and what it is."""

    name: str
    """`task/name`, as in `superres/photo-x4`."""
    task: str
    source: str
    """Path of the model file; empty where it comes from `urls`, or is not installed, and `note`
    says how to get it."""
    sha256: str
    licence: str
    """SPDX identifier, or a name of the terms."""
    note: str = ""
    """One line for `gantool models list`."""
    terms: str = ""
    """Path of the text of the licence, where that must be accepted before the model is used."""
    urls: tuple[str, ...] = ()
    """Where its file can be downloaded, over https, the best first; then `sha256` is a must."""

    @property
    def is_fetched(self) -> bool:
        """Whether its file comes from `urls`; one that was installed comes before them."""
        return bool(self.urls and not self.source)

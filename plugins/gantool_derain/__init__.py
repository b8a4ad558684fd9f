"""Task derain: photographs without the rain or the snow that falls in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gantool import Frame, Frames, Model, Pipeline, Predict, UsageError, hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHIPPED = {
    "rain": (
        "rain.onnx",
        "ead951624f28192e35a075e480e09af757bb1464f355c6f5022213634789276c",
        "photographs without the rain in them",
    ),
    "snow": (
        "snow.onnx",
        "f5a38cd04e271f63c2a82b236898ff1084ef76750bdfad9ed3133566e7c4f63f",
        "photographs without the snow that falls in them",
    ),
}
AUTO = "auto"
FALSE = 3.0
"""Squared levels of 255 that a model takes off, in the mean, where nothing falls."""
CHOSEN = "model"
"""What a film remembers."""


def derain(
    weather: Annotated[
        str,
        typer.Option(
            metavar="rain|snow|auto",
            help="What to take off. auto runs both models and keeps, for every picture, "
            "what took more off.",
        ),
    ] = "rain",
    strength: Annotated[
        float, typer.Option(metavar="0..1", help="1 takes off all that is found, 0 nothing.")
    ] = 1.0,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
) -> Pipeline:
    """Take rain or falling snow off photographs and films.

    For example: gantool derain dashcam/ --weather auto
    """
    if weather not in (*SHIPPED, AUTO):
        raise UsageError(f"--weather {weather}: there are {', '.join((*SHIPPED, AUTO))}")
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: must be from 0 to 1")
    if model and weather == AUTO:
        raise UsageError("--weather auto: not with --model: leave one of them out")

    def process(frame: Frame, *predicts: Predict) -> Frame:
        cleared = max((predict(frame) for predict in predicts), key=partial(taken, frame))
        return mixed(frame, cleared, strength * likely(frame, cleared))

    def film(frames: Frames, *predicts: Predict) -> Iterator[Frame]:
        """The same weather in all frames: what `auto` finds in the first."""
        for frame in frames:
            if len(predicts) > 1 and CHOSEN not in frames.memory:
                frames.memory[CHOSEN] = chosen(frame, predicts)
            number = int(frames.memory.get(CHOSEN, [0])[0])
            yield process(frame, predicts[number])

    names = tuple(f"derain/{each}" for each in SHIPPED if weather in (each, AUTO))
    label = weather if strength == 1 else f"{weather}-strength-{strength:g}"
    return Pipeline(
        (model,) if model else names, process, film, label=label, scale=1, kind="enhanced"
    )


def chosen(frame: Frame, predicts: Sequence[Predict]) -> NDArray[np.intp]:
    """Which of the models takes most off, its number in an array as a film remembers it."""
    import numpy as np

    found: NDArray[np.intp] = np.argmax(
        [taken(frame, predict(frame)) for predict in predicts], keepdims=True
    )
    return found


def taken(frame: Frame, cleared: Frame) -> float:
    """How much a model took off: the root of the summed squares of what it changed."""
    import cv2  # the command line starts without it

    return cv2.norm(frame, cleared, cv2.NORM_L2)


def likely(frame: Frame, cleared: Frame) -> float:
    """The share of a residual that is weather, as Wiener's filter has it: E / (E + `FALSE`).

    Where little was taken, much of it was the photograph's own; a downpour goes whole.
    """
    level = 1 if frame.dtype.itemsize == 1 else 257
    energy = (taken(frame, cleared) / level) ** 2 / frame.size
    return energy / (energy + FALSE)


def mixed(frame: Frame, cleared: Frame, strength: float) -> Frame:
    """strength·cleared + (1 − strength)·frame: the frame less so much of the residual, rounded."""
    if strength == 1:
        return cleared
    import cv2

    return cast(Frame, cv2.addWeighted(cleared, strength, frame, 1 - strength, 0))


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [derain]


@hookimpl
def gantool_models() -> Iterable[Model]:
    folder = Path(__file__).parent / "models"
    return [
        Model(f"derain/{weather}", "derain", str(folder / file), sha256, "CC-BY-SA-4.0", note)
        for weather, (file, sha256, note) in SHIPPED.items()
    ]

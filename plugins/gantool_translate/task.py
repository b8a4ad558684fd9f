"""Task translate: pictures in the style of a model, large ones without losing its strokes."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

import gantool
from gantool import Answer, Frame, Frames, Pipeline, Predict, UsageError, steadied, steady

DIRECTIONS = ("forward", "back")
ENLARGER = "superres/photo-x4"
"""It makes strokes sharp at the size of a large picture."""
BLUNT = 1.25
"""Enlargement up to which strokes stay sharp without it."""
SMALLEST = 64
"""Working side that a style still shows at, pixels."""


def translate(
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="The style; --list-styles names them.")
    ] = None,
    list_styles: Annotated[
        bool, typer.Option("--list-styles", help="Print the installed styles and stop.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(
            metavar="forward|back",
            help="Into the style, or back with the second model of a cyclegan.",
        ),
    ] = "forward",
    strength: Annotated[
        float, typer.Option(metavar="0..1", help="1 is the model's picture, 0 the input.")
    ] = 1.0,
    detail: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Short side at which the model works, pixels: fewer give broader strokes. "
            "0 is full size.",
        ),
    ] = 384,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal/--no-temporal",
            help="Films: keep look and strokes steady; without it each frame is on its own.",
        ),
    ] = True,
) -> Pipeline:
    """Restyle pictures, photographs as paintings for example.

    What comes of a picture is what the model has learnt.

    For example: gantool translate --style monet photo.jpg
    """
    if list_styles:
        raise Answer(_table(_styles()))
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: must be 0 to 1")
    if detail and detail < SMALLEST:
        raise UsageError(f"--detail {detail}: must be {SMALLEST} or more, or 0 for full size")
    chosen, label = _chosen(style, model, direction)
    brush = Brush(detail, strength)
    stream = brush.film if temporal else brush.frames
    sharpeners = [each.name for each in gantool.models("superres") if each.name == ENLARGER]
    models = (chosen, *(sharpeners if detail else ()))
    return Pipeline(models, brush.paint, stream, label=label, grey="colour", scale=1)


@dataclass(frozen=True)
class Brush:
    """How a model is laid on pictures."""

    detail: int
    strength: float

    def paint(self, frame: Frame, predict: Predict, enlarge: Predict | None = None) -> Frame:
        """H×W×3 → H×W×3: reduced to the working side, restyled, enlarged again, mixed."""
        restyled = predict(self.reduced(frame))
        if enlarge and frame.shape[0] > BLUNT * restyled.shape[0]:
            restyled = enlarge(restyled)
        return mixed(frame, resized(restyled, *frame.shape[:2]), self.strength)

    def frames(self, frames: Frames, predict: Predict, *_: Predict) -> Iterator[Frame]:
        """Paint every frame on its own, without the enlarger: in a film its time counts."""
        return (self.paint(frame, predict) for frame in frames)

    def film(self, frames: Frames, predict: Predict, *_: Predict) -> Iterator[Frame]:
        """The same with statistics that go along slowly and without flicker."""
        followed = steady(predict, frames.memory)
        return steadied(frames, lambda frame: self.paint(frame, followed))

    def reduced(self, frame: Frame) -> Frame:
        """The frame with `detail` pixels on its short side, where that is less than it has."""
        height, width = frame.shape[:2]
        factor = self.detail / min(height, width)
        if not 0 < factor < 1:
            return frame
        return resized(frame, round(height * factor), round(width * factor))


def resized(frame: Frame, height: int, width: int) -> Frame:
    """H×W×3 → height×width×3: by areas where it becomes smaller, else cubic."""
    if frame.shape[:2] == (height, width):
        return frame
    import cv2  # the command line starts without it

    how = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_CUBIC
    return cast(Frame, cv2.resize(frame, (width, height), interpolation=how))


def mixed(frame: Frame, restyled: Frame, strength: float) -> Frame:
    """strength·restyled + (1 − strength)·frame."""
    if strength == 1:
        return restyled
    import cv2

    return cast(Frame, cv2.addWeighted(restyled, strength, frame, 1 - strength, 0))


def _chosen(style: str | None, model: str | None, direction: str) -> tuple[str, str]:
    """The model, by name or file, and what results are labelled with."""
    if direction not in DIRECTIONS:
        raise UsageError(f"--direction {direction}: there are {', '.join(DIRECTIONS)}")
    if (style is None) == (model is None):
        known = ", ".join(_styles())
        raise UsageError(f"choose one of --style and --model; styles are {known}")
    if style is not None and style not in _styles():
        raise UsageError(_unknown(style))
    name = model or f"translate/{style}"
    if direction == "back":
        name = _way_back(name)
    return name, Path(name).stem


def _way_back(name: str) -> str:
    """The model of the other direction: the files of a cyclegan end so."""
    path = Path(name)
    back = str(path.with_stem(f"{path.stem}-back"))
    if not Path(back).is_file() and back.removeprefix("translate/") not in _styles():
        raise UsageError(f"--direction back: there is no {back}: {name} leads one way only")
    return back


def _unknown(style: str) -> str:
    known = list(_styles())
    near = difflib.get_close_matches(style, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f'No style "{style}".{hint} There are {", ".join(known)}'


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows), default=0)
    return "\n".join(f"{name:<{width}}  {note}" for name, note in rows.items())


def _styles() -> dict[str, str]:
    """Names and notes of the installed models of this task."""
    return {
        model.name.removeprefix("translate/"): model.note for model in gantool.models("translate")
    }

"""Task superres: photographs at 2, 3, 4 or 8 times their size."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from gantool import Frame, ItemError, Model, Pipeline, Predict, UsageError, hookimpl

PHOTO = "superres/photo-x4"
X4, X2 = "superres/photo-x4-fidelity", "superres/photo-x2-fidelity"
SHIPPED = {
    PHOTO: (
        "photo-x4.onnx",
        "1582599770e67b07fbcb1245d02823ab837bb83ff9de09d61f0f29e00563829d",
        "4 times the size, sharp, without noise and traces of JPEG",
    ),
    X4: (
        "photo-x4-fidelity.onnx",
        "6d2c9677ed5b0697868d84688118744d203988242cb4f39eb8d2f4ed964383a8",
        "4 times the size, true to the pixels",
    ),
    X2: (
        "photo-x2-fidelity.onnx",
        "a2f1f76c6efbdc3edbedbf0e87d501006bc6bd4fd9533974fc4a2ef72476bf23",
        "2 times the size, true to the pixels",
    ),
}
CHAINS = {2: (X2,), 3: (PHOTO,), 4: (PHOTO,), 8: (PHOTO, X2)}


def superres(
    scale: Annotated[int, typer.Option(metavar="2|3|4|8", help="Enlargement of each side.")] = 4,
    denoise: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="How much noise and traces of JPEG go; 0 leaves them. Not with --scale 2.",
        ),
    ] = 1.0,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
) -> Pipeline:
    """Enlarge photographs 2, 3, 4 or 8 times.

    For example: gantool superres photos/ --scale 4
    """
    if scale not in CHAINS:
        raise UsageError(f"--scale {scale}: superres has 2, 3, 4 and 8")
    if not 0 <= denoise <= 1:
        raise UsageError(f"--denoise {denoise:g}: must be from 0 to 1")
    if denoise != 1 and (model or scale == 2):
        other = "--model" if model else "--scale 2"
        raise UsageError(f"--denoise {denoise:g}: not with {other}: leave one of them out")

    def process(frame: Frame, *predicts: Predict) -> Frame:
        if 0 < denoise < 1:
            first = cast(Predict, partial(mix, predicts[:2], denoise))
            return enlarge(frame, scale, (first, *predicts[2:]))
        return enlarge(frame, scale, predicts)

    label = f"x{scale}" if denoise == 1 else f"x{scale}-denoise-{denoise:g}"
    models = (model,) if model else chain(scale, denoise)
    return Pipeline(models, process, label=label, scale=scale, kind="enhanced")


def chain(scale: int, denoise: float) -> tuple[str, ...]:
    """The models in turn; with `denoise` between 0 and 1 the first two are for one turn."""
    first, *others = CHAINS[scale]
    if denoise == 1:
        return (first, *others)
    return (X4, *others) if denoise == 0 else (first, X4, *others)


def mix(predicts: tuple[Predict, ...], share: float, frame: Frame) -> Frame:
    """`share` of what the first model gives and the rest of what the second gives, rounded."""
    import cv2  # the command line starts without it

    one, other = (predict(frame) for predict in predicts)
    return cast(Frame, cv2.addWeighted(one, share, other, 1 - share, 0))


def enlarge(frame: Frame, scale: int, predicts: tuple[Predict, ...]) -> Frame:
    """H×W×3 → sH×sW×3: the models in turn, the last again until it is enough, then reduced."""
    height, width = frame.shape[0] * scale, frame.shape[1] * scale
    large, step = frame, 0
    while large.shape[0] < height:
        before = large.shape[0]
        large = predicts[min(step, len(predicts) - 1)](large)
        step += 1
        if large.shape[0] <= before:
            raise ItemError("this model does not enlarge: choose another with --model")
    return reduce(large, height, width)


def reduce(frame: Frame, height: int, width: int) -> Frame:
    """H×W×3 → height×width×3: what a scale between those of the models needs."""
    if frame.shape[:2] == (height, width):
        return frame
    import cv2  # the command line starts without it

    # Cubic keeps ¾ of the size sharper (+0.1 dB on Set5); below one half it would alias.
    how = cv2.INTER_CUBIC if 2 * height > frame.shape[0] else cv2.INTER_AREA
    return cast(Frame, cv2.resize(frame, (width, height), interpolation=how))


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [superres]


@hookimpl
def gantool_models() -> Iterable[Model]:
    folder = Path(__file__).parent / "models"
    return [
        Model(name, "superres", str(folder / file), sha256, "CC-BY-SA-4.0", note)
        for name, (file, sha256, note) in SHIPPED.items()
    ]

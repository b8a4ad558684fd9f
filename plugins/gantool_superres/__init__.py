"""Task superres: photographs at 2, 3, 4 or 8 times their size."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from gantool import Frame, Frames, Model, Pipeline, Predict, UsageError, hookimpl

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
FIRST = {2: (PHOTO, X2), 3: (PHOTO, X4), 4: (PHOTO, X4), 8: (PHOTO, X4)}
"""The sharp and the true model of each scale: their results are blended."""
THEN = {8: (X2,)}
"""What enlarges the blend further."""
BLEND = 0.5
"""Share of the sharp model by default."""


def superres(
    scale: Annotated[int, typer.Option(metavar="2|3|4|8", help="Enlargement of each side.")] = 4,
    denoise: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            help="How much noise and traces of JPEG go; 0 leaves them. Without it 0.5, "
            "and films take one model alone, which is faster.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
) -> Pipeline:
    """Enlarge photographs 2, 3, 4 or 8 times.

    For example: gantool superres photos/ --scale 4
    """
    if scale not in FIRST:
        raise UsageError(f"--scale {scale}: superres has 2, 3, 4 and 8")
    if denoise is not None and not 0 <= denoise <= 1:
        raise UsageError(f"--denoise {denoise:g}: must be from 0 to 1")
    share = BLEND if denoise is None else denoise

    def process(frame: Frame, *predicts: Predict) -> Frame:
        from gantool_superres.enlarging import blended, enlarge  # the command line starts without

        if model and denoise is not None:
            predicts = tuple(partial(predict, denoise=denoise) for predict in predicts)
        if model or share in (0, 1):
            return enlarge(frame, scale, predicts)
        first = cast(Predict, partial(blended, predicts[:2], share))
        return enlarge(frame, scale, (first, *predicts[2:]))

    def stream(frames: Frames, sharp: Predict, true: Predict, *then: Predict) -> Iterator[Frame]:
        from gantool_superres.enlarging import enlarge

        alone = true if scale == 2 else sharp
        return (enlarge(frame, scale, (alone, *then)) for frame in frames)

    return Pipeline(
        (model,) if model else chain(scale, share),
        process,
        None if model or denoise is not None else stream,
        label=f"x{scale}" if denoise is None else f"x{scale}-denoise-{denoise:g}",
        scale=scale,
        kind="enhanced",
    )


def chain(scale: int, share: float) -> tuple[str, ...]:
    """Return the models in turn; with a share between 0 and 1 the first two are blended."""
    sharp, true = FIRST[scale]
    first = (sharp,) if share == 1 else (true,) if share == 0 else (sharp, true)
    return (*first, *THEN.get(scale, ()))


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

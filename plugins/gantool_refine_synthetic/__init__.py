"""Task refine-synthetic: renders that look like photographs, so that their labels stay true."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from gantool import Frame, Frames, Model, Pipeline, Predict, UsageError, hookimpl

EYES = "refine-synthetic/eyes"
DISTANCE = "self_regularisation"
"""What a report calls how far a picture has moved."""


def refine_synthetic(
    model: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = EYES,
    strength: Annotated[
        float, typer.Option(metavar="0..1", help="1 is the model's picture, 0 the render.")
    ] = 1.0,
    seed: Annotated[
        int, typer.Option(metavar="S", help="Which of the looks that a picture may have.")
    ] = 0,
) -> Pipeline:
    """Make renders look like photographs, labels kept.

    Names, folders and sizes stay, and everything in the pictures where it is.

    For example: gantool refine-synthetic renders/ -o refined/
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: must be from 0 to 1")
    if seed < 0:
        raise UsageError(f"--seed {seed}: a whole number from 0")

    def process(frame: Frame, predict: Predict) -> Frame:
        look = drawn(predict, seed, zlib.crc32(frame.tobytes()))
        return mixed(frame, predict(frame, **look), strength)

    def film(frames: Frames, predict: Predict) -> Iterator[Frame]:
        look = drawn(predict, seed)  # one for all frames, or light would flicker
        return (mixed(frame, predict(frame, **look), strength) for frame in frames)

    label = Path(model).stem
    label = label if strength == 1 else f"{label}-strength-{strength:g}"
    label = f"{label}-seed-{seed}" if seed else label
    return Pipeline((model,), process, film, label=label, scale=1, measure=distance)


def drawn(predict: Predict, *seeds: int) -> Mapping[str, object]:
    """Values of unit deviation for the conditions of its model, none for most; always the same."""
    contract = getattr(predict, "contract", None)  # a plain function is a Predict too
    if contract is None or not contract.conditions:
        return {}
    import numpy as np

    random = np.random.default_rng(seeds)
    return {
        name: random.standard_normal((1, *facts["shape"]), np.float32)
        for name, facts in contract.conditions.items()
    }


def mixed(frame: Frame, refined: Frame, strength: float) -> Frame:
    """strength·refined + (1 − strength)·frame: the frame and so much of the residual, rounded."""
    if strength == 1:
        return refined
    import cv2  # the command line starts without it

    return cast(Frame, cv2.addWeighted(refined, strength, frame, 1 - strength, 0))


def distance(frame: Frame, refined: Frame) -> Mapping[str, float]:
    """mean |refined − frame| over pixels from 0 to 1, as simgan has it with ψ the identity."""
    import cv2
    import numpy as np

    summed = cv2.norm(frame, refined, cv2.NORM_L1)
    return {DISTANCE: summed / (frame.size * np.iinfo(frame.dtype).max)}


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [refine_synthetic]


@hookimpl
def gantool_models() -> Iterable[Model]:
    """The shipped model is in a distribution of its own, for what it has learnt from."""
    return [
        Model(
            EYES,
            "refine-synthetic",
            source="",
            sha256="",
            licence="gantool-noncommercial-1.0",
            note="pip install ./weights/noncommercial, see docs/noncommercial-weights.md",
        )
    ]

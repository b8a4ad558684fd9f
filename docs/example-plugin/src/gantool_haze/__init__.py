"""Task haze: photographs without the veil that lies over them."""

from collections.abc import Callable, Iterable
from typing import Annotated, cast

import typer
from gantool import Frame, Pipeline, UsageError, hookimpl


def haze(
    strength: Annotated[float, typer.Option(metavar="0..1", help="How much of it.")] = 0.5,
) -> Pipeline:
    """Take the haze out of photographs."""
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: must be from 0 to 1")

    def process(frame: Frame) -> Frame:
        return changed(frame, strength)

    return Pipeline(models=(), process=process, label=f"{strength:g}", kind="enhanced")


def changed(frame: Frame, strength: float) -> Frame:
    """H×W×3 → H×W×3 of the same dtype: without the veil that lies over dark and bright alike."""
    import numpy as np  # the command line starts without it

    most = int(np.iinfo(frame.dtype).max)
    veil = strength * min(float(np.percentile(frame, 1)), 0.9 * most)
    clear = (frame.astype(np.float32) - veil) * (most / (most - veil))
    return cast(Frame, clear.clip(0, most).round().astype(frame.dtype))


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [haze]

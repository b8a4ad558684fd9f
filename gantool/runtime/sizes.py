"""Which frames a model takes."""

import math
from pathlib import Path

from gantool.errors import ItemError
from gantool.pipeline import Frame
from gantool.runtime import freeze
from gantool.runtime.contract import Contract


class WrongSizeError(ItemError):
    """A model does not keep its contract."""


def pixels(frame: Frame) -> int:
    return math.prod(frame.shape[:2])


def checked(frame: Frame | None, path: Path) -> Frame:
    """Raises ItemError for what is no H×W×3."""
    if frame is None:
        raise ItemError(f"{path.name}: this model needs a picture")
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise ItemError(f"{path.name}: needs H×W×3, not {frame.shape}")
    return frame


def kept(result: Frame, batch: Frame, contract: Contract, path: Path) -> Frame:
    """`result`; raises WrongSizeError where it is not as large as the contract promises."""
    height, width = (side * contract.scale for side in batch.shape[1:3])
    if result.shape != (len(batch), height, width, 3):
        raise WrongSizeError(
            f"{path.name} gives {result.shape[2]}×{result.shape[1]} of {batch.shape[2]}×"
            f"{batch.shape[1]}, and its contract says {contract.scale} times: get it again"
        )
    return result


def check_local(frame: Frame, path: Path, graph: bytes) -> None:
    """Raises ItemError where `graph` cannot be run in tiles even with held statistics."""
    if found := freeze.obstacles(graph):
        size = f"{frame.shape[1]}×{frame.shape[0]}"
        raise ItemError(
            f"{path.name}: {size} is too large for one piece, and {', '.join(found)} in it cannot "
            "be cut: reduce the picture, or use --tile off where memory allows"
        )

"""A model's further inputs: what they are where nobody says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gantool.runtime.contract import Contract

if TYPE_CHECKING:
    import onnxruntime

Values = NDArray[np.float32]


def filled(contract: Contract, given: dict[str, object]) -> dict[str, object]:
    """`given`, and 1×… of its `default` for each condition that has one and is not in it."""
    values = {
        name: np.full((1, *facts["shape"]), facts["default"], np.float32)
        for name, facts in contract.conditions.items()
        if "default" in facts
    }
    return {**values, **given}


def neutral(session: onnxruntime.InferenceSession) -> dict[str, Values]:
    """Zeros for all that the graph takes beside its picture, lengths that are free being 1."""
    return {
        each.name: np.zeros(
            [side if isinstance(side, int) else 1 for side in each.shape], np.float32
        )
        for each in session.get_inputs()[1:]
    }

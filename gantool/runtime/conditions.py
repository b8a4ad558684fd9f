"""A model's further inputs: what they are where nobody says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gantool.errors import ItemError
from gantool.runtime.contract import Contract

if TYPE_CHECKING:
    import onnxruntime

Values = NDArray[np.float32]


def filled(contract: Contract, given: dict[str, object]) -> dict[str, object]:
    """`given`, and 1×… of its `default` for each condition that has one and is not in it.

    A number stands for all of 1×…. Raises ItemError for a condition that the model has not.
    """
    if strange := given.keys() - contract.conditions.keys():
        known = ", ".join(contract.conditions) or "none"
        raise ItemError(f"this model takes no {min(strange)}: its conditions are {known}")
    values = {
        name: np.full((1, *facts["shape"]), facts["default"], np.float32)
        for name, facts in contract.conditions.items()
        if "default" in facts
    }
    return {**values, **{name: _filling(contract, name, each) for name, each in given.items()}}


def _filling(contract: Contract, name: str, value: object) -> object:
    """The array that a number stands for; arrays are as they are."""
    shape = contract.conditions[name].get("shape")
    if shape is None or not isinstance(value, int | float):
        return value
    return np.full((1, *shape), value, np.float32)


def neutral(session: onnxruntime.InferenceSession) -> dict[str, Values]:
    """Zeros for all that the graph takes beside its picture, lengths that are free being 1."""
    return {
        each.name: np.zeros(
            [side if isinstance(side, int) else 1 for side in each.shape], np.float32
        )
        for each in session.get_inputs()[1:]
    }

"""Weights to start from: of a model file, shipped or trained, or of a training run."""

import re
from pathlib import Path
from typing import Any

import torch
from onnx import numpy_helper
from torch import Tensor

from gantool.errors import ModelError, UsageError
from gantool.runtime import pixel_io
from gantool.training import checkpoint
from gantool.training.settings import FILE, Settings
from gantool.training.system import System

CONSTANT = re.compile(r"val_\d+")
"""How torch's exporter calls what is no weight."""


def options(init: Path) -> tuple[str, dict[str, Any]]:
    """The recipe that made `init` and the options it had; "" where the file does not say."""
    if (init / FILE).is_file():
        settings = Settings.read(init)
        return settings.recipe, dict(settings.options)
    _, contract = pixel_io.read_model(init)
    return str(contract.recipe.get("name", "")), dict(contract.recipe.get("options", {}))


def load(init: Path, system: System) -> None:
    """Put the weights of `init` into the networks of `system`.

    A run gives all its networks (their averages), a model file the one that was exported.
    Raises UsageError where they do not fit.
    """
    if (init / FILE).is_file():
        newest = next(checkpoint.usable(init / checkpoint.FOLDER), None)
        if newest is None:
            raise UsageError(f"{init}: no whole checkpoint to start from")
        try:
            checkpoint.load_ema(newest, system.networks)
        except UsageError as error:
            raise UsageError(
                f"{_unfit(init)}; its generator alone may, from {init / init.resolve().name}.onnx"
            ) from error
        return
    tensors, exports = stored(init), system.exports()
    named = [each for each in exports if init.stem.endswith(f"-{each.network}")]
    for export in named or exports:
        network = system.networks[export.network]
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        try:
            export.restore(network, tensors)
            return
        except (KeyError, RuntimeError):  # torch says so in forty lines
            network.load_state_dict(before)
    raise UsageError(_unfit(init))


def _unfit(init: Path) -> str:
    maker, had = options(init)
    made = " ".join([maker or "somebody", *(f"{name}={value}" for name, value in had.items())])
    return f"{init}: does not fit the networks of this recipe: made by {made}"


def stored(path: Path) -> dict[str, Tensor]:
    """The weights of a model file by the names they had in training, float32.

    Raises ModelError, also for a file in integers.
    """
    model, contract = pixel_io.read_model(path)
    if contract.precision == "int8":
        raise ModelError(f"{path}: has weights rounded to int8: give the float file beside it")
    widened = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type == "Cast"}
    named = {widened.get(each.name, each.name): each for each in model.graph.initializer}
    return {
        name: torch.tensor(numpy_helper.to_array(each)).float()
        for name, each in named.items()
        if not CONSTANT.fullmatch(name)
    }

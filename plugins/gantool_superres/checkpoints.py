"""Importer of networks that others have trained to enlarge or mend pictures.

spandrel (MIT) tells their architecture by the names and shapes of the weights. It is not part of
gantool: it brings torchvision, which must be of the same build as torch.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gantool.errors import ModelError, PluginError
from gantool.training.system import Contract, Export

PURPOSES = ("SR", "Restoration")
"""Those of spandrel's that take any picture; others are for faces, or ask for a mask."""
EXPECTED = "expected one that enlarges or mends pictures, such as ESRGAN, Compact or SwinIR"


def read(weights: Mapping[str, Tensor]) -> tuple[nn.Module, Export]:
    """The network that `weights` are of, and its export.

    Raises ModelError for architectures that are unknown or for something else, PluginError
    without spandrel.
    """
    found = _recognised(_spandrel(), weights)
    name, need = found.architecture.name, found.size_requirements
    if found.purpose not in PURPOSES:
        raise ModelError(f"{name} is for {found.purpose.lower()}: {EXPECTED}")
    if (found.input_channels, found.output_channels) != (3, 3):
        channels = f"{found.input_channels} and {found.output_channels}"
        raise ModelError(f"{name} with {channels} channels in and out: only RGB can be imported")
    if need.square:
        raise ModelError(f"{name} takes squares alone, which photographs are not: {EXPECTED}")
    options = {"scale": found.scale, **({"size": "-".join(found.tags)} if found.tags else {})}
    contract = Contract(
        task="superres",
        scale=found.scale,
        multiple=need.multiple_of,
        align=need.multiple_of,
        minimum=max(need.minimum, 1),
        recipe={"name": name, "options": options},
    )
    return Called(found), Export("generator", contract, prepare=lambda network: network)


class Called(nn.Module):
    """N×3×H×W in [0, 1] → N×3×sH×sW, as spandrel calls the network, without its clipping."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.network: nn.Module = found.model
        self._call = found._call_fn  # what a network gives beside the picture goes

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self._call(self.network, x)
        return result


def _spandrel() -> Any:
    """The package. Raises PluginError, saying what to install."""
    try:
        return importlib.import_module("spandrel")
    except Exception as error:  # a torchvision of another build raises anything
        if isinstance(error, ImportError) and error.name == "spandrel":
            raise PluginError(
                'importing it needs spandrel: pip install "gantool[import]"'
            ) from error
        raise PluginError(
            f"importing it needs spandrel, which cannot load torchvision ({_line(error)}): install "
            f"the torchvision that belongs to this torch {torch.__version__}, from where that came"
        ) from error


def _recognised(spandrel: Any, weights: Mapping[str, Tensor]) -> Any:
    try:
        return spandrel.ModelLoader().load_from_state_dict(dict(weights))
    except spandrel.UnsupportedModelError as error:
        raise ModelError(f"unknown architecture: {EXPECTED}") from error
    except MemoryError:
        raise
    except Exception as error:  # weights that look like a network and do not fit raise anything
        raise ModelError(f"fits no architecture: {_line(error)}: {EXPECTED}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

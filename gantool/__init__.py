"""gantool: image tasks built on generative adversarial networks.

For a plugin: `Pipeline`, `Model`, `Frame`, `Predict`, the errors, `hookimpl`.
For a notebook: `load` gives one model as a function on arrays, `run` a task over files, `models`
what is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gantool.api import load, models, run
    from gantool.errors import GantoolError, ItemError, UsageError
    from gantool.hookspecs import hookimpl
    from gantool.pipeline import (
        Answer,
        Frame,
        Frames,
        Model,
        Pipeline,
        Predict,
        frozen,
        note,
        steady,
    )
    from gantool.temporal import steadied

_HOME = {
    "Answer": "pipeline",
    "Frame": "pipeline",
    "Frames": "pipeline",
    "GantoolError": "errors",
    "ItemError": "errors",
    "Model": "pipeline",
    "Pipeline": "pipeline",
    "Predict": "pipeline",
    "UsageError": "errors",
    "frozen": "pipeline",
    "hookimpl": "hookspecs",
    "load": "api",
    "models": "api",
    "note": "pipeline",
    "run": "api",
    "steadied": "temporal",
    "steady": "pipeline",
}

__all__ = [
    "Answer",
    "Frame",
    "Frames",
    "GantoolError",
    "ItemError",
    "Model",
    "Pipeline",
    "Predict",
    "UsageError",
    "frozen",
    "hookimpl",
    "load",
    "models",
    "note",
    "run",
    "steadied",
    "steady",
]


def __getattr__(name: str) -> object:
    """Imports on first use, so that `gantool --version` loads nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'gantool' has no attribute {name!r}")
    return getattr(import_module(f"gantool.{_HOME[name]}"), name)

"""A recipe's options: what its signature has, what was given as text, what a preset sets."""

from __future__ import annotations

import difflib
import inspect
import keyword
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError

if TYPE_CHECKING:  # torch stays out of the command line's start
    from gantool.training.system import System

    Recipe = Callable[..., System]


class ModelFile(str):
    """The type of an option that names a model: `NAME|FILE` where it is given, for the recipe the
    file.
    """


Presets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class TrainOptions:
    """What decides a training run beside its recipe and its data."""

    output: Path | None = None
    preset: str = "fast"
    given: Mapping[str, str] = field(default_factory=dict)
    """Options of the recipe, and `steps`, as text; they go before the preset's."""
    init: str | None = None
    """Name or file of a model, or folder of a run, whose weights to start from."""
    seed: int | None = None
    precision: str | None = None
    accumulate: int | None = None
    device: str = "auto"
    resume: bool = False
    accept_licence: str | None = None
    """Of the model to start from, where it asks for that."""


@dataclass(frozen=True)
class Limits:
    """When a session of training ends and what it shows; what is trained does not depend on it.

    Raises UsageError for an unknown `on_collapse`.
    """

    max_steps: int | None = None
    max_seconds: float = math.inf
    stop: Callable[[], bool] = lambda: False
    """Asked after every step."""
    on_collapse: str = "warn"
    """`stop` ends the run, saved, where its generator has failed; `warn` only tells."""
    preview_every: int = 1000
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.on_collapse not in ("stop", "warn"):
            raise UsageError(f"--on-collapse {self.on_collapse}: there are stop and warn")


def resolve(
    recipe: Recipe,
    presets: Presets,
    preset: str,
    given: Mapping[str, str],
    *,
    start: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every option of `recipe` and `steps`: its defaults, over them the preset, over them `given`.

    `start` are the options of a model that the training starts from; they go over the preset's.
    An option that is a Python keyword has an underscore behind it in the signature alone:
    `from_` is given as `from`. Raises UsageError for an unknown preset or key, with a suggestion,
    and for a bad value.
    """
    if preset not in presets:
        raise UsageError(f"--preset {preset}: there are {', '.join(presets)}")
    parameters = inspect.signature(recipe).parameters
    options = {name: each.default for name, each in parameters.items()} | dict(presets[preset])
    options |= {name: value for name, value in (start or {}).items() if name in parameters}
    kinds = typing.get_type_hints(recipe) | {"steps": int}
    for key, text in given.items():
        name = parameter(key)
        if name not in options:
            known = [each.rstrip("_").replace("_", "-") for each in options]
            near = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"no option {key} in this recipe: {hint}")
        options[name] = _parsed(key, text, kinds[name])
    return options


def names_model(recipe: Recipe, name: str) -> bool:
    """Whether the option `name` of its signature is one that names a model."""
    kind = typing.get_type_hints(recipe).get(name)
    return ModelFile in (kind, *typing.get_args(kind))


def parameter(key: str) -> str:
    """The name in a recipe's signature of an option as it is given: `made-from`, `from`."""
    name = key.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def _parsed(key: str, text: str, kind: Any) -> Any:
    """`text` as `kind`: bool, int, float, str, or one of a Literal's; of a union the first."""
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        if text not in choices:
            raise UsageError(f"{key}={text}: there are {', '.join(filter(None, choices))}")
        return text
    if isinstance(kind, types.UnionType):
        kind = typing.get_args(kind)[0]
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise UsageError(f"{key}={text}: must be true or false")
    try:
        value = kind(text)
    except ValueError:
        value = None
    if kind is int and (value is None or value < 1):
        raise UsageError(f"{key}={text}: must be a whole number from 1")
    if kind is float and (value is None or not 0 <= value < math.inf):
        raise UsageError(f"{key}={text}: must be a number from 0")
    return text if value is None else value

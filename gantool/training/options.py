"""A recipe's options: what its signature has, what was given as text, what a preset sets."""

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from gantool.errors import UsageError
from gantool.training.system import System

Recipe = Callable[..., System]


def resolve(
    recipe: Recipe, presets: Mapping[str, Mapping[str, Any]], preset: str, given: Mapping[str, str]
) -> dict[str, Any]:
    """Every option of `recipe` and `steps`: its defaults, over them the preset, over them `given`.

    Raises UsageError for an unknown preset or key, with a suggestion, and for a bad value.
    """
    if preset not in presets:
        raise UsageError(f"--preset {preset}: there are {', '.join(presets)}")
    parameters = inspect.signature(recipe).parameters
    options = {name: each.default for name, each in parameters.items()} | dict(presets[preset])
    types = typing.get_type_hints(recipe) | {"steps": int}
    for key, text in given.items():
        name = key.replace("-", "_")
        if name not in options:
            near = difflib.get_close_matches(name, options, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(options)}"
            raise UsageError(f"no option {key} in this recipe: {hint}")
        options[name] = _parsed(key, text, types[name])
    return options


def _parsed(key: str, text: str, kind: Any) -> Any:
    """`text` as `kind`: bool, int, float or str."""
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise UsageError(f"{key}={text}: must be true or false")
    try:
        return kind(text)
    except ValueError:
        noun = {int: "a whole number", float: "a number"}.get(kind, "a value")
        raise UsageError(f"{key}={text}: must be {noun}") from None

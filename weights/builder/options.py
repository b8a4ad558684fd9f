"""The options of a phase's training, as `gantool train` will resolve them."""

from collections.abc import Mapping
from typing import Any

from builder.recipe_file import ModelRecipe, Phase
from gantool.api.installed import model_path
from gantool.api.installed import recipe as function_of
from gantool.training import weights
from gantool.training.options import resolve


def resolve_options(recipe: ModelRecipe, phase: Phase) -> dict[str, Any]:
    """Return every option of the phase, and `steps`.

    Raises UsageError for an unknown recipe, preset or option and for bad values, ModelError for
    an unknown model to start from.
    """
    function, presets = function_of(phase.train)
    given = {name: as_text(value) for name, value in phase.options.items()}
    return resolve(function, presets, phase.preset, given, start=_start(recipe, phase))


def as_text(value: object) -> str:
    """Return a value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _start(recipe: ModelRecipe, phase: Phase) -> Mapping[str, Any]:
    """The options of what the phase starts from, where the same recipe has made it."""
    if not phase.init:
        return {}
    name = phase.init.removesuffix(".onnx")
    earlier = [each for each in recipe.phases if each.name == name]
    if not earlier:
        maker, values = weights.options(model_path(phase.init))
    elif earlier[0].train:
        maker, values = earlier[0].train, resolve_options(recipe, earlier[0])
    else:
        return {}  # a command's: known when it has run
    same = bool(maker) and function_of(maker)[0] is function_of(phase.train)[0]
    return {key: value for key, value in values.items() if same and key not in ("steps", "from_")}

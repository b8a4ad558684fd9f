"""What a plugin can give. Its module is named by an entry point in the group `gantool`.

    from gantool import Model, Pipeline, hookimpl

    def haze(strength: float = 0.5) -> Pipeline:
        "Take the haze out of photographs."
        return Pipeline(models=("haze/outdoor",), label=f"{strength:g}")

    @hookimpl
    def gantool_tasks():
        return [haze]

Recipes for training are entry points of the group `gantool.recipes`, as `name = module:function`;
they are listed without being imported. So are importers of strangers' weights, in the group
`gantool.importers`, as `task = module:function`, a function from weights by name to a network and
its `gantool.training.system.Export`.
"""

from collections.abc import Callable, Iterable

import pluggy

from gantool.pipeline import Model, Pipeline

hookspec = pluggy.HookspecMarker("gantool")
hookimpl = pluggy.HookimplMarker("gantool")


@hookspec
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:  # type: ignore[empty-body]  # a specification
    """Functions from options to a Pipeline: the name is the command, the signature its options."""


@hookspec
def gantool_models() -> Iterable[Model]:  # type: ignore[empty-body]  # a specification
    """Entries of the catalogue of models."""

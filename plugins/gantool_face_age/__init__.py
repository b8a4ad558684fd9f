"""Faces of adults at other ages: the task, and its recipes."""

from collections.abc import Callable, Iterable

from gantool import Model, Pipeline, hookimpl
from gantool_face_age.task import BASE, YEARS, face_age

LICENCE = "gantool-noncommercial-1.0"
HOW = "pip install ./weights/noncommercial, in a checkout of gantool"


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [face_age]


@hookimpl
def gantool_models() -> Iterable[Model]:
    """Without their files, which come with a distribution of their own."""
    return [Model(name, "face-age", "", "", LICENCE, HOW) for name in (BASE, YEARS)]

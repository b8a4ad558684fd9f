"""Faces of adults at other ages: the task. Its models come with another distribution."""

from collections.abc import Callable, Iterable

from gantool import Pipeline, hookimpl
from gantool_face_age.task import face_age


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [face_age]

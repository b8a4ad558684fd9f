"""Colours for grey photographs: the task, and the recipes colorize and cvae-colorize."""

from collections.abc import Callable, Iterable
from pathlib import Path

from gantool import Model, Pipeline, hookimpl
from gantool_colorize import task  # its function colorize has the name of a module here


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [task.colorize]


@hookimpl
def gantool_models() -> Iterable[Model]:
    folder = Path(__file__).parent / "models"
    return [
        Model(
            name=task.PHOTO,
            task="colorize",
            source=str(folder / "photo.onnx"),
            sha256="f9e164ac053584f08ffc8fe7d47a6ad8ea0d196f0b6be0781eb7408912bb432b",
            licence="CC-BY-SA-4.0",
            note="the likeliest colours of a grey photograph",
        ),
        Model(
            name=task.DIVERSE,
            task="colorize",
            source=str(folder / "diverse.onnx"),
            sha256="7afb0cfd0bac06e67a97caf9da229d057ff6f9d780675089bd65e3170b1c4fca",
            licence="CC-BY-SA-4.0",
            note="one of many colourings of a grey photograph, for --samples",
        ),
    ]

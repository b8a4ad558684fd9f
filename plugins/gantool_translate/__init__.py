"""Translation of pictures: the task, and the recipes pix2pix, cyclegan and cut."""

from collections.abc import Callable, Iterable
from pathlib import Path

from gantool import Model, Pipeline, hookimpl
from gantool_translate.task import translate


@hookimpl
def gantool_tasks() -> Iterable[Callable[..., Pipeline]]:
    return [translate]


@hookimpl
def gantool_models() -> Iterable[Model]:
    folder = Path(__file__).parent / "models"
    return [
        Model(
            name="translate/monet",
            task="translate",
            source=str(folder / "monet.onnx"),
            sha256="b6e6b9c6997b20931f8aa68ad36865c43021d8390622744f65ff9885018255e9",
            licence="CC-BY-SA-4.0",
            note="photographs in the strokes and the palette of Monet",
        ),
        Model(
            name="translate/edges2cats",
            task="translate",
            source=str(folder / "edges2cats.onnx"),
            sha256="60bda09ccce51f697df977cf43160c8a50139902463738e2e78bacdc989741f4",
            licence="CC-BY-SA-4.0",
            note="a demonstration: photographs of cats from line drawings of about 256 pixels",
        ),
    ]

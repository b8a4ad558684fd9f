"""Translation of pictures: the recipes pix2pix and cyclegan, and a model of the first."""

from collections.abc import Iterable
from pathlib import Path

from gantool import Model, hookimpl


@hookimpl
def gantool_models() -> Iterable[Model]:
    folder = Path(__file__).parent / "models"
    return [
        Model(
            name="translate/edges2cats",
            task="translate",
            source=str(folder / "edges2cats.onnx"),
            sha256="043919d8e2c413c0697c2e0b78392e5ee0ba3739653b8ca3a6c4c78c2fa7fc3c",
            licence="CC-BY-SA-4.0",
            note="a demonstration: photographs of cats from line drawings of about 286 pixels",
        )
    ]

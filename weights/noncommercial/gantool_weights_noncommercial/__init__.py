"""Models whose weights were learnt from data for non-commercial research; their cards say which."""

from collections.abc import Iterable
from pathlib import Path

from gantool import Model, hookimpl

LICENCE = "gantool-noncommercial-1.0"
FOLDER = Path(__file__).parent
MODELS = {
    "face-age-base.onnx": (
        "face-age/base",
        "4875cda8c4063754569fe6ba7702f30d72039ef63c4a330e1e6f10bdf0a087f9",
        "a face of an adult at another age, 18 to 80",
    ),
    "face-age-years.onnx": (
        "face-age/years",
        "68854eb1be3d6c156a09a1587a9f84ee37309ed3804120a2ec3698e6fe3d2f82",
        "the age that a face of an adult looks like, as a level of grey",
    ),
    "refine-synthetic-eyes.onnx": (
        "refine-synthetic/eyes",
        "831802ff156fc831a2616ba97c05f87541a076c886dbffdce9544ffffdc59e4b",
        "drawn eyes as a camera would have taken them",
    ),
}
"""Name, sha256 and note by file. Those whose file is here are in the catalogue."""


@hookimpl
def gantool_models() -> Iterable[Model]:
    terms = str(FOLDER / "LICENCE.txt")
    return [
        Model(name, name.partition("/")[0], str(FOLDER / file), sha256, LICENCE, note, terms)
        for file, (name, sha256, note) in MODELS.items()
        if (FOLDER / file).is_file()
    ]

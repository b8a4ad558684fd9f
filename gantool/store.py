"""Files of models: from a name of the catalogue, or a path, to a file on this machine.

Beside those of plugins there are the user's own, `TASK/NAME.onnx` in one folder. What the
catalogue says of such a file stands in `TASK/NAME.json` beside it.
"""

import dataclasses
import difflib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from gantool import atomic
from gantool.errors import ModelError, OutputError, UsageError
from gantool.pipeline import Model

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*")
SUFFIXES = (".onnx", ".json")
SAID = ("sha256", "licence", "note")
"""Of a model, in the JSON beside it; what else is there tells where it came from."""


def locate(model: str, catalogue: Mapping[str, Model]) -> Path:
    """The file of `model`, a name from the catalogue or a path. Raises ModelError."""
    if model in catalogue:
        return _present(catalogue[model])
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix or path.is_dir():
        kind = "a folder, not a model file" if path.is_dir() else "no such model file"
        raise ModelError(f"{model}: {kind}: give an .onnx file, or a name from gantool models list")
    near = difflib.get_close_matches(model, catalogue, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ModelError(f'no model "{model}".{hint} See gantool models list')


def home() -> Path:
    """`$XDG_DATA_HOME/gantool`, `~/.local/share` by default: what is the user's own."""
    root = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(root) / "gantool"


def folder() -> Path:
    """The user's own models."""
    return home() / "models"


def own() -> tuple[dict[str, Model], tuple[str, ...]]:
    """The user's own models by name, and a line for each that cannot be used."""
    models: dict[str, Model] = {}
    lines: list[str] = []
    for name in sorted(_own_names()):
        try:
            models[name] = _own(name)
        except ModelError as error:
            lines.append(str(error))
    return models, tuple(lines)


def own_file(name: str) -> Path:
    """Where the file of the user's own model `name`, `task/name`, is or would be."""
    return folder() / f"{name}.onnx"


def refuse_name(name: str, taken: Mapping[str, Model], *, overwrite: bool) -> None:
    """Raises UsageError where no model of the user's own may be called `name`, `task/name`."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name.partition('/')[2]}: use a-z, 0-9, _, - and ., no slash")
    if name in _own_names():
        if not overwrite:
            raise UsageError(f"{name}: there already: --overwrite replaces it, --name renames")
    elif name in taken:
        raise UsageError(f"{name}: a plugin's model has this name: choose another with --name")


def keep(model: Model, origin: Mapping[str, str]) -> None:
    """List the user's own `model`, whose file is in place, from now on. Raises OutputError."""
    said = {key: value for key, value in dataclasses.asdict(model).items() if key in SAID}
    atomic.write_text(_note_of(model.name), json.dumps({**said, **origin}, indent=1) + "\n")


def remove(name: str, catalogue: Mapping[str, Model]) -> Path:
    """Delete the user's own model `name`, a damaged one too; returns where its file was.

    Raises UsageError for a plugin's, ModelError where there is none.
    """
    if name not in _own_names():
        if name in catalogue:
            raise UsageError(f"{name}: comes with a plugin; only imported models can be removed")
        locate(name, catalogue)
        raise UsageError(f"{name}: a file, not an imported model: nothing was removed")
    try:
        _note_of(name).unlink(missing_ok=True)  # without it, the rest is no model any more
        own_file(name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{name}: cannot be removed: {error.strerror}") from error
    return own_file(name)


def _own_names() -> set[str]:
    """Of all models in the folder, damaged ones too."""
    files = folder().glob("*/*")
    found = {f"{file.parent.name}/{file.stem}" for file in files if file.suffix in SUFFIXES}
    return {name for name in found if NAME.fullmatch(name)}


def _own(name: str) -> Model:
    """What the note beside the file says. Raises ModelError."""
    file = own_file(name)
    try:
        note = json.loads(_note_of(name).read_bytes())
        said = {key: note[key] for key in SAID}
        whole = file.is_file() and all(isinstance(value, str) for value in said.values())
    except (OSError, ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise ModelError(
            f"model {name} is off: {file} or the .json beside it is missing or damaged: "
            f"import it again with --overwrite, or gantool models rm {name}"
        )
    return Model(name, name.partition("/")[0], str(file), **said)


def _note_of(name: str) -> Path:
    return folder() / f"{name}.json"


def _present(model: Model) -> Path:
    if not model.source:
        raise ModelError(f"{model.name} is not installed: {model.note}")
    if not Path(model.source).is_file():
        raise ModelError(
            f"{model.name}: its file {model.source} is missing: install the plugin again"
        )
    return Path(model.source)

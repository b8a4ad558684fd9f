"""Files of models: from a name of the catalogue, or a path, to a file on this machine.

Beside those of plugins there are the user's own, `TASK/NAME.onnx` in one folder, and such as are
shared by several, in folders that are only read. What the catalogue says of such a file stands in
`TASK/NAME.json` beside it.
"""

import dataclasses
import difflib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from gantool import atomic, folders, model_cache
from gantool.errors import ModelError, OutputError, UsageError
from gantool.pipeline import Model

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*")
NOTE = ".json"
SUFFIXES = (".onnx", NOTE)
LONGEST = 2**20
"""Bytes of a note."""
SAID = ("sha256", "licence", "note")
"""Of a model, in the JSON beside it; what else is there tells where it came from."""


def locate(model: str, catalogue: Mapping[str, Model]) -> Path:
    """The file of `model`, a name from the catalogue or a path. Raises ModelError."""
    if model in catalogue:
        return _present(catalogue[model])
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix or path.exists():
        kind = "a pipe or a device, not a model file" if path.exists() else "no such model file"
        kind = "a folder, not a model file" if path.is_dir() else kind
        raise ModelError(f"{model}: {kind}: give an .onnx file, or a name from gantool models list")
    near = difflib.get_close_matches(model, catalogue, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ModelError(f'no model "{model}".{hint} See gantool models list')


def is_here(model: Model) -> bool:
    """Whether its file is on this machine."""
    return Path(model.source).is_file() if model.source else bool(model_cache.find(model))


def folder() -> Path:
    """The user's own models."""
    return folders.data() / "models"


def own() -> tuple[dict[str, Model], tuple[str, ...]]:
    """The user's own models and the shared ones by name, and a line for each that is damaged.

    The first folder that has a name has it.
    """
    models: dict[str, Model] = {}
    lines: list[str] = []
    for place in (folder(), *folders.shared_models()):
        for name in sorted(_names_in(place) - models.keys()):
            try:
                models[name] = _read(place, name)
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
    if name in _names_in(folder()):
        if not overwrite:
            raise UsageError(f"{name}: there already: --overwrite replaces it, --name renames")
    elif name in taken:
        raise UsageError(f"{name}: a plugin's model has this name: choose another with --name")


def keep(model: Model, origin: Mapping[str, str]) -> None:
    """List the user's own `model`, whose file is in place, from now on. Raises OutputError."""
    said = {key: value for key, value in dataclasses.asdict(model).items() if key in SAID}
    atomic.write_text(_note_of(model.name), json.dumps({**said, **origin}, indent=1) + "\n")


def remove(name: str, catalogue: Mapping[str, Model]) -> Path:
    """Delete the user's own or a downloaded model, a damaged one too; returns where its file was.

    Raises UsageError for a plugin's or a shared one, ModelError where there is none.
    """
    if name not in _names_in(folder()):
        if name in catalogue:
            return _remove_listed(catalogue[name])
        locate(name, catalogue)
        raise UsageError(f"{name}: a file, not an imported model: nothing was removed")
    try:
        _note_of(name).unlink(missing_ok=True)  # without it, the rest is no model any more
        own_file(name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{name}: cannot be removed: {error.strerror}") from error
    return own_file(name)


def _remove_listed(model: Model) -> Path:
    if model.is_fetched:
        return model_cache.remove(model)
    if any(Path(model.source).is_relative_to(place) for place in folders.shared_models()):
        raise UsageError(f"{model.name}: lies in {model.source}, which is only read")
    raise UsageError(f"{model.name}: comes with a plugin; only imported models can be removed")


def _names_in(place: Path) -> set[str]:
    """Of all models in a folder, damaged ones too; in a shared one those with a note."""
    suffixes = SUFFIXES if place == folder() else (NOTE,)
    files = place.glob("*/*")
    found = {f"{file.parent.name}/{file.stem}" for file in files if file.suffix in suffixes}
    return {name for name in found if NAME.fullmatch(name)}


def _read(place: Path, name: str) -> Model:
    """What the note beside the file says. Raises ModelError."""
    file = place / f"{name}.onnx"
    try:
        with open(_note_of(name, place), "rb", opener=_at_once) as written:
            note = json.loads(written.read(LONGEST))
        said = {key: note[key] for key in SAID}
        whole = file.is_file() and all(isinstance(value, str) for value in said.values())
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        raise ModelError(
            f"model {name} is off: {file} or the .json beside it is missing or damaged: "
            f"import it again with --overwrite, or gantool models rm {name}"
        )
    return Model(name, name.partition("/")[0], str(file), **said)


def _at_once(file: str, flags: int) -> int:
    """Opens a pipe, too, without waiting for what comes through it."""
    return os.open(file, flags | getattr(os, "O_NONBLOCK", 0))


def _note_of(name: str, place: Path | None = None) -> Path:
    return (place or folder()) / f"{name}{NOTE}"


def _present(model: Model) -> Path:
    if model.is_fetched:
        if found := model_cache.find(model):
            return found
        raise ModelError(f"{model.name} is not here yet: gantool models pull {model.name}")
    if not model.source:
        raise ModelError(f"{model.name} is not installed: {model.note}")
    if not Path(model.source).is_file():
        raise ModelError(
            f"{model.name}: its file {model.source} is missing: install the plugin again"
        )
    return Path(model.source)

"""Files of models: from a name of the catalogue, or a path, to a file on this machine."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from gantool.errors import ModelError
from gantool.pipeline import Model


def locate(model: str, catalogue: Mapping[str, Model]) -> Path:
    """The file of `model`, a name from the catalogue or a path. Raises ModelError."""
    if model in catalogue:
        return _present(model, Path(catalogue[model].source))
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix or path.is_dir():
        kind = "a folder, not a model file" if path.is_dir() else "no such model file"
        raise ModelError(f"{model}: {kind}: give an .onnx file, or a name from gantool models list")
    near = difflib.get_close_matches(model, catalogue, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ModelError(f'no model "{model}".{hint} See gantool models list')


def _present(name: str, path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"{name}: its file {path} is missing: install the plugin again")
    return path

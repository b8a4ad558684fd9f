"""The user's own models: made of weights that other tools have trained, kept, removed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

from gantool import store
from gantool.api.installed import needing_torch, registry
from gantool.api.probes import probes
from gantool.errors import GantoolError, ModelError, PluginError, UsageError
from gantool.pipeline import Model

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.training.system import Export

    Importer = Callable[[dict[str, Tensor]], tuple[nn.Module, Export]]

UNKNOWN = "unknown"
NAMELESS = re.compile(r"(?:latest|\d+)_net_G(?:_A|(?P<back>_B))?")
"""Names that every training gives to its files, those of a cyclegan by direction."""


@dataclass(frozen=True)
class Import:
    """Weights that have been read and recognised; nothing is written yet."""

    file: Path
    name: str
    """`task/name` of the model to be."""
    licence: str
    network: nn.Module
    wanted: Export

    @property
    def kind(self) -> str:
        """What the importer recognised: `reference-resnet-9 channels=64`."""
        recipe = self.wanted.contract.recipe
        options = (f"{key}={value}" for key, value in recipe.get("options", {}).items())
        return " ".join([recipe.get("name", "network"), *options])


def prepare_import(
    file: Path, *, task: str, name: str = "", licence: str = "", overwrite: bool = False
) -> Import:
    """Read the checkpoint `file`; without a `name` the model is called after its file or folder.

    Raises UsageError, ModelError for weights that the task's importer does not know, PluginError
    without PyTorch.
    """
    entry = _importer(task)
    name = f"{task}/{name or _name_of(file)}"
    store.refuse_name(name, registry().models, overwrite=overwrite)
    with needing_torch("importing", f"importer {task}"):
        from gantool.training import foreign

        network, wanted = _read(entry, file, foreign.weights(file, entry.value))
    return Import(file, name, licence or UNKNOWN, network, wanted)


def finish_import(ready: Import) -> Model:
    """Write the model file; from now on it is in the catalogue.

    Raises ModelError, leaving no file, where onnxruntime does not give what PyTorch gives.
    """
    with needing_torch("importing", "the exporter"):
        from gantool.export import export
        from gantool.runtime.session import sha256

        task, _, name = ready.name.partition("/")
        path = store.own_file(ready.name)
        facts = {"name": name, "licence": ready.licence}
        export(ready.network, ready.wanted, path, facts=facts, pictures=probes())
    note = f"imported from {ready.file.name}"
    model = Model(ready.name, task, str(path), sha256(path), ready.licence, note)
    store.keep(model, {"source": ready.file.name, "source_sha256": sha256(ready.file)})
    return model


def import_model(
    file: Path, *, task: str, name: str = "", licence: str = "", overwrite: bool = False
) -> Model:
    """Both in one: a model, `task/name`, of the checkpoint `file`."""
    ready = prepare_import(file, task=task, name=name, licence=licence, overwrite=overwrite)
    return finish_import(ready)


def remove_model(name: str) -> Path:
    """Delete an imported model; returns where its file was. Raises UsageError, ModelError."""
    return store.remove(name, registry().models)


def _importer(task: str) -> EntryPoint:
    importers = registry().importers
    if task not in importers:
        near = difflib.get_close_matches(task, importers, n=1)
        there = ", ".join(importers) or "none"
        hint = f"did you mean {near[0]}?" if near else f"there are importers for {there}"
        raise UsageError(f"--task {task}: no importer: {hint}")
    return importers[task]


def _name_of(file: Path) -> str:
    """After the file, or its folder where the file is called as all are."""
    nameless = NAMELESS.fullmatch(file.stem)
    text = file.absolute().parent.name if nameless else file.stem
    name = re.sub(r"[^a-z0-9_.-]+", "-", text.lower().removesuffix("_pretrained")).strip("-_.")
    if not name:
        raise UsageError(f"{file}: gives the model no name: add --name")
    return f"{name}-back" if nameless and nameless["back"] else name


def _read(entry: EntryPoint, file: Path, weights: dict[str, Tensor]) -> tuple[nn.Module, Export]:
    """What the importer makes of `weights`. Raises ModelError, naming the file, or PluginError."""
    try:
        importer: Importer = entry.load()
        network, wanted = importer(weights)
    except PluginError as error:  # it misses something
        raise PluginError(f"{file}: {error}") from error
    except GantoolError as error:
        raise ModelError(f"{file}: {error}") from error
    except ImportError:
        raise
    except Exception as error:  # a stranger's function
        raise PluginError(f"importer {entry.name}: {type(error).__name__}: {error}") from error
    if not all(bool(each.isfinite().all()) for each in network.parameters()):
        raise ModelError(f"{file}: its weights are not finite: their training went wrong")
    return network, wanted

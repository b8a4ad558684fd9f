"""The user's own models: made of weights that other tools have trained, kept, removed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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

    from gantool.runtime.contract import Contract
    from gantool.training.system import Export

    Importer = Callable[[dict[str, Tensor]], tuple[nn.Module, Export]]

UNKNOWN = "unknown"
LAYOUTS = ("nchw", "nhwc")
RANGES = ("0..1", "0..255", "-1..1")
NAMELESS = re.compile(r"(?:latest|\d+)_net_G(?:_A|(?P<back>_B))?")
"""Names that every training gives to its files, those of a cyclegan by direction."""


@dataclass(frozen=True)
class Import:
    """A file that has been read and recognised; nothing is written yet."""

    file: Path
    name: str
    """`task/name` of the model to be."""
    licence: str
    kind: str
    """What was recognised: `reference-resnet-9 channels=64`."""
    write: Callable[[Path, str, str], Contract]
    """Makes the model file at a path, with a name and a licence."""


def prepare_import(
    file: Path,
    *,
    task: str,
    name: str = "",
    licence: str = "",
    overwrite: bool = False,
    layout: str = "",
    taken: str = "",
) -> Import:
    """Read the checkpoint, or ONNX file, `file`; without a `name` it is called after its file.

    `layout` and the range `taken` are those of an ONNX file, where they cannot be told from it.
    Raises UsageError, ModelError for what is not known as the task's, PluginError without PyTorch.
    """
    graph = file.suffix.lower() == ".onnx"
    _check_told(layout, taken, graph=graph)
    entry = None if graph else _importer(task)
    _check_task(task)
    name = f"{task}/{name or _name_of(file)}"
    store.refuse_name(name, registry().models, overwrite=overwrite)
    if entry is None:
        from gantool.api.adopting import recognise

        seen = recognise(file, task, layout, taken)
        return Import(file, name, licence or seen.licence or UNKNOWN, seen.kind, seen.write)
    with needing_torch("importing", f"importer {task}"):
        from gantool.training import foreign

        network, wanted = _read(entry, file, foreign.weights(file, entry.value))
    return Import(file, name, licence or UNKNOWN, _kind(wanted), partial(_export, network, wanted))


def finish_import(ready: Import) -> Model:
    """Write the model file; from now on it is in the catalogue.

    Raises ModelError, leaving no file, where onnxruntime does not give what the original gives.
    """
    from gantool.runtime.session import sha256

    task, _, name = ready.name.partition("/")
    path = store.own_file(ready.name)
    ready.write(path, name, ready.licence)
    note = f"imported from {ready.file.name}"
    model = Model(ready.name, task, str(path), sha256(path), ready.licence, note)
    store.keep(model, {"source": ready.file.name, "source_sha256": sha256(ready.file)})
    return model


def import_model(
    file: Path, *, task: str, name: str = "", licence: str = "", overwrite: bool = False
) -> Model:
    """Both in one: a model, `task/name`, of the checkpoint or ONNX file `file`."""
    ready = prepare_import(file, task=task, name=name, licence=licence, overwrite=overwrite)
    return finish_import(ready)


def remove_model(name: str) -> Path:
    """Delete an imported model; returns where its file was. Raises UsageError, ModelError."""
    return store.remove(name, registry().models)


def _check_told(layout: str, taken: str, *, graph: bool) -> None:
    for option, value, known in (("--layout", layout, LAYOUTS), ("--range", taken, RANGES)):
        if value and not graph:
            raise UsageError(f"{option} {value}: of ONNX files alone: leave it out")
        if value and value not in known:
            raise UsageError(f"{option} {value}: there are {', '.join(known)}")


def _check_task(task: str) -> None:
    """A checkpoint's is the importer's, whose task may be missing."""
    tasks = registry().tasks.keys() | registry().importers.keys()
    if task not in tasks:
        near = difflib.get_close_matches(task, tasks, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(tasks))}"
        raise UsageError(f"--task {task}: no such task: {hint}")


def _kind(wanted: Export) -> str:
    recipe = wanted.contract.recipe
    options = (f"{key}={value}" for key, value in recipe.get("options", {}).items())
    return " ".join([recipe.get("name", "network"), *options])


def _export(network: nn.Module, wanted: Export, path: Path, name: str, licence: str) -> Contract:
    with needing_torch("importing", "the exporter"):
        from gantool.export import export

        facts = {"name": name, "licence": licence}
        return export(network, wanted, path, facts=facts, pictures=probes())


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

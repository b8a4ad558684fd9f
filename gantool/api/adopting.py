"""ONNX files, recognised and written as models of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gantool import atomic
from gantool.api.probes import probes
from gantool.errors import ModelError, UsageError
from gantool.runtime import adopting, finding, pixel_io, scan, trial
from gantool.runtime.adopting import Adopted
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.session import sha256


@dataclass(frozen=True)
class Recognised:
    """An ONNX file, and how it is written as a model."""

    kind: str
    licence: str
    """What the file says of it; may be empty."""
    write: Callable[[Path, str, str], Contract]
    """To a path, with a name and a licence."""


def recognise(file: Path, task: str, layout: str, taken: str) -> Recognised:
    """What the file is. Raises ModelError, naming it; UsageError for ours of another task."""
    if any(each.key == KEY for each in scan.load(file, oldest=finding.OLDEST).metadata_props):
        return _ours(file, task)
    adopted = adopting.adopt(file, probes(), layout, taken)

    def write(path: Path, name: str, licence: str) -> Contract:
        recipe = {"name": "onnx", "options": {"file": file.name}}
        contract = Contract(task, name, licence=licence, recipe=recipe)
        try:
            content, contract = adopting.made(adopted, contract)
        except ModelError as error:
            raise ModelError(f"{file}: not imported: {error}") from error
        return _written(path, content, contract)

    return Recognised(_words(adopted), "", write)


def _ours(file: Path, task: str) -> Recognised:
    """One that has its contract; it keeps that."""
    trial.check(file, sha256(file))
    model, said = pixel_io.read_model(file)
    if said.task != task:
        raise UsageError(f"{file}: a model of gantool for {said.task}: add --task {said.task}")

    def write(path: Path, name: str, licence: str) -> Contract:
        contract = replace(said, name=name, licence=licence)
        return _written(path, adopting.content(model, contract), contract)

    return Recognised(f"a model of gantool, {said.name or said.task}", said.licence, write)


def _written(path: Path, content: bytes, contract: Contract) -> Contract:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, content)
    return contract


def _words(adopted: Adopted) -> str:
    found = adopted.found
    low, high = found.taken
    sizes = "any size"
    if any(found.window):
        sizes = f"{found.window[1]}×{found.window[0]} alone"
    elif found.multiple > 1:
        sizes = f"sides in steps of {found.multiple}"
    return f"ONNX, {found.layout}, {low:g}..{high:g}, enlarges {found.scale} times, {sizes}"

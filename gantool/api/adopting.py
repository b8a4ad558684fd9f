"""ONNX files from elsewhere: recognised by pictures, written as ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gantool import atomic
from gantool.api.probes import probes
from gantool.errors import ModelError
from gantool.runtime import adopting
from gantool.runtime.adopting import Adopted
from gantool.runtime.contract import Contract


def prepare(
    file: Path, task: str, layout: str, taken: str
) -> tuple[str, Callable[[Path, str, str], Contract]]:
    """What the file is, in words, and what writes it. Raises ModelError, naming the file."""
    adopted = adopting.adopt(file, probes(), layout, taken)

    def write(path: Path, name: str, licence: str) -> Contract:
        recipe = {"name": "onnx", "options": {"file": file.name}}
        contract = Contract(task, name, licence=licence, recipe=recipe)
        try:
            content, contract = adopting.made(adopted, contract)
        except ModelError as error:
            raise ModelError(f"{file}: not imported: {error}") from error
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, content)
        return contract

    return _words(adopted), write


def _words(adopted: Adopted) -> str:
    found = adopted.found
    low, high = found.taken
    sizes = "any size"
    if any(found.window):
        sizes = f"{found.window[1]}×{found.window[0]} alone"
    elif found.multiple > 1:
        sizes = f"sides in steps of {found.multiple}"
    return f"ONNX, {found.layout}, {low:g}..{high:g}, enlarges {found.scale} times, {sizes}"

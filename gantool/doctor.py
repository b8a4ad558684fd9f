"""What this machine can do, found out by doing it."""

import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version

from gantool import __version__, store
from gantool.errors import GantoolError
from gantool.pipeline import Model
from gantool.runtime import missing, providers
from gantool.runtime.session import Session

NEEDED = (*("typer", "rich", "pluggy", "numpy", "pillow", "opencv-python-headless", "onnx", "av"),)
SIDE = 256
"""Of the tile that is tried, pixels."""
TRAINING = ("torch", "onnxscript", "safetensors")


@dataclass(frozen=True)
class Finding:
    """One line of the report; `good` is None for what is neither good nor bad."""

    name: str
    text: str
    good: bool | None = None
    fix: str = ""
    needed: bool = False


def examine(catalogue: Mapping[str, Model], device: str) -> Iterator[Finding]:
    """Findings in the order in which things depend on each other; `device` is the one that counts.

    `auto` is the device that a run would take.
    """
    system = f"{platform.system()} {platform.machine()}, {providers.cores()} cores"
    yield Finding("gantool", f"{__version__} on Python {platform.python_version()}, {system}")
    yield from (_package(name) for name in NEEDED)
    yield _wheels()
    yield _training()
    if found := missing.gpus():
        yield Finding("GPU", ", ".join(found), good=True)
    usable = (name for name, each in catalogue.items() if each.source and not each.terms)
    model = min(usable, default="")
    for name in dict.fromkeys([*providers.TABLE, device]):
        if name != "auto":
            yield _tile(name, model, catalogue, asked=name == device)
    if device == "auto":
        yield _tile("auto", model, catalogue, asked=True)


def _package(name: str) -> Finding:
    found = _version(name)
    if found:
        return Finding(name, found, good=True)
    fix = f"{sys.executable} -m pip install {name}"
    return Finding(name, "not installed", good=False, fix=fix, needed=True)


def _wheels() -> Finding:
    """Two onnxruntime wheels overwrite each other's files."""
    found = sorted(
        f"{each.metadata['Name']} {each.version}"
        for each in distributions()
        if each.metadata["Name"] in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
    )
    if len(found) == 1:
        return Finding("onnxruntime", found[0], good=True)
    fix = "pip uninstall all of them, then install gantool again: one overwrites the other"
    return Finding("onnxruntime", ", ".join(found) or "none", good=False, fix=fix, needed=True)


def _training() -> Finding:
    missing = [name for name in TRAINING if not _version(name)]
    if not missing:
        return Finding("training", f"torch {_version('torch')}", good=True)
    return Finding(
        "training", f"{', '.join(missing)} not installed", fix='pip install "gantool[train]"'
    )


def _tile(name: str, model: str, catalogue: Mapping[str, Model], *, asked: bool) -> Finding:
    """The proof: a real session, one real tile."""
    import numpy as np

    frame = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    try:
        session = Session(store.locate(model, catalogue), providers.choose(name))
        session(frame)
        began = time.perf_counter()
        session(frame)
    except GantoolError as error:
        text = str(error).removeprefix(f"--device {name}: ")
        return Finding(name, text, good=False if asked else None, needed=asked)
    milliseconds = (time.perf_counter() - began) * 1000
    text = f"{milliseconds:.0f} ms for {SIDE}×{SIDE} with {model} on {session.device}"
    return Finding(name, text, good=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

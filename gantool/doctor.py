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
from gantool.runtime import providers
from gantool.runtime.session import Session

NEEDED = ("typer", "rich", "pluggy", "numpy", "pillow", "opencv-python-headless", "onnx")
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
    """Findings in the order in which things depend on each other."""
    system = f"{platform.system()} {platform.machine()}, {providers.cores()} cores"
    yield Finding("gantool", f"{__version__} on Python {platform.python_version()}, {system}")
    yield from (_package(name) for name in NEEDED)
    yield _wheels()
    yield _cuda()
    yield _training()
    yield _tile(catalogue, device)


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


def _cuda() -> Finding:
    problem = providers.cuda_missing()
    if problem:
        return Finding("cuda", problem)
    return Finding("cuda", "driver, onnxruntime and cuDNN are there", good=True)


def _training() -> Finding:
    missing = [name for name in TRAINING if not _version(name)]
    if not missing:
        return Finding("training", f"torch {_version('torch')}", good=True)
    return Finding(
        "training", f"{', '.join(missing)} not installed", fix='pip install "gantool[train]"'
    )


def _tile(catalogue: Mapping[str, Model], device: str) -> Finding:
    """The proof: a real session, one real tile."""
    import numpy as np

    usable = (name for name, model in catalogue.items() if model.source and not model.terms)
    name = min(usable, default="")
    try:
        chosen = providers.choose(device)
        session = Session(store.locate(name, catalogue), chosen)
        frame = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
        session(frame)
        began = time.perf_counter()
        session(frame)
    except GantoolError as error:
        return Finding("tile", str(error), good=False, needed=True)
    milliseconds = (time.perf_counter() - began) * 1000
    text = f"{name}, 256×256: {milliseconds:.0f} ms on {chosen}"
    return Finding("tile", text, good=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

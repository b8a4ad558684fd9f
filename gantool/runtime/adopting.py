"""A stranger's ONNX file as one of ours: what it takes and gives is found out by trying.

That happens in a process of its own, as with every model that is new: what crashes onnxruntime,
takes all memory or never ends does so there. It leaves a graph with our ends, and what it found.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from gantool.errors import GantoolError, ModelError
from gantool.pipeline import Frame
from gantool.runtime import finding, foreign_graph, halo, opening, scan, trial
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.finding import Found
from gantool.runtime.session import Session

SECONDS = 600
"""Of processor time, and of the clock."""
PARITY = 1.0
"""Most that our file may differ from theirs, in levels of 255."""
GRAPH, FACTS, PICTURES, RESULTS = "graph.onnx", "facts.json", "pictures.npz", "results.npz"


@dataclass(frozen=True)
class Adopted:
    """What was found out about a file, and what it makes of pictures."""

    found: Found
    graph: bytes
    pictures: tuple[Frame, ...]
    results: tuple[halo.Levels, ...]
    """H×W×3 float32 in [0, 255]: of its own graph, for each of the pictures."""


def adopt(path: Path, pictures: Sequence[Frame], layout: str = "", taken: str = "") -> Adopted:
    """The file at `path`, recognised by `pictures`; `layout` and the range `taken` may be told.

    Raises ModelError, naming the file, where it is refused or takes what cannot be told.
    """
    scan.check_file(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / PICTURES, *pictures)
        said = _apart(path, folder, layout, taken)
        if said:
            raise ModelError(f"{path}: {said}")
        found = Found(**json.loads((folder / FACTS).read_text()))
        with np.load(folder / RESULTS) as results:
            each = tuple(results[key] for key in results.files)
        return Adopted(found, (folder / GRAPH).read_bytes(), tuple(pictures), each)


def _apart(path: Path, folder: Path, layout: str, taken: str) -> str:
    """`examine` in a process of its own: what it refuses, or nothing."""
    given = [str(path.absolute()), str(folder), layout, taken]
    command = [sys.executable, "-P", "-m", __name__, *given]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"refused: trying it takes more than {SECONDS} s"
    if done.returncode:
        return f"refused: it crashes onnxruntime, or needs more than {trial.MEMORY >> 30} GB"
    return done.stdout.decode("utf-8", "replace").strip()


def examine(path: Path, folder: Path, layout: str, taken: str) -> str:
    """Leaves in `folder` the graph and what was found; returns one line where it is refused."""
    try:
        theirs = foreign_graph.plain(scan.load(path, oldest=finding.OLDEST))
        with np.load(folder / PICTURES) as stored:
            pictures = [stored[key] for key in stored.files]
        found, ours = finding.find(theirs, pictures, layout, taken)
        results = finding.results(path, found, pictures)
    except MemoryError:
        return f"refused: it needs more than {trial.MEMORY >> 30} GB"
    except GantoolError as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # rewriting any graph raises anything
        return f"cannot be rewritten: {opening.reason(error)}"
    (folder / GRAPH).write_bytes(ours.SerializeToString())
    (folder / FACTS).write_text(json.dumps(asdict(found)))
    np.savez(folder / RESULTS, *results)
    return ""


def made(adopted: Adopted, contract: Contract) -> tuple[bytes, Contract]:
    """The model file and its contract, with the halo measured.

    `contract` has what the file does not tell: task, name, licence. Raises ModelError where ours
    does not give what theirs gives, or where it can neither be cut nor run whole.
    """
    found = adopted.found
    model = onnx.load_model_from_string(adopted.graph)
    contract = replace(contract, value_range=(found.taken[0], found.taken[1]), **found.lengths())
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        draft.write_bytes(content(model, contract))
        contract = halo.measure(draft, contract, adopted.pictures).within(contract)
        if any(contract.window) and contract.statistics == "global":
            height, width = contract.window
            raise ModelError(
                f"takes {width}×{height} alone and looks at all of it: export it for any size"
            )
        draft.write_bytes(content(model, contract))
        difference = _difference(draft, contract, adopted)
    if not difference <= PARITY:
        raise ModelError(f"ours differs from it by {difference:.2f} levels")
    contract = replace(contract, parity=round(difference, 5))
    return content(model, contract), contract


def _difference(path: Path, contract: Contract, adopted: Adopted) -> float:
    session = Session(path, tile=None)
    worst = 0.0
    for picture, wanted in zip(adopted.pictures, adopted.results, strict=True):
        frame = finding.part(picture, adopted.found)
        given = session.run(frame[None])[0]
        rough = float(np.abs(np.round(wanted) - given).max())
        if not rough <= PARITY:
            return rough
        floats = halo.run_float(path, halo.as_batch(frame, contract))
        worst = max(worst, float(np.abs(halo.levels(floats, contract)[0] - wanted).max()))
    return worst


def content(model: onnx.ModelProto, contract: Contract) -> bytes:
    """Of a model file."""
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=contract.to_json())
    return model.SerializeToString()


if __name__ == "__main__":
    trial.limit(Path(sys.argv[1]), SECONDS)
    print(examine(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))

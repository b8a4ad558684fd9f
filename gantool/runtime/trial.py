"""A stranger's model, tried on a small picture in a process of its own before it is used.

What crashes onnxruntime, takes all memory or never ends does so there. What passes
is kept beside the graphs, so that a good model is tried once on a machine.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from gantool import atomic, folders
from gantool.errors import GantoolError, ItemError, ModelError, OutputError
from gantool.runtime.opened import BlackError
from gantool.runtime.pixel_io import VERSION
from gantool.runtime.session import Session

SECONDS = 12
"""Of processor time."""
CLOCK = 120
"""Seconds that the trial may take where others are at work, too."""
MEMORY = 4 * 2**30
"""Bytes, besides eight times what the file has."""
SIDES = (64, 96)
"""Height and width of the picture."""
FINE = "fine"


def check(path: Path, digest: str) -> None:
    """Raises ModelError for a model that cannot be trusted with a picture; `digest`: its sha256."""
    kept = folders.cache("graphs") / f"{digest[:32]}-{VERSION}.tried"
    verdict = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        verdict = kept.read_text()
    if verdict == FINE:
        return
    verdict = _verdict(path, digest)
    if verdict == FINE:
        with contextlib.suppress(OSError, OutputError):  # without a cache it is tried every time
            kept.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(kept, verdict)
    elif verdict:  # that is not kept: it may have been an accident
        raise ModelError(f"{path}: refused: {verdict.removeprefix('refused: ')}")


def _verdict(path: Path, digest: str) -> str:
    """What is wrong, FINE, or nothing where a trial cannot be held here."""
    command = [sys.executable, "-P", "-m", "gantool.runtime.trial", os.path.abspath(path), digest]
    size = f"{SIDES[1]}×{SIDES[0]}"
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=CLOCK)
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        return f"it did not finish a picture of {size} in {CLOCK} s"
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        return f"it did not finish a picture of {size} in {SECONDS} s"
    if done.returncode < 0:
        return f"it crashes onnxruntime on a picture of {size}"
    said = done.stdout.decode("utf-8", "replace").splitlines()
    if said and done.returncode:
        return f"it ends its process on a picture of {size}"
    return said[-1] if said else ""


def main(path: Path, digest: str) -> str:
    """The verdict, found in this process under limits: FINE, one line, or nothing."""
    limit(path, SECONDS)
    try:
        _try(path, digest)
    except MemoryError:
        return _too_large()
    except BlackError:  # noise may well be nothing to it
        return FINE
    except (ModelError, ItemError) as error:
        text = " ".join(str(error).removeprefix(f"{path}: ").split())
        return _too_large() if "more memory" in text else text
    except GantoolError:  # of this machine
        return ""
    except Exception as error:
        return f"it makes gantool fail: {type(error).__name__}"
    return FINE


def _try(path: Path, digest: str) -> None:
    """One picture, of noise, with zeros for what it wants to be told beside it."""
    frame = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), np.uint8)
    session = Session(path)
    if session.sha256 != digest:
        raise ModelError("it changed while it was tried: try again")
    session(frame, **session.neutral())


def _too_large() -> str:
    return f"it needs more than {MEMORY >> 30} GB for a picture of {SIDES[1]}×{SIDES[0]}"


def limit(path: Path, seconds: int) -> None:
    """This process, for good, to so much processor time and the memory for the model at `path`."""
    with contextlib.suppress(ImportError):  # Windows: the clock alone
        import resource

        size = MEMORY + 8 * math.ceil(path.stat().st_size)
        for kind, soft, hard in (
            (resource.RLIMIT_AS, size, size),
            (resource.RLIMIT_CPU, seconds, seconds + 5),
            (resource.RLIMIT_CORE, 0, 0),
        ):
            most = resource.getrlimit(kind)[1]
            if most != resource.RLIM_INFINITY:  # who set it meant it
                soft, hard = min(soft, most), min(hard, most)
            resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    print("begun", flush=True)
    print(main(Path(sys.argv[1]), sys.argv[2]))

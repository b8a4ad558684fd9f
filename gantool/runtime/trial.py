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

from gantool import atomic, folders
from gantool.errors import GantoolError, ModelError, OutputError
from gantool.runtime.pixel_io import VERSION

SECONDS = 60
"""Of processor time, and twice as many of the clock."""
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
    verdict = _verdict(path)
    if verdict == FINE:
        with contextlib.suppress(OSError, OutputError):  # without a cache it is tried every time
            kept.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(kept, verdict)
    elif verdict:  # that is not kept: it may have been an accident
        raise ModelError(f"{path}: refused: {verdict}")


def _verdict(path: Path) -> str:
    """What is wrong, FINE, or nothing where a trial cannot be held here."""
    command = [sys.executable, "-P", "-m", "gantool.runtime.trial", os.path.abspath(path)]
    size = f"{SIDES[1]}×{SIDES[0]}"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * SECONDS
        )
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        return f"it did not finish a picture of {size} in {2 * SECONDS} s"
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        return f"it did not finish a picture of {size} in {SECONDS} s"
    if done.returncode < 0:
        return f"it crashes onnxruntime on a picture of {size}"
    said = done.stdout.decode("utf-8", "replace").splitlines()
    return said[-1] if said and not done.returncode else ""


def main(path: Path) -> str:
    """The verdict, found in this process under limits."""
    limit(path, SECONDS)
    import numpy as np

    from gantool.runtime.session import Session
    from gantool.runtime.sizes import WrongSizeError

    frame = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), np.uint8)
    try:
        Session(path)(frame)
    except MemoryError:
        return _too_large()
    except WrongSizeError as error:
        return str(error)
    except GantoolError as error:  # refusals have words of their own, where it is used
        return _too_large() if "more memory" in str(error) else FINE
    return FINE


def _too_large() -> str:
    return f"it needs more than {MEMORY >> 30} GB for a picture of {SIDES[1]}×{SIDES[0]}"


def limit(path: Path, seconds: int) -> None:
    """This process, for good, to so much processor time and the memory for the model at `path`."""
    with contextlib.suppress(ImportError):  # Windows: the clock alone
        import resource

        size = MEMORY + 8 * math.ceil(path.stat().st_size)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))

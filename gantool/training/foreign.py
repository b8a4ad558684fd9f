"""Weights from strangers' files, read without running anything that is in them.

A checkpoint of PyTorch is a pickle. A process of its own reads it, with `weights_only` and limits
of time and memory, and passes the tensors on as safetensors, which can only hold tensors. There
the importer is tried, too: a few names and shapes may ask for a network of any size.
"""

import contextlib
import pickle
import pkgutil
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gantool.errors import ModelError

SECONDS = 60.0
"""Of the clock; a disk may be slow."""
BUSY = 15
"""Seconds of processor time."""
MEMORY = 3 * 2**30
"""Most that the reading process may allocate, bytes."""
KINDS = (".pth", ".pt", ".ckpt", ".safetensors")
WRAPPINGS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "netG", "generator")
"""Under which of its keys a training checkpoint has the network, the likeliest first."""
PREFIXES = {"module", "_orig_mod"}
"""What DataParallel and torch.compile put before the name of every weight."""
FILE, REFUSED = "weights.safetensors", "refused"


def weights(path: Path, importer: str = "") -> dict[str, Tensor]:
    """Those of the one network in a `.pth` or `.safetensors` file, by name; floats as float32.

    `importer`, `module:function`, will be given them. Raises ModelError, naming the file, where
    there is no network, or more than weights, or one too large to be made here.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file: give a checkpoint, {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory() as folder:
        safe = path.suffix == ".safetensors" and not importer
        try:
            tensors = _tensors_of(path if safe else _apart(path, Path(folder), importer))
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in _bare(tensors).items()
    }


def _apart(path: Path, folder: Path, importer: str) -> Path:
    """`convert` in a process of its own. Raises ModelError, without the file's name."""
    command = [sys.executable, "-P", "-m", __name__, importer, str(path.absolute()), str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"refused: reading it takes more than {SECONDS:g} s") from error
    if (folder / REFUSED).is_file():
        raise ModelError((folder / REFUSED).read_text())
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        raise ModelError(f"refused: reading it takes more than {BUSY} s")
    if done.returncode:
        raise ModelError(f"refused: reading it ends with code {done.returncode}")
    return folder / FILE


def convert(path: Path, folder: Path, importer: str = "") -> None:
    """Leaves in `folder` the weights in the checkpoint at `path`, or one line that refuses it."""
    try:
        safe = path.suffix == ".safetensors"
        tensors = _tensors_of(path) if safe else network_in(_loaded(path))
        flat = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
        save_file(flat, folder / FILE)
        if importer:
            _try(importer, flat)
    except ModelError as error:
        (folder / REFUSED).write_text(str(error))
    except (RuntimeError, ValueError, MemoryError) as error:
        (folder / REFUSED).write_text(f"its weights cannot be read: {_reason(error)}")


def _try(importer: str, tensors: Mapping[str, Tensor]) -> None:
    """Raises ModelError where what it makes of them is too large; the rest shows when it is used.

    This process has the limits.
    """
    try:
        pkgutil.resolve_name(importer)(_bare(tensors))
    except Exception as error:  # a stranger's function
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            most = f"{MEMORY >> 30} GiB"
            raise ModelError(f"refused: its network needs more than {most}") from error


def limit() -> None:
    """This process, for good; Windows has no such limits.

    Not its addresses: the libraries of CUDA alone take more.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (BUSY, BUSY + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _tensors_of(path: Path) -> dict[str, Tensor]:
    """All in a file of safetensors. Raises ModelError."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError("not a safetensors file, or a damaged one") from error


def _loaded(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if asked := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise ModelError(
                f"refused, nothing of it was run: it asks for {asked[1]}, which is no weights: "
                "save the network's state_dict alone"
            ) from error
        raise ModelError("not a checkpoint of PyTorch, or a damaged one") from error
    except Exception as error:  # damaged bytes make the unpickler raise anything
        if "TorchScript" in str(error):
            raise ModelError("a TorchScript program: give the checkpoint it was made of") from error
        raise ModelError(
            f"not a checkpoint of PyTorch, or a damaged one: {_reason(error)}"
        ) from error


def network_in(thing: object) -> dict[str, Tensor]:
    """The state dict that a checkpoint is or wraps. Raises ModelError unless there is one."""
    if not isinstance(thing, Mapping):
        raise ModelError(f"holds a {type(thing).__name__}, not weights by name")
    if tensors := _tensors(thing):
        return tensors
    inside = {str(key): value for key, value in thing.items() if _holds_weights(value)}
    known = [key for key in WRAPPINGS if key in inside]
    if not known and len(inside) != 1:
        found = ", ".join(inside) or "none"
        raise ModelError(f"several networks or none in it ({found}): save the generator alone")
    return network_in(inside[(known or list(inside))[0]])


def _tensors(thing: Mapping[object, object]) -> dict[str, Tensor]:
    named = ((key, value) for key, value in thing.items() if isinstance(key, str))
    return {key: value for key, value in named if isinstance(value, Tensor)}


def _holds_weights(thing: object) -> bool:
    if not isinstance(thing, Mapping):
        return False
    return bool(_tensors(thing)) or any(key in WRAPPINGS for key in thing)


def _bare(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without what wraps the network, which stands before every name."""
    bare = dict(tensors)
    while bare and all(name.partition(".")[0] in PREFIXES for name in bare):
        bare = {name.partition(".")[2]: tensor for name, tensor in bare.items()}
    return bare


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


if __name__ == "__main__":
    limit()
    convert(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[1])

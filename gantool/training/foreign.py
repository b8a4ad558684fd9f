"""Weights from strangers' files, read without running anything that is in them.

A checkpoint of PyTorch is a pickle. A process of its own reads it, with `weights_only` and limits
of time and memory, and passes the tensors on as safetensors, which can only hold tensors.
"""

import contextlib
import pickle
import re
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

SECONDS = 300.0
MEMORY = 8 * 2**30
"""Most that the reading process may allocate, bytes."""
WRAPPINGS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "netG", "generator")
"""Under which of its keys a training checkpoint has the network, the likeliest first."""
PREFIXES = {"module", "_orig_mod"}
"""What DataParallel and torch.compile put before the name of every weight."""
FILE, REFUSED = "weights.safetensors", "refused"


def weights(path: Path) -> dict[str, Tensor]:
    """Those of the one network in a `.pth` or `.safetensors` file, by name; floats as float32.

    Raises ModelError, naming the file, where there is none, or more than weights.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file: give a checkpoint, .pth or .safetensors")
    with tempfile.TemporaryDirectory() as folder:
        safe = path if path.suffix == ".safetensors" else _apart(path, Path(folder))
        try:
            tensors = load_file(safe)
        except (SafetensorError, OSError, MemoryError) as error:
            raise ModelError(f"{path}: not a safetensors file, or a damaged one") from error
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in _bare(tensors).items()
    }


def _apart(path: Path, folder: Path) -> Path:
    """`convert` in a process of its own."""
    command = [sys.executable, "-P", "-m", __name__, str(path.absolute()), str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path}: refused: reading it takes more than {SECONDS:g} s") from error
    if (folder / REFUSED).is_file():
        raise ModelError(f"{path}: {(folder / REFUSED).read_text()}")
    if done.returncode:
        raise ModelError(f"{path}: refused: reading it ends with code {done.returncode}")
    return folder / FILE


def convert(path: Path, folder: Path) -> None:
    """Leaves in `folder` the weights in the checkpoint at `path`, or one line that refuses it."""
    try:
        tensors = network_in(_loaded(path))
        flat = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
        save_file(flat, folder / FILE)
    except ModelError as error:
        (folder / REFUSED).write_text(str(error))
    except (RuntimeError, ValueError, MemoryError) as error:
        (folder / REFUSED).write_text(f"its weights cannot be read: {_reason(error)}")


def limit_memory() -> None:
    """Of this process, for good; Windows has no such limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


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
    limit_memory()
    convert(Path(sys.argv[1]), Path(sys.argv[2]))

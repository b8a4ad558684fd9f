"""Checkpoints: folders `step_000040/` of safetensors and JSON, never pickle.

A folder appears whole (`atomic.write_folder`) and carries the hash of each file, so a damaged
one is recognised and the one before it taken.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gantool import atomic
from gantool.errors import UsageError
from gantool.training.ema import Ema
from gantool.training.system import System

FOLDER = "checkpoints"
"""Of a run's folder."""
STATE = "state.json"


@dataclass(frozen=True)
class Facts:
    """What a checkpoint says of itself, beside its step."""

    distance: float | None = None
    """From the targets of samples held out; the best checkpoint has the smallest."""
    setbacks: int = 0
    """How often the run has gone back to a checkpoint."""


def save(
    folder: Path,
    step: int,
    system: System,
    ema: Ema,
    memories: Sequence[Mapping[str, Tensor]],
    facts: Facts,
    *,
    keep: int = 2,
) -> Path:
    """Write `folder/step_…` with all that resuming needs; leave the newest `keep` and the best.

    `memories` has what `memory(system)` gives in each process. Raises OutputError; what was there
    before is still there then.
    """
    path = folder / f"step_{step:06d}"
    for left in (path, *folder.glob(f"{atomic.ASIDE}*")):  # damaged ones, and what a kill left
        shutil.rmtree(left, ignore_errors=True)
    with atomic.write_folder(path) as aside:
        parts = {
            "networks": _weights(system.networks),
            "ema": _weights(ema.networks),
            "optimizers": _optimizer_tensors(system),
            "memory": {
                f"{rank}.{name}": tensor
                for rank, tensors in enumerate(memories)
                for name, tensor in tensors.items()
            },
        }
        for name, tensors in parts.items():
            _save_tensors(tensors, aside / f"{name}.safetensors")
        hashes = {file.name: _sha256(file) for file in sorted(aside.iterdir())}
        (aside / STATE).write_text(_signed({"step": step, **asdict(facts), "sha256": hashes}))
    whole = [path, *(each for each in usable(folder) if each != path)]
    kept = {*whole[:keep], best(whole)}
    for old in newest_first(folder):
        if old not in kept:
            shutil.rmtree(old, ignore_errors=True)
    return path


def best(whole: Sequence[Path]) -> Path:
    """The checkpoint with the smallest distance; the first where none has one."""
    distances = [facts_of(path).distance for path in whole]
    known = [each for each in distances if each is not None]
    return whole[distances.index(min(known))] if known else whole[0]


def newest_first(folder: Path) -> list[Path]:
    """The checkpoints in `folder`."""
    named = [path for path in folder.glob("step_*") if path.name[5:].isdecimal()]
    return sorted(named, key=lambda path: int(path.name[5:]), reverse=True)


def usable(folder: Path) -> Iterator[Path]:
    """Checkpoints that are whole, newest first."""
    return (path for path in newest_first(folder) if _whole(path))


def load(path: Path, system: System, ema: Ema, *, rank: int = 0) -> int:
    """Put everything back into `system` and `ema`; returns the step.

    `rank` is this process's place; one that was not there has the memory of the first.
    """
    _load_weights(path / "networks.safetensors", system.networks)
    load_ema(path, ema.networks)
    tensors = load_file(path / "optimizers.safetensors")
    for phase in system.phases():
        _load_optimizer(phase.optimizer, phase.name, tensors)
    kept = load_file(path / "memory.safetensors")
    place = rank if any(name.startswith(f"{rank}.") for name in kept) else 0
    for name, memory_of in system.memory.items():
        memory_of.restore(_within(kept, f"{place}.{name}."))
    return step_of(path)


def memory(system: System) -> dict[str, Tensor]:
    """What `system` remembers beside its weights, in this process."""
    return {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, each in system.memory.items()
        for key, tensor in each.state().items()
    }


def step_of(path: Path) -> int:
    """How many steps the checkpoint at `path` has behind it."""
    return int(_state(path)["step"])


def facts_of(path: Path) -> Facts:
    """What else it says of itself."""
    state = _state(path)
    return Facts(**{each.name: state.get(each.name, each.default) for each in fields(Facts)})


def load_ema(path: Path, networks: Mapping[str, nn.Module]) -> None:
    """Put the averaged weights of a checkpoint into `networks`."""
    _load_weights(path / "ema.safetensors", networks)


def _weights(networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }


def _load_weights(file: Path, networks: Mapping[str, nn.Module]) -> None:
    tensors = load_file(file)
    for name, network in networks.items():
        try:
            network.load_state_dict(_within(tensors, f"{name}."))
        except RuntimeError as error:
            why = " ".join(str(error).split())[:200]
            raise UsageError(f"{file}: does not fit the recipe's {name}: {why}") from error


def _within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}


def _optimizer_tensors(system: System) -> dict[str, Tensor]:
    return {
        f"{phase.name}.{index}.{key}": value.detach().cpu().contiguous()
        for phase in system.phases()
        for index, entry in phase.optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }


def _load_optimizer(
    optimizer: torch.optim.Optimizer, phase: str, tensors: Mapping[str, Tensor]
) -> None:
    """Only the state: rates and betas come from the recipe, which the run's options rebuild."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        owner, index, key = name.rsplit(".", 2)
        if owner == phase:
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    for weight, values in optimizer.state.items():
        for key, tensor in values.items():
            if tensor.shape == weight.shape:  # laid out alike: fused steps do not look at strides
                values[key] = torch.empty_like(weight).copy_(tensor)


def _save_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    try:
        save_file(tensors, file)
    except SafetensorError as error:  # its way to say that the disk is full
        raise OSError(errno.EIO, str(error)) from error


def _signed(state: Mapping[str, Any]) -> str:
    """`state` as JSON with the hash of itself."""
    digest = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
    return json.dumps({**state, "self": digest}, sort_keys=True)


def _state(path: Path) -> dict[str, Any]:
    """What `state.json` says. Raises OSError, and ValueError where it is damaged."""
    content = (path / STATE).read_text()
    state = json.loads(content)
    if not isinstance(state, dict) or state.pop("self", None) is None or _signed(state) != content:
        raise ValueError(f"{path / STATE}: damaged")
    return state


def _whole(path: Path) -> bool:
    try:
        hashes = _state(path)["sha256"]
        return all(_sha256(path / name) == digest for name, digest in hashes.items())
    except (OSError, ValueError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

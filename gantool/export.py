"""Checkpoint → model file: averaged weights, float ONNX, contract, measured halo, parity."""

import copy
import dataclasses
import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from gantool import atomic
from gantool.errors import ModelError, UsageError
from gantool.pipeline import Frame
from gantool.runtime import halo, tiling
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.session import Session
from gantool.training import checkpoint
from gantool.training.settings import Settings
from gantool.training.system import Export, System

OPSET = 18
PARITY = 1.0
"""Most that torch and onnxruntime may differ, in levels of 255."""
ROUNDING = 0.5
"""Most that weights in half precision may change a picture, in levels of 255."""
PART = 72
"""Side of the parts of pictures on which they are, too."""
SIZES = ((61, 83), (97, 45))
"""Odd sizes at which they are compared."""


def export(
    network: nn.Module,
    wanted: Export,
    path: Path,
    *,
    facts: Mapping[str, Any],
    pictures: Sequence[Frame] = (),
) -> Contract:
    """Write `network` as a model file at `path`; returns its contract.

    `facts` fill the contract (name, licence, data, recipe, metrics). Weights are stored in half
    precision, unless that shows in `pictures`, H×W×3 uint8. Raises ModelError, leaving no file,
    where onnxruntime's picture differs by more than one level from that of torch with the same
    stored weights; of `pictures`, with its own.
    """
    own = wanted.prepare(copy.deepcopy(network).cpu().eval())
    contract = dataclasses.replace(wanted.contract, **facts)
    stored = round_weights(copy.deepcopy(own))
    parts = [each[:PART, :PART] for each in pictures]
    loss = max((_apart(own, stored, each, contract) for each in parts), default=0.0)
    stored = stored if loss <= ROUNDING else own
    model = halve(to_onnx(stored, wanted.contract.multiple, wanted.contract.conditions))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        try:
            contract = _measured(model, contract, draft, pictures)
            _write(model, contract, draft)
            difference = max(
                parity(stored, contract, draft, noise()), parity(own, contract, draft, parts)
            )
        except ModelError as error:  # it names the draft
            reason = str(error).removeprefix(f"{draft}: ")
            raise ModelError(f"{path}: not written: {reason}") from error
        if not difference <= PARITY:  # also where it is not a number
            raise ModelError(
                f"{path}: not written: onnxruntime differs from torch by {difference:.2f} levels"
            )
        contract = dataclasses.replace(contract, parity=round(difference, 5))
        _write(model, contract, draft)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, draft.read_bytes())
    return contract


def export_run(
    system: System,
    folder: Path,
    settings: Settings,
    output: Path | None,
    metadata: Mapping[str, str],
    *,
    best: bool = False,
) -> list[Path]:
    """Every model of a run, from the averaged weights of its newest whole checkpoint, or its best.

    `metadata` may give the contract's name, licence and data. Returns the files written.
    """
    whole = list(checkpoint.usable(folder / checkpoint.FOLDER))
    if not whole:
        raise UsageError(f"{folder}: no whole checkpoint to export; train first")
    chosen = checkpoint.best(whole) if best else whole[0]
    checkpoint.load_ema(chosen, system.networks)
    recipe = {
        "name": settings.recipe,
        "options": {name: _without_folder(each) for name, each in settings.options.items()},
        "steps": checkpoint.step_of(chosen),
        "seed": settings.seed,
    }
    facts = {"name": folder.resolve().name, "data": settings.dataset, **metadata, "recipe": recipe}
    wanted = system.exports()
    paths = []
    several = len({each.network for each in wanted}) > 1
    for each in wanted:
        parts = [each.network if several else "", each.variant]
        suffix = "".join(f"-{part}" for part in parts if part)
        path = output or folder / f"{folder.resolve().name}.onnx"
        path = path.with_stem(path.stem + suffix)
        export(system.networks[each.network], each, path, facts=facts)
        paths.append(path)
    return paths


def to_onnx(
    network: nn.Module, multiple: int = 1, conditions: Mapping[str, Any] = MappingProxyType({})
) -> onnx.ModelProto:
    """The float graph `x` N×3×H×W → `y`, with dynamic N, and H and W in steps of `multiple`.

    `conditions`, as a contract has them, are further inputs 1×…, in their order.
    """
    further = tuple(torch.zeros(1, *each["shape"]) for each in conditions.values())
    dynamic, unit = torch.export.Dim.DYNAMIC, _up(16, multiple)
    sides: dict[int, Any] = {2: dynamic, 3: dynamic}
    if multiple > 1:
        sides = {2: multiple * torch.export.Dim("h"), 3: multiple * torch.export.Dim("w")}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns that torchvision is absent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about its own deprecated calls
        program = torch.onnx.export(
            network,
            (torch.rand(2, 3, 3 * unit, 4 * unit), *further),
            input_names=["x", *conditions],
            output_names=["y"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: dynamic, **sides}, *({} for _ in further)),
            verbose=False,
        )
    assert program is not None
    return _anonymous(program.model_proto)


def _anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the notes of the exporter, which hold source lines and paths of this machine."""
    graph = model.graph
    parts = (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info)
    for part in (*parts, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    return model


@torch.no_grad()
def round_weights(network: nn.Module) -> nn.Module:
    """Every weight as half precision stores it; returns `network`."""
    for tensor in network.parameters():
        tensor.copy_(tensor.half().float())
    return network


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store float weights as float16 with a Cast behind each: half the file, the same numbers."""
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims:
            continue
        values = numpy_helper.to_array(tensor)
        small = values.astype(np.float16)
        if not np.array_equal(small.astype(np.float32), values):
            continue  # a constant of the graph, not a rounded weight
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(small, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def noise() -> list[Frame]:
    """Frames of any levels."""
    return [
        np.random.default_rng(index).integers(0, 256, (*size, 3), np.uint8)
        for index, size in enumerate(SIZES)
    ]


def parity(network: nn.Module, contract: Contract, path: Path, frames: Sequence[Frame]) -> float:
    """The largest difference between torch and onnxruntime, in levels of 255."""
    session = Session(path, tile=None)
    worst = 0.0
    for each in frames:
        frame = _fitting(each, contract)
        wanted = _levels(network, frame, contract)
        given = session.run(frame[None])[0]
        if not np.abs(np.round(wanted) - given.astype(np.float32)).max() <= PARITY:
            return float(np.abs(wanted - given).max())
        floats = halo.run_float(path, halo.as_batch(frame, contract))
        theirs = halo.levels(floats, contract)[0]
        worst = max(worst, float(np.abs(wanted - theirs).max()))
    return worst


def _apart(one: nn.Module, other: nn.Module, picture: Frame, contract: Contract) -> float:
    """How much two networks differ on a picture, in levels of 255."""
    frame = _fitting(picture, contract)
    results = (_levels(network, frame, contract) for network in (one, other))
    return float(np.abs(np.subtract(*results)).max())


def _fitting(frame: Frame, contract: Contract) -> Frame:
    """As much of it as makes a size that the network takes."""
    sides = [_up(max(side, contract.minimum), contract.multiple) for side in frame.shape[:2]]
    return tiling.filling(frame, *sides)


@torch.no_grad()
def _levels(network: nn.Module, frame: Any, contract: Contract) -> Any:
    """H×W×3 uint8 → what torch makes of it, H×W×3 float32 in [0, 255]."""
    low, high = contract.value_range
    x: Tensor = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255 * (high - low) + low
    y = (network(x, *_defaults(contract))[0].permute(1, 2, 0) - low) / (high - low) * 255
    return y.clamp(0, 255).numpy()


def _without_folder(value: Any) -> Any:
    """An option as it may be published: of a file on this machine its name alone."""
    is_place = isinstance(value, str) and Path(value).is_absolute()
    return Path(value).name if is_place else value


def _defaults(contract: Contract) -> list[Tensor]:
    """What a model file is given for conditions that nobody gives: their default, or zeros."""
    return [
        torch.full((1, *each["shape"]), float(each.get("default", 0)))
        for each in contract.conditions.values()
    ]


def _measured(
    model: onnx.ModelProto, contract: Contract, draft: Path, pictures: Sequence[Frame]
) -> Contract:
    _write(model, contract, draft)
    return halo.measure(draft, contract, pictures).within(contract)


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _write(model: onnx.ModelProto, contract: Contract, path: Path) -> None:
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=contract.to_json())
    path.write_bytes(model.SerializeToString())

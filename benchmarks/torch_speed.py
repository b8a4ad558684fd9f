"""Networks as model files beside the same networks in PyTorch."""

import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from rrdb import Rrdb
from speed import Effort, Row, medians
from torch import nn

from gantool.export import halve, to_onnx
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.providers import CPU, Device, cores
from gantool.runtime.session import Session
from gantool.training.networks.plain import PlainUpscaler, fuse
from gantool.training.networks.resnet import ResnetGenerator
from gantool.training.networks.unet import UnetGenerator


@dataclass(frozen=True)
class Net:
    """A network, what its model file says of it, and the least that it is to gain."""

    make: Callable[[], nn.Module]
    contract: Contract
    bar: float


SIDE = 256
"""Of the tile, pixels."""
STYLE = Contract("bench", multiple=4, align=4, statistics="global", value_range=(-1.0, 1.0))
NETS = {
    "superres ×4": Net(
        lambda: fuse(PlainUpscaler(4, 48, 8)), Contract("bench", scale=4, halo=10), 1.25
    ),
    "ResNet-9": Net(ResnetGenerator, STYLE, 0.95),
    "U-Net-256": Net(
        lambda: UnetGenerator(dropout=0.0),
        dataclasses.replace(STYLE, multiple=256, align=256),
        1.4,
    ),
    "RRDB-6 ×4": Net(lambda: Rrdb(6), Contract("bench", scale=4), 1.15),
}


def c1(effort: Effort) -> Iterator[Row]:
    """PyTorch's time over ours, per network; medians, as its times scatter."""
    for name, net in NETS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = dict(ways(*made(net, Path(folder)), SIDE))
            ours, eager, wide = medians(effort.repeat, *found.values())
        what = f"{name}, {SIDE}×{SIDE}, PyTorch"
        yield Row("C1", f"{what} eager over gantool", eager / ours, "×", net.bar, at_least=True)
        yield Row("C1", f"{what} channels_last", wide / ours, "×", 0, at_least=True)


def made(net: Net, folder: Path) -> tuple[nn.Module, Path]:
    """The network, random but the same every time, and its model file."""
    torch.manual_seed(0)
    network = net.make().eval()
    path = folder / "net.onnx"
    model = halve(to_onnx(network, net.contract.multiple))
    model.metadata_props.add(key=KEY, value=net.contract.to_json())
    onnx.save(model, path)
    return network, path


def ways(
    network: nn.Module, path: Path, side: int, device: Device = CPU
) -> Iterator[tuple[str, Callable[[], object]]]:
    """By name: gantool on a tile of bytes; PyTorch on floats that are there already."""
    tile = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    session = Session(path, device)
    yield "gantool", lambda: session.run(tile)
    torch.set_num_threads(cores())
    x = torch.rand(1, 3, side, side)
    yield "eager", lambda: _run(network, x)
    wide = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own stub leaves it out
    last = x.to(memory_format=torch.channels_last)
    yield "channels_last", lambda: _run(wide, last)


@torch.inference_mode()
def _run(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = network(x)
    return result

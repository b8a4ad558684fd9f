"""GPU rows of the speed table: gantool beside PyTorch and beside the bare runtime.

    python benchmarks/gpu_speed.py [--device cuda] [--frames 1280x720] [--seconds 5] [--json FILE]

G1  engine, arrays in and out, beside the usual PyTorch half script
G2  the model alone beside PyTorch's half, channels_last CUDA graph
G3  engine beside a bare loop of onnxruntime with bound buffers

Frames of one size, results thrown away; networks with random weights: a Compact ×2, ResNet-9, and
an RRDB ×4 of 16.7 million parameters. Frames a second, the best of three runs in turns. Beside the
rows it prints the rates themselves, those of the model with options that gantool does not set, and
the share of time that the GPU was busy. `--device cpu` goes the same ways on the processor, in
float32 and without the graph: to try the script, not to measure.
"""

import argparse
import copy
import dataclasses
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from rates import Frame, Way, measured
from rrdb import Rrdb
from speed import Row, sizes
from torch import Tensor, nn

from gantool.runtime import pixel_io, providers, tiling
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.opening import open_session, reason
from gantool.runtime.providers import Device
from gantool.runtime.session import Session
from gantool.training.networks.plain import PlainUpscaler, fuse
from gantool.training.networks.resnet import ResnetGenerator

Bound = tuple[Any, Any, Any, Any]
"""Of onnxruntime, which ships no types."""
IN_FLIGHT = 3
"""Frames that gantool has in work at once, as for a film's frames or a folder's pictures."""


@dataclass(frozen=True)
class Net:
    """A network and what its model file says of it."""

    make: Callable[[], nn.Module]
    contract: Contract


GRAPH = {"enable_cuda_graph": "1"}
NHWC = {"prefer_nhwc": "1"}
SEARCH = {"cudnn_conv_algo_search": "EXHAUSTIVE"}
TRIED = {"NHWC": NHWC, "exhaustive": SEARCH, "graph": GRAPH, "all three": NHWC | SEARCH | GRAPH}
"""What else the CUDA provider offers."""
STYLE = Contract("bench", multiple=4, align=4, statistics="global", value_range=(-1.0, 1.0))
NETS = {
    "Compact ×2": Net(lambda: fuse(PlainUpscaler(2, 64, 16)), Contract("bench", scale=2, halo=18)),
    "ResNet-9": Net(ResnetGenerator, STYLE),
    "RRDB-23 ×4": Net(Rrdb, Contract("bench", scale=4, halo=64)),
}


def rows(name: str, device: Device, size: tuple[int, int], span: float) -> Iterator[Row]:
    """G1 to G3 for one network; prints its rates."""
    torch.manual_seed(0)
    net = NETS[name]
    network = net.make().eval()
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (*size[::-1], 3), np.uint8) for _ in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        path = saved(network, net.contract, Path(folder, "net.onnx"))
        session = Session(path, device, tile=None)
        session(frames[0])
        ways: dict[str, tuple[Way, int]] = {
            "gantool": (session, IN_FLIGHT),
            "gantool, one at a time": (session, 1),
            "bare onnxruntime": (bare(path, net.contract, session.device), 1),
            "PyTorch, the usual script": (usual(network, net.contract, device), 1),
            "PyTorch, graph, model alone": (graph(network, net.contract, device, frames[0]), 1),
            "onnxruntime, model alone": (alone(path, net.contract, session.device, frames[0]), 1),
        }
        for option, way in tried(path, net.contract, session.device, frames[0]):
            ways[f"onnxruntime, model alone, {option}"] = way, 1
        rates, busy = measured(ways, frames, span)
    print(f"{name}, {size[0]}×{size[1]}, {session.device}")
    for way, rate in rates.items():
        print(f"    {way:<40}{rate:>9.2f} frames/s")
    print(f"    GPU busy with gantool: {busy or 'unknown'}", flush=True)
    at = f"{name}, {size[0]}×{size[1]}"
    usually, model = rates["PyTorch, the usual script"], rates["PyTorch, graph, model alone"]
    yield Row("G1", f"{at}, over a PyTorch script", rates["gantool"] / usually, "×", 3, True)
    alone_ = rates["onnxruntime, model alone"]
    yield Row("G2", f"{at}, model over a CUDA graph", alone_ / model, "×", 1, True)
    loop = rates["bare onnxruntime"]
    yield Row("G3", f"{at}, over a bare loop", rates["gantool"] / loop, "×", 0.9, True)


def saved(network: nn.Module, contract: Contract, path: Path) -> Path:
    """Its model file, by the exporter that needs nothing but PyTorch."""
    unit = contract.multiple
    free = {0: "n", 2: "h", 3: "w"}
    with warnings.catch_warnings(action="ignore"):  # the newer one needs a package more
        torch.onnx.export(
            network,
            (torch.rand(1, 3, 16 * unit, 24 * unit),),
            str(path),
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": free, "y": {0: "n", 2: "H", 3: "W"}},
            opset_version=18,
            dynamo=False,
        )
    model = onnx.load(path)
    model.metadata_props.add(key=KEY, value=contract.to_json())
    onnx.save(model, path)
    return path


def usual(network: nn.Module, contract: Contract, device: Device) -> Way:
    """What upscaling scripts do with a frame."""
    network, kind = placed(network, device)
    darkest, brightest = contract.value_range

    @torch.inference_mode()
    def way(frame: Frame) -> Frame:
        x = torch.from_numpy(frame).to(kind[0]).permute(2, 0, 1)[None].to(kind[1]) / 255
        y = network(x * (brightest - darkest) + darkest)
        y = ((y - darkest) / (brightest - darkest)).clamp(0, 1) * 255
        return y.round().byte()[0].permute(1, 2, 0).contiguous().cpu().numpy()

    return way


def graph(network: nn.Module, contract: Contract, device: Device, frame: Frame) -> Way:
    """The model replayed as one CUDA graph on an input that stays."""
    network, kind = placed(network, device)
    network = network.to(memory_format=torch.channels_last)
    height, width = (side + -side % contract.multiple for side in frame.shape[:2])
    x = torch.rand(1, 3, height, width).to(*kind).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(3):
            network(x)
        if device.memory != "cuda":
            return lambda _: _finished(network, x, torch.inference_mode())
        kept = torch.cuda.CUDAGraph()
        with torch.cuda.graph(kept):
            network(x)

    def way(_: Frame) -> None:
        kept.replay()
        torch.cuda.synchronize()

    return way


def _finished(network: nn.Module, x: Tensor, context: torch.inference_mode) -> None:
    with context:
        network(x)


def placed(network: nn.Module, device: Device) -> tuple[nn.Module, tuple[str, torch.dtype]]:
    kind = ("cuda", torch.float16) if device.memory == "cuda" else ("cpu", torch.float32)
    return copy.deepcopy(network).to(*kind), kind


def bare(path: Path, contract: Contract, device: Device) -> Way:
    """Pixels to pixels in one call, frame after frame, with buffers that stay."""
    session = open_session(_pixels(path, device), device)
    kept: list[Bound] = []

    def way(frame: Frame) -> Frame:
        pixels = tiling.in_one_piece(frame, contract)
        if not kept:
            kept.append(bound(session, contract, pixels, device))
        binding, given, result, _ = kept[0]
        given.update_inplace(pixels)
        session.run_with_iobinding(binding)
        return result.numpy()

    return way


def alone(path: Path, contract: Contract, device: Device, frame: Frame) -> Way:
    """The model on what lies on the device already, results left there."""
    session = open_session(_pixels(path, device), device)
    buffers = bound(session, contract, tiling.in_one_piece(frame, contract), device)

    def way(_: Frame) -> object:
        session.run_with_iobinding(buffers[0])
        return buffers

    return way


def bound(session: Any, contract: Contract, pixels: Frame, device: Device) -> Bound:
    """A binding to buffers on the device, and these: of `pixels`, of the result, of its sum."""
    where, value = device.memory or "cpu", onnxruntime.OrtValue
    _, height, width, _ = pixels.shape
    shape = (1, height * contract.scale, width * contract.scale, 3)
    given = value.ortvalue_from_numpy(pixels, where, 0)
    result = value.ortvalue_from_shape_and_type(shape, np.uint8, where, 0)
    total = value.ortvalue_from_shape_and_type((), np.float32, where, 0)
    binding = session.io_binding()
    binding.bind_ortvalue_input("pixels", given)
    binding.bind_ortvalue_output("result", result)
    binding.bind_ortvalue_output(pixel_io.TOTAL, total)
    return binding, given, result, total


def tried(
    path: Path, contract: Contract, device: Device, frame: Frame
) -> Iterator[tuple[str, Way]]:
    """The model alone with each of what gantool does not set; prints what is not possible."""
    for name, options in TRIED.items() if device.memory == "cuda" else ():
        changed = dataclasses.replace(device, options={**device.options, **options})
        try:
            way = alone(path, contract, changed, frame)
            way(frame)
        except Exception as error:  # of any kind, from any library
            print(f"    {name}: {reason(error)}")
        else:
            yield name, way


def _pixels(path: Path, device: Device) -> bytes:
    model, contract = pixel_io.read_model(path)
    if device.precision == "fp16":
        from gantool.runtime.halves import halved

        model = halved(model)
    return pixel_io.pixel_graph(model, contract, "uint8").SerializeToString()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--nets", default=",".join(NETS), help="of the three, by their names")
    parser.add_argument("--frames", type=sizes, default=sizes("1280x720"))
    parser.add_argument("--seconds", type=float, default=5.0, help="for each way")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    device = providers.choose(given.device, given.precision)
    machine = {
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 2),
    }
    print(*(f"{key} {value}" for key, value in machine.items()), sep=" · ")
    table = []
    for name in given.nets.split(","):
        for size in given.frames:
            for row in rows(name, device, size, given.seconds):
                print(row, flush=True)
                table.append({"id": row.id, "what": row.what, "value": row.value, "bar": row.bar})
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()

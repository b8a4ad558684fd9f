"""One super-resolution network in gantool and in what people run instead, on the CPU.

    python benchmarks/peers.py [--frames 480x320,1280x720] [--repeat 3] [--json FILE]

Frames in, frames out, the same weights, as many threads as there are cores, all in float32:

tile loop    PyTorch, tiles of 400 pixels read 10 pixels wider, as upscaling scripts do
PyTorch      the whole frame, eager, channels_last
OpenVINO     `pip install openvino`, its precision pinned
ncnn         `pip install ncnn tqdm requests portalocker`, which upscalers with Vulkan stand on

What is not installed is left out. Medians of runs in turns; the ratio is a peer's time over ours.
"""

import argparse
import importlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from speed import machine, medians, picture, sizes
from torch import Tensor, nn
from torch_speed import NETS, made

from gantool.runtime.providers import cores
from gantool.runtime.session import Session
from gantool.training.networks.plain import PlainUpscaler

Frame = NDArray[np.uint8]
Way = Callable[[Frame], Frame]
TILE, PAD = 400, 10


def ways(network: PlainUpscaler, path: Path) -> Iterator[tuple[str, Way]]:
    session = Session(path)
    yield "gantool", lambda frame: np.asarray(session(frame))
    torch.set_num_threads(cores())
    yield "tile loop", lambda frame: tile_loop(network, frame)
    wide = network.to(memory_format=torch.channels_last)
    yield "PyTorch", lambda frame: frame_of(run(wide, tensor(frame)))
    for name, make in (("openvino", openvino), ("ncnn", ncnn)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        yield name, make(module, network, path)


@torch.inference_mode()
def run(network: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = network(x)
    return result


def tensor(frame: Frame) -> Tensor:
    x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    return x.to(memory_format=torch.channels_last)


def frame_of(y: Tensor) -> Frame:
    return (y[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()


def tile_loop(network: PlainUpscaler, frame: Frame) -> Frame:
    """As upscaling scripts write it."""
    x, scale = tensor(frame).contiguous(), network.scale
    height, width = frame.shape[:2]
    result = torch.zeros(1, 3, height * scale, width * scale)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            down, right = min(top + TILE, height), min(left + TILE, width)
            above, before = max(top - PAD, 0), max(left - PAD, 0)
            tile = x[:, :, above : min(down + PAD, height), before : min(right + PAD, width)]
            done = run(network, tile)
            rows = slice((top - above) * scale, (down - above) * scale)
            columns = slice((left - before) * scale, (right - before) * scale)
            place = (slice(top * scale, down * scale), slice(left * scale, right * scale))
            result[:, :, place[0], place[1]] = done[:, :, rows, columns]
    return frame_of(result)


def openvino(module: Any, _: PlainUpscaler, path: Path) -> Way:
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": cores()}
    model = module.Core().compile_model(str(path), "CPU", options)

    def way(frame: Frame) -> Frame:
        x = np.ascontiguousarray(frame.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        return frame_of(torch.from_numpy(model(x)[0]))

    return way


def ncnn(module: Any, network: PlainUpscaler, _: Path) -> Way:
    folder = Path(tempfile.mkdtemp(prefix="ncnn-"))
    write_ncnn(network, folder)
    net = module.Net()
    net.opt.num_threads = cores()
    for half in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{half}", False)
    net.load_param(str(folder / "net.param"))
    net.load_model(str(folder / "net.bin"))

    def way(frame: Frame) -> Frame:
        x = np.ascontiguousarray(frame.transpose(2, 0, 1).astype(np.float32) / 255)
        extractor = net.create_extractor()
        extractor.input("x", module.Mat(x))
        _, result = extractor.extract("y")
        return frame_of(torch.from_numpy(np.array(result))[None])

    return way


def write_ncnn(network: PlainUpscaler, folder: Path) -> None:
    """The fused network in ncnn's own text and weights."""
    lines = ["Input x 0 1 x", "Split sx 1 2 x a b"]
    layers = [network.head, *network.body, network.tail]
    weights = b""
    blob = "a"
    for number, layer in enumerate(layers):
        weight, bias = (each.detach().numpy() for each in (layer.weight, layer.bias))
        if number == len(layers) - 1:
            lines.append(f"BinaryOp long 2 1 {blob} first sum 0=0")
            blob = "sum"
        made_ = f"c{number}"
        facts = f"0={len(weight)} 1=3 4=1 5=1 6={weight.size}"
        lines.append(f"Convolution {made_} 1 1 {blob} {made_} {facts}")
        weights += bytes(4) + weight.astype("<f4").tobytes() + bias.astype("<f4").tobytes()
        blob = made_
        if number < len(layers) - 1:
            lines.append(f"ReLU r{number} 1 1 {blob} r{number} 0=0.1")
            blob = f"r{number}"
        if number == 0:
            lines.append(f"Split sf 1 2 {blob} first f")
            blob = "f"
    lines.append(f"PixelShuffle shuffle 1 1 {blob} detail 0={network.scale}")
    lines.append(f"Interp anchor 1 1 b anchor 0=2 1={network.scale} 2={network.scale}")
    lines.append("BinaryOp add 2 1 detail anchor y 0=0")
    names = {name for line in lines for name in line.split()[4:] if "=" not in name}
    text = "\n".join(["7767517", f"{len(lines)} {len(names)}", *lines, ""])
    (folder / "net.param").write_text(text)
    (folder / "net.bin").write_bytes(weights)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=sizes, default=sizes("480x320,1280x720"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    print(*(f"{key} {value}" for key, value in machine().items()), sep=" · ")
    table = []
    with tempfile.TemporaryDirectory() as folder:
        network, path = made(NETS["superres ×4"], Path(folder))
        assert isinstance(network, PlainUpscaler)
        found = dict(ways(network, path))
        for width, height in given.frames:
            frame = picture(height, width)
            right = found["gantool"](frame).astype(int)
            times = medians(given.repeat, *(partial(way, frame) for way in found.values()))
            for (name, way), seconds in zip(found.items(), times, strict=True):
                off = int(np.abs(way(frame)[64:-64, 64:-64] - right[64:-64, 64:-64]).max())
                size, ratio = f"{width}×{height}", seconds / times[0]
                print(
                    f"{size:<10}{name:<12}{1000 * seconds:>9.0f} ms{ratio:>8.2f} ×   off by {off}"
                )
                table.append({"frame": size, "by": name, "seconds": seconds, "ratio": ratio})
    print(f"load {os.getloadavg()[0]:.2f}")
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(), "rows": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()

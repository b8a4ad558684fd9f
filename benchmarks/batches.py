"""Memory and speed of long runs and of pictures that are very large, or only say so.

    python benchmarks/batches.py [--rows B1,M1,P14,P7] [--files 10000] [--json FILE]

B1    a folder of small pictures: the last tenth beside the first, memory and pictures a second
M1    a picture of 100 megapixels, four times enlarged: memory that is not a file's, at its peak
P14   pictures of mixed sizes: growth of that memory, MB for each 1,000
P7    headers that announce up to 4 gigapixels: time and memory until they are refused

A tiny interpolating model stands for a network, so that what is measured is gantool.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from speed import Row, add_rows, picture, tell

from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.contract import KEY, Contract

MB = 1 << 20


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    files: int
    megapixels: int


@dataclass(frozen=True)
class Ended:
    """A command of gantool: what it said, its cost, and its memory on the way."""

    code: int
    events: list[tuple[float, int]]
    """Seconds, and bytes of memory that is no file's, at each picture done."""
    seconds: float
    cpu: float
    peak: int
    """Bytes of memory that is no file's, at most."""
    resident: int
    """Bytes of all memory, at most."""


def b1(effort: Effort) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        model = interpolation(Path(folder), 2)
        for number in range(effort.files):
            write_image(Path(folder, "in", f"{number:05}.png"), picture(16, 16), Carry())
        ended = gantool("run", str(model), "in", folder=Path(folder))
    tenth = len(ended.events) // 10
    first, last = ended.events[tenth : 2 * tenth], ended.events[-tenth:]
    memory = mean(last) / mean(first)
    yield Row("B1", f"memory, end over start of {effort.files} pictures", memory, "×", 1.05)
    pace = (first[-1][0] - first[0][0]) / (last[-1][0] - last[0][0])
    yield Row("B1", f"pictures a second ({len(last) / span(last):.0f})", pace, "×", 0.98, True)


def m1(effort: Effort) -> Iterator[Row]:
    side = round((effort.megapixels * 1e6) ** 0.5)
    for suffix in (".jpg", ".png", ".tif"):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            model = interpolation(Path(folder), 4)
            source = Path(folder, f"large{suffix}")
            tile = np.tile(picture(500, 500) // 4 + 90, (side // 500 + 1, side // 500 + 1, 1))
            write_image(source, tile[:side, :side], Carry())
            del tile
            ended = gantool("run", str(model), source.name, folder=Path(folder))
            assert ended.code == 0
        what = f"peak of {effort.megapixels} MP ×4 as {suffix}, {ended.seconds:.0f} s"
        yield Row("M1", what, ended.peak / 2**30, "GiB", 2)


def p14(effort: Effort) -> Iterator[Row]:
    count = effort.files // 2
    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        model = interpolation(Path(folder), 2)
        for number in range(count):
            height, width = (int(side) for side in draw.integers(8, 400, 2))
            name = f"{number:05}{('.png', '.jpg', '.jpg')[number % 3]}"
            write_image(Path(folder, "in", name), picture(height, width), Carry())
        ended = gantool("run", str(model), "in", folder=Path(folder))
    later = ended.events[len(ended.events) // 5 :]
    slope = np.polyfit(range(len(later)), [memory / MB for _, memory in later], 1)[0] * 1000
    yield Row("P14", f"growth over {count} pictures of mixed sizes", float(slope), "MB/1000", 1)


def bomb(effort: Effort) -> Iterator[Row]:
    del effort
    with tempfile.TemporaryDirectory() as folder:
        model = interpolation(Path(folder), 2)
        write_image(Path(folder, "small.png"), picture(16, 16), Carry())
        gantool("run", str(model), "small.png", folder=Path(folder))  # the graph is kept from here
        bare = gantool("run", str(model), "small.png", "--overwrite", folder=Path(folder))
        print(f"    a picture of 16×16: {bare.cpu:.2f} s CPU, {bare.resident / MB:.0f} MB")
        for name, content in bombs().items():
            Path(folder, name).write_bytes(content)
            ended = gantool("run", str(model), name, folder=Path(folder))
            assert ended.code == 1, f"{name}: {ended.code}"
            yield Row("P7", f"{name}, CPU", ended.cpu, "s", 1)
            yield Row("P7", f"{name}, memory", ended.resident / MB, "MB", 150)


Measure = Callable[[Effort], Iterator[Row]]
ROWS: dict[str, Measure] = {"B1": b1, "M1": m1, "P14": p14, "P7": bomb}


def bombs() -> dict[str, bytes]:
    """Headers without pixels, or with a few."""
    sides = {"1GP": (32_000, 32_000), "2.5GP": (50_000, 50_000), "65535": (65_535, 65_535)}
    made = {}
    for name, (width, height) in sides.items():
        made[f"{name}.png"] = png(width, height)
        made[f"{name}.jpg"] = (
            b"\xff\xd8\xff\xc0"
            + struct.pack(">HBHHB", 17, 8, height, width, 3)
            + b"\1\x11\0\2\x11\0\3\x11\0\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0\xff\xd9"
        )
        made[f"{name}.bmp"] = b"BM" + struct.pack(
            "<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0
        )
        made[f"{name}.gif"] = (
            b"GIF89a"
            + struct.pack("<HHBBB", width, height, 0xF0, 0, 0)
            + bytes(6)
            + b","
            + struct.pack("<HHHHB", 0, 0, width, height, 0)
            + b"\2\2\x44\1\0;"
        )
        made[f"{name}.ppm"] = b"P6\n%d %d\n255\n" % (width, height)
        made[f"{name}.tif"] = tiff(width, height)
    return made


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def tiff(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    tags += [(278, height), (279, 8)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 16)
        + bytes(8)
        + struct.pack("<H", len(tags))
        + entries
        + (bytes(4))
    )


def interpolation(folder: Path, scale: int) -> Path:
    """A model file that enlarges by bilinear interpolation."""
    scales = numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")],
        "model",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    contract = Contract("superres", scale=scale, halo=1)
    model.metadata_props.add(key=KEY, value=contract.to_json())
    path = folder / f"x{scale}.onnx"
    path.write_bytes(model.SerializeToString())
    (folder / "in").mkdir(exist_ok=True)
    return path


def gantool(*arguments: str, folder: Path) -> Ended:
    """Run a command in `folder`, looking at its memory all the while."""
    command = [sys.executable, "-m", "gantool", *arguments, "--json", "--device", "cpu"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    watch = Watch(process.pid)
    events = []
    assert process.stdout is not None
    for line in process.stdout:
        if '"item.done"' in line:
            events.append((time.monotonic(), watch.anonymous))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.ended.set()
    seconds = time.monotonic() - began
    cpu = usage.ru_utime + usage.ru_stime
    return Ended(process.returncode, events, seconds, cpu, watch.peak, watch.resident)


class Watch:
    """The memory of a process that is no file's, looked at a hundred times a second."""

    def __init__(self, process: int) -> None:
        self.anonymous = self.peak = self.resident = 0
        self.ended = threading.Event()
        self._status = Path(f"/proc/{process}/status")
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self.ended.wait(0.01):
            try:
                text = self._status.read_text()
            except OSError:
                return
            if "RssAnon:" in text:
                self.anonymous = self._bytes(text, "RssAnon:")
                self.peak = max(self.peak, self.anonymous)
                self.resident = self._bytes(text, "VmHWM:")  # getrusage knows its parent's, too

    @staticmethod
    def _bytes(text: str, name: str) -> int:
        return int(text.partition(name)[2].split()[0]) * 1024


def mean(events: Sequence[tuple[float, int]]) -> float:
    return float(np.mean([memory for _, memory in events]))


def span(events: Sequence[tuple[float, int]]) -> float:
    return events[-1][0] - events[0][0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_rows(parser, ROWS)
    parser.add_argument("--files", type=int, default=10_000, help="pictures of B1; half for P14")
    parser.add_argument("--megapixels", type=int, default=100, help="of M1")
    options = parser.parse_args(arguments)
    effort = Effort(options.files, options.megapixels)
    tell((row for measure in options.rows for row in measure(effort)), options.json)


if __name__ == "__main__":
    main()

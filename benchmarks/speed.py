"""Speed of gantool beside the bare libraries it stands on, one row per bar.

    python benchmarks/speed.py [--rows C1,C3,C4,S1,S2,M2] [--repeat 5] [--json FILE]

C1  a tile, bytes in and out, beside PyTorch on floats: eager (the bar) and channels_last
C3  engine, arrays in and arrays out, against onnxruntime with the usual numpy around it
C4  a folder of photographs, files in and out, beside decoding, model and encoding one by one
S1  CPU time of --version and --help over an empty Python, and what they import
S2  CPU time of a one-tile picture, from start to end, over a bare onnxruntime script
M2  the largest difference between tiled and whole, in levels

The two sides of a row are measured in turns and the best of each is taken, so that other work
on the machine hits both; the load is printed with the figures.
"""

import argparse
import dataclasses
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gantool
from gantool import api
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.providers import cores, onnxruntime  # gantool has it report to nobody

Frame = NDArray[np.uint8]
Way = Callable[[], float]
"""Does a thing once and returns what it cost."""

X4, X2 = "superres/photo-x4-fidelity", "superres/photo-x2-fidelity"
GANTOOL = str(Path(sysconfig.get_path("scripts"), "gantool"))
HEAVY = {"torch", "onnxruntime", "onnx", "av", "cv2", "PIL", "numpy"}
BARE = """
import sys
import numpy as np
import onnxruntime
from PIL import Image
model, source, target, threads = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
x = np.asarray(Image.open(source).convert("RGB")).transpose(2, 0, 1)[None].astype(np.float32)
y = session.run(None, {"x": x / 255})[0][0].transpose(1, 2, 0)
Image.fromarray((y * 255).clip(0, 255).round().astype(np.uint8)).save(target)
"""
IMPORTS = """
import contextlib, io, sys
from gantool.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
print(*sys.modules)
"""


@dataclass(frozen=True)
class Row:
    """A figure and its bar, which is the most it may be, or with `at_least` the least."""

    id: str
    what: str
    value: float
    unit: str
    bar: float
    at_least: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def __str__(self) -> str:
        bar = f"{'≥' if self.at_least else '≤'} {self.bar:g}"
        figure = f"{self.id:<4}{self.what:<52}{self.value:>9.3f} {self.unit:<7}{bar:<8}"
        return figure + ("ok" if self.ok else "miss")


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    repeat: int
    frames: Sequence[tuple[int, int]]
    """Width and height."""


def c1(effort: Effort) -> Iterator[Row]:
    from torch_speed import c1 as rows  # this script goes without PyTorch else

    return rows(effort)


def c4(effort: Effort) -> Iterator[Row]:
    from folder_speed import c4 as rows

    return rows(effort)


def c3(effort: Effort) -> Iterator[Row]:
    """Bare time over engine time, per frame size."""
    engine, bare = gantool.load(X4, device="cpu"), bare_predict(api.model_path(X4))
    for width, height in effort.frames:
        frame = picture(height, width)
        ours, theirs = best(effort.repeat, called(engine, frame), called(bare, frame))
        what = f"engine vs bare onnxruntime, {width}×{height} ×4, CPU"
        yield Row("C3", what, theirs / ours, "×", 0.97, at_least=True)


def s1(effort: Effort) -> Iterator[Row]:
    """Milliseconds over an empty Python, and modules that have no business there."""
    options = {"--version": 60, "--help": 250}
    commands = [[sys.executable, "-c", "pass"], *([GANTOOL, option] for option in options)]
    empty, *ours = best(4 * effort.repeat, *map(started, commands))
    for (option, bar), value in zip(options.items(), ours, strict=True):
        yield Row("S1", f"CPU of gantool {option} over python", 1000 * (value - empty), "ms", bar)
    for option in options:
        heavy = sorted(HEAVY & imports(option))
        yield Row("S1", " ".join(["heavy imports of", option, *heavy]), len(heavy), "", 0)


def s2(effort: Effort) -> Iterator[Row]:
    """Seconds of CPU for a picture of one tile: start, model, picture in and out."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.png"), Path(folder, "out.png")
        write_image(source, picture(64, 96), Carry())
        files = [str(source), str(target)]
        ours = [GANTOOL, "superres", files[0], "-o", files[1], "--overwrite", "--device", "cpu"]
        bare = [sys.executable, "-c", BARE, str(api.model_path(X4)), *files, str(cores())]
        mine, theirs = best(effort.repeat, started(ours), started(bare))
    yield Row("S2", "CPU to the first tile over a bare script", mine - theirs, "s", 0.5)


def m2(effort: Effort) -> Iterator[Row]:
    """Tiles much smaller than the frame, so that there are many seams."""
    frame = picture(150, 211)
    for model in (X4, X2):
        predicts = (gantool.load(model, device="cpu", tile=tile) for tile in ("off", 48))
        whole, tiled = (predict(frame).astype(int) for predict in predicts)
        yield Row("M2", f"tiled vs whole, {model}", float(abs(whole - tiled).max()), "levels", 1)


Measure = Callable[[Effort], Iterator[Row]]
ROWS: dict[str, Measure] = {"C1": c1, "C3": c3, "C4": c4, "S1": s1, "S2": s2, "M2": m2}


def medians(repeat: int, *ways: Callable[[], object]) -> list[float]:
    """Seconds of each of `ways`, the median of runs in turns, after one that warms up."""
    for way in ways:
        way()
    rounds = [[seconds(way) for way in ways] for _ in range(repeat)]
    return [statistics.median(costs) for costs in zip(*rounds, strict=True)]


def best(repeat: int, *ways: Way) -> list[float]:
    """The least cost of each of `ways`, measured `repeat` times in turns."""
    rounds = [[way() for way in ways] for _ in range(repeat)]
    return [min(costs) for costs in zip(*rounds, strict=True)]


def seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def called(predict: Callable[[Frame], object], frame: Frame) -> Way:
    """Wall time of a call."""

    def cost() -> float:
        began = time.perf_counter()
        predict(frame)
        return time.perf_counter() - began

    return cost


def started(command: Sequence[str]) -> Way:
    """User and system time of a process that must end well."""

    def cost() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return cost


@functools.cache
def environment() -> dict[str, str]:
    """Compiled modules as in an installed package; no telemetry on either side."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled = str(Path(tempfile.gettempdir(), "gantool-bytecode"))
    return kept | {"PYTHONPYCACHEPREFIX": compiled, "ORT_DISABLE_TELEMETRY": "1"}


def imports(option: str) -> set[str]:
    """The modules, by their first name, that `gantool OPTION` has loaded when it ends."""
    command = [sys.executable, "-c", IMPORTS, option]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name.partition(".")[0] for name in loaded.split()}


def bare_predict(path: Path) -> Callable[[Frame], Frame]:
    """What a user would write: the float graph, numpy before and after it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def predict(frame: Frame) -> Frame:
        x = frame.transpose(2, 0, 1)[None].astype(np.float32) / 255
        y = session.run(None, {"x": x})[0][0].transpose(1, 2, 0)
        return np.ascontiguousarray((y * 255).clip(0, 255).round().astype(np.uint8))

    return predict


def picture(height: int, width: int) -> Frame:
    """Noise: as much work for a network as any photo, and the hardest for seams."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def machine() -> dict[str, object]:
    """What the figures were measured on; the load is that of the last minute."""
    load = round(os.getloadavg()[0], 2)
    versions = {"onnxruntime": onnxruntime.__version__, "gantool": gantool.__version__}
    return {"cores": cores(), "load": load, "python": sys.version.split()[0], **versions}


def sizes(text: str) -> list[tuple[int, int]]:
    """`480x320,1280x720` → [(480, 320), (1280, 720)]."""
    pairs = (each.split("x") for each in text.split(","))
    return [(int(width), int(height)) for width, height in pairs]


def add_rows(parser: argparse.ArgumentParser, rows: Mapping[str, object]) -> None:
    """The options that benchmarks of rows share: which of them, and where to write them."""

    def chosen(text: str) -> list[object]:
        names = text.split(",")
        if unknown := [name for name in names if name not in rows]:
            raise argparse.ArgumentTypeError(f"no row {unknown[0]}; there are {', '.join(rows)}")
        return [rows[name] for name in names]

    parser.add_argument("--rows", type=chosen, default=[*rows.values()], help="which, by their ids")
    parser.add_argument("--json", type=Path, help="write the table here too")


def tell(rows: Iterable[Row], file: Path | None) -> None:
    """Print rows as they are measured, between the machine and its load; write them to `file`."""
    before, table = machine(), []
    print(*(f"{key} {value}" for key, value in before.items()), sep=" · ")
    for row in rows:
        table.append(dataclasses.asdict(row) | {"ok": row.ok})
        print(row, flush=True)
    print(f"load at the end {os.getloadavg()[0]:.2f}")
    if file:
        file.write_text(json.dumps({"machine": before, "rows": table}, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_rows(parser, ROWS)
    parser.add_argument("--repeat", type=int, default=5, help="measurements of each side")
    parser.add_argument("--frames", type=sizes, default=sizes("480x320,1280x720"), help="of C3")
    options = parser.parse_args(arguments)
    effort = Effort(options.repeat, options.frames)
    tell((row for measure in options.rows for row in measure(effort)), options.json)


if __name__ == "__main__":
    main()

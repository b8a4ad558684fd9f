"""Speed of a training step beside the same GAN written plainly in PyTorch.

    python benchmarks/training.py [--rows pix2pix,cyclegan] [--steps 5] [--threads 1] [--json FILE]

T1  seconds, and CPU seconds, of a plain step over those of ours: the networks of the papers with
    64 channels, one 256×256 picture of each kind a step, float32, CPU

Once with the same networks on both sides, once with ours as they are by default: they resize and
convolve where the papers have transposed convolutions. Ours is what `gantool train` does between
two log lines: prefetched crops, finite check, averaged weights. The plain side (plain_gans.py)
gets one batch, made before. Steps are measured in turns, in one process, and the median of each
side is taken.
"""

import argparse
import dataclasses
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from plain_gans import cyclegan_steps, pix2pix_steps
from speed import Row, picture
from torch import Tensor

import gantool
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool_translate.cyclegan import cyclegan
from gantool_translate.pix2pix import pix2pix

Plain = Callable[[Tensor, Tensor, int], Iterator[None]]
UPS = ("transposed", "resize")


@dataclass(frozen=True)
class Effort:
    """How much to measure, and on what; the bar is for 64 channels and 256 pixels."""

    steps: int
    threads: int
    channels: int
    size: int


RECIPES: dict[str, tuple[Callable[..., object], tuple[str, str], Plain]] = {
    "pix2pix": (pix2pix, ("A", "B"), pix2pix_steps),
    "cyclegan": (cyclegan, ("trainA", "trainB"), cyclegan_steps),
}


def t1(name: str, up: str, effort: Effort) -> Iterator[Row]:
    """A plain step over ours: by the clock, and in CPU time, which other work hardly touches."""
    recipe, folders, plain_steps = RECIPES[name]
    with tempfile.TemporaryDirectory() as folder:
        data = written(Path(folder), folders, effort.size)
        options = {"channels": effort.channels, "crop": effort.size, "up": up}
        run = Run(recipe, data / "run", Settings(name, options, "noise", 10**6), data)
        ours = run.steps(run.data()[0])
        a, b = (torch.rand(1, 3, effort.size, effort.size) * 2 - 1 for _ in range(2))
        mine, theirs = in_turns(effort.steps, ours, plain_steps(a, b, effort.channels))
        ours.close()
    for what, one, other in zip(("seconds", "CPU seconds"), mine, theirs, strict=True):
        sides = f"{name}, {up}, {what} {other:.2f} plain, {one:.2f} ours"
        yield Row("T1", sides, other / one, "×", 1.0, at_least=True)


def in_turns(steps: int, *sides: Iterator[object]) -> list[tuple[float, float]]:
    """Median seconds and CPU seconds of a step of each of `sides`, after one for warming up."""
    for side in sides:
        next(side)
    rounds = [[cost(side) for side in sides] for _ in range(steps)]
    clocks = [zip(*each, strict=True) for each in zip(*rounds, strict=True)]
    return [(median(seconds), median(cpu)) for seconds, cpu in clocks]


def cost(side: Iterator[object]) -> tuple[float, float]:
    """Seconds and CPU seconds, of all threads, that a step takes."""
    seconds, cpu = time.perf_counter(), time.process_time()
    next(side)
    return time.perf_counter() - seconds, time.process_time() - cpu


def written(root: Path, folders: tuple[str, str], size: int) -> Path:
    """A folder of two kinds of noise, a little larger than the crop."""
    for name in folders:
        (root / name).mkdir()
        for number in range(2):
            side = size * 9 // 8
            write_image(root / name / f"{number}.png", picture(side, side), Carry())
    return root


def machine(threads: int) -> dict[str, object]:
    """What the figures were measured on; the load is that of the last minute."""
    load = round(os.getloadavg()[0], 2)
    versions = {"torch": str(torch.__version__), "gantool": gantool.__version__}
    return {"threads": threads, "load": load, "python": sys.version.split()[0], **versions}


def chosen(text: str) -> list[str]:
    """`pix2pix,cyclegan` → their names."""
    names = text.split(",")
    if unknown := [name for name in names if name not in RECIPES]:
        raise argparse.ArgumentTypeError(f"no row {unknown[0]}; there are {', '.join(RECIPES)}")
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=chosen, default=[*RECIPES], help="which, by their recipes")
    parser.add_argument("--steps", type=int, default=5, help="measured steps of each side")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--channels", type=int, default=64, help="of all networks")
    parser.add_argument("--size", type=int, default=256, help="of the pictures, pixels")
    parser.add_argument("--json", type=Path, help="write the table here too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    effort = Effort(options.steps, options.threads, options.channels, options.size)
    before, rows = machine(options.threads), []
    print(*(f"{key} {value}" for key, value in before.items()), sep=" · ")
    for name, up in itertools.product(options.rows, UPS):
        for row in t1(name, up, effort):
            rows.append(row)
            print(row, flush=True)
    print(f"load at the end {os.getloadavg()[0]:.2f}")
    if options.json:
        table = [dataclasses.asdict(row) | {"ok": row.ok} for row in rows]
        options.json.write_text(json.dumps({"machine": before, "rows": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()

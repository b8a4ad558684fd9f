"""Frames a second of several ways to the same results, measured in turns."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Way = Callable[[Frame], object]


def measured(
    ways: dict[str, tuple[Way, int]], frames: Sequence[Frame], span: float
) -> tuple[dict[str, float], str]:
    """Frames a second of each way, the best of three turns; how busy the GPU was with the first."""
    rates = dict.fromkeys(ways, 0.0)
    busy = ""
    for way, _ in ways.values():
        way(frames[0])
    for _ in range(3):
        for name, (way, at_once) in ways.items():
            with Busy() as watch:
                rates[name] = max(rates[name], rate(way, frames, span / 3, at_once))
            if name == next(iter(ways)):
                busy = str(watch) or busy
    return rates, busy


def rate(way: Way, frames: Sequence[Frame], span: float, at_once: int) -> float:
    """Frames a second over about `span` seconds."""
    count = 0
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        while (past := time.perf_counter() - began) < span or count < 2 * at_once:
            batch = [frames[(count + n) % len(frames)] for n in range(4 * at_once)]
            if at_once == 1:
                way(batch[0])
                count += 1
            else:
                count += len(list(pool.map(way, batch)))
    return count / max(past, time.perf_counter() - began)


class Busy:
    """Asks nvidia-smi twice a second; as text the mean utilisation, empty where there is none."""

    def __enter__(self) -> "Busy":
        self._found: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __str__(self) -> str:
        return f"{np.mean(self._found):.0f} %" if self._found else ""

    def _watch(self) -> None:
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self._ended.wait(0.5):
            try:
                said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
                self._found.append(float(said.splitlines()[0]))
            except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
                return

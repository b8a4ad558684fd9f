"""Folders end to end beside what is in it: decoding, the model, encoding."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import skimage.data
from speed import X4, Effort, Frame, Row, seconds

import gantool
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.runtime.session import Session

PHOTOS, WIDE, HIGH = 12, 480, 320


def c4(effort: Effort) -> Iterator[Row]:
    """What decoding, the model and encoding take one by one, over what they take together.

    The model has the pictures' own pixels alone, without those that tiles are read wider.
    """
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name, f"{number}.jpg") for number in range(PHOTOS)]
        for number, file in enumerate(files):
            write_image(file, photo(number), Carry())
        model = gantool.load(X4, device="cpu")
        rounds = [
            (
                seconds(lambda: apart(model, files)),
                seconds(lambda: together(files, Path(name, "out"))),
            )
            for _ in range(effort.repeat)
        ]
    one, other = (statistics.median(costs) for costs in zip(*rounds, strict=True))
    what = f"{PHOTOS} photographs of {WIDE}×{HIGH} to files ×4, CPU"
    yield Row("C4", what, one / other, "×", 0.95, at_least=True)


def apart(model: Session, files: Sequence[Path]) -> None:
    for file in files:
        frame, carry = read_image(file)
        write_image(file.with_suffix(".png.jpg"), model.run(frame[None])[0], carry)


def together(files: Sequence[Path], output: Path) -> None:
    done = list(
        gantool.run("superres", files, output=output, model=X4, device="cpu", overwrite=True)
    )
    assert len(done) == len(files)


def photo(number: int) -> Frame:
    """One that scikit-image brings along, a little further to the right each time."""
    frame = skimage.data.astronaut()[:HIGH, :WIDE]
    return np.ascontiguousarray(np.roll(frame, 8 * number, axis=1))

"""Odd pictures: sizes, depths and kinds of files that tasks are seldom tried on."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.pipeline import Frame

SIZES = ((1, 1), (1, 37), (40, 3), (33, 47), (64, 96))
"""Height and width."""
Depth = type[np.uint8] | type[np.uint16]


def frame(height: int, width: int, depth: Depth = np.uint8, *, grey: bool = False) -> Frame:
    """H×W×3: noise that was blurred, with detail of every size; the same one every time."""
    noise = np.random.default_rng([height, width]).random((height, width, 3), np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 1.5).reshape(noise.shape)
    values = 0.7 * soft + 0.3 * noise
    if grey:
        values = np.repeat(values[..., :1], 3, axis=2)
    return cast(Frame, (values * np.iinfo(depth).max).round().astype(depth))


def frames(depth: Depth = np.uint8) -> list[Frame]:
    """One of each size, then a grey one."""
    return [*(frame(*size, depth) for size in SIZES), frame(48, 50, depth, grey=True)]


def ramp(shown: Frame) -> "np.ndarray[Any, Any]":
    """H×W alpha: a hole on the left, opaque on the right."""
    most = np.iinfo(shown.dtype).max
    row = np.clip(np.linspace(-0.5, 1.5, shown.shape[1]), 0, 1) * most
    return np.repeat(row.round().astype(shown.dtype)[None], shown.shape[0], axis=0)


def write_odd(folder: Path) -> Path:
    """Fills `folder` with pictures that gantool reads: small, thin, deep, grey, transparent."""
    folder.mkdir(parents=True, exist_ok=True)
    colour, deep = frame(33, 47), frame(33, 47, np.uint16)
    plain = Carry()
    write_image(folder / "colour.jpg", colour, plain)
    write_image(folder / "one pixel.png", frame(1, 1), plain)
    write_image(folder / "thin.png", frame(40, 3), plain)
    write_image(folder / "flat.bmp", np.zeros_like(colour), plain)
    write_image(folder / "deep.png", deep, plain)
    write_image(folder / "deep.tif", deep, plain)
    grey = replace(plain, grey=True)
    write_image(folder / "grey-αβγ.png", frame(33, 47, grey=True), grey)
    write_image(folder / "clear.png", colour, replace(plain, alpha=ramp(colour)))
    write_image(folder / "clear.webp", colour, replace(plain, alpha=ramp(colour)))
    _write_turned(folder / "turned.jpg", colour)
    return folder


def write_pairs(folder: Path, count: int = 6) -> Path:
    """Fills `folder` with pictures of 96×192: on the left the input, on the right the target."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        target = frame(96, 96 + number)[:, :96]
        both = np.concatenate([255 - target, target], axis=1)
        write_image(folder / f"{number}.png", cast(Frame, both), Carry())
    return folder


def _write_turned(path: Path, shown: Frame) -> None:
    """A JPEG whose EXIF says to turn it a quarter."""
    from PIL import Image

    picture = Image.fromarray(shown)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)

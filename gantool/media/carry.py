"""What media takes off a picture before the task and puts back after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from gantool.media.pixels import as_depth, like, luma
from gantool.media.rows import STRIP, attached
from gantool.scratch import allocate

if TYPE_CHECKING:
    from gantool.media.pixels import Pixels
    from gantool.pipeline import Frame, Result


@dataclass(frozen=True, eq=False)
class Carry:
    """Everything of a picture that a Frame does not hold."""

    alpha: Pixels | None = None
    """H×W, straight, the frame's dtype."""
    grey: bool = False
    """The picture has one channel; its frame has three equal ones."""
    exif: bytes = b""
    """A TIFF structure, without «Exif» before it; the orientation in it is already 1."""
    icc: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    mtime_ns: int | None = None
    png: tuple[tuple[bytes, bytes], ...] = ()
    """Chunks that only another PNG can hold: gamma, primaries, text."""
    notes: tuple[str, ...] = ()
    """What of the file could not be taken along, a line each."""


def detach(pixels: Pixels, carry: Carry) -> tuple[Frame, Carry]:
    """Pixels of one to four channels to a Frame, and `carry` with their alpha and greyness."""
    grey = pixels.shape[2] < 3
    alpha = pixels[..., -1].copy() if pixels.shape[2] in (2, 4) else None
    colours = np.repeat(pixels[..., :1], 3, axis=2) if grey else pixels[..., :3]
    frame = like(np.ascontiguousarray(colours), pixels)
    if alpha is not None:
        frame = filled(frame, alpha)
    return frame, replace(carry, alpha=alpha, grey=grey)


def attach(frame: Frame, carry: Carry) -> Pixels:
    """A Frame to pixels of as many channels as `carry` asks for, of the frame's depth."""
    return attached(frame, carry)[:]


def filled(frame: Frame, alpha: Pixels) -> Frame:
    """The frame with every fully transparent pixel in the colour of the nearest other one.

    What is stored there is arbitrary, often black; a model would draw it into the edges.
    """
    shown = alpha > 0
    if shown.all() or not shown.any():
        return frame
    _, nearest = cv2.distanceTransformWithLabels(
        (~shown).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.uint32 if frame.dtype == np.uint8 else np.uint64
    numbers = cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA).view(number)[..., 0]  # moved in one step
    colours = np.empty(int(nearest.max()) + 1, number)
    colours[nearest[shown]] = numbers[shown]
    found = colours[nearest].view(frame.dtype).reshape(*alpha.shape, 4)
    return like(cv2.cvtColor(found, cv2.COLOR_RGBA2RGB), frame)


def carry_through(
    process: Callable[[Frame], Result],
    frame: Frame,
    carry: Carry,
    *,
    grey: Literal["keep", "colour"],
    alpha: Literal["resize", "model"],
) -> dict[str, tuple[Frame, Carry]]:
    """Run `process` on the frame; its results by suffix ("" for one), each with its own carry.

    An alpha channel is resampled to the result's size, or with `model` sent through `process`.
    """
    results = _by_suffix(process(frame))
    masks = _masks(process, carry.alpha) if alpha == "model" else {}
    kept = replace(carry, grey=carry.grey and grey == "keep")
    return {
        suffix: (result, replace(kept, alpha=_fitted(masks.get(suffix, carry.alpha), result)))
        for suffix, result in results.items()
    }


def _by_suffix(result: Result) -> dict[str, Frame]:
    return dict(result) if isinstance(result, Mapping) else {"": result}


def _masks(process: Callable[[Frame], Result], alpha: Pixels | None) -> dict[str, Pixels]:
    if alpha is None or alpha.min() == alpha.max():  # a flat one stays flat: save the model's time
        return {}
    results = _by_suffix(process(like(np.repeat(alpha[..., None], 3, axis=2), alpha)))
    return {suffix: _grey(mask) for suffix, mask in results.items()}


def _grey(mask: Frame) -> Pixels:
    """H×W of a mask that a model drew as a frame."""
    grey = like(allocate(mask.shape[:2], mask.dtype), mask)
    height = max(1, STRIP // mask[0].nbytes)
    for top in range(0, len(mask), height):
        grey[top : top + height] = luma(mask[top : top + height])[..., 0]
    return grey


def _fitted(alpha: Pixels | None, frame: Frame) -> Pixels | None:
    """`alpha` in the frame's size and depth. OpenCV clips what cubic weights overshoot."""
    if alpha is None:
        return None
    height, width = frame.shape[:2]
    fit = as_depth(alpha, frame.dtype)
    if fit.shape == (height, width):
        return fit
    larger = height * width > fit.size
    how = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
    fitted = like(allocate((height, width), frame.dtype), frame)
    cv2.resize(fit, (width, height), dst=fitted, interpolation=how)
    return fitted

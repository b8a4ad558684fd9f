"""What a graph takes and gives: layout, range, scale and sizes, found with pictures.

A network that enlarges or mends a picture gives back what it was given. Where the right reading
does not stand out by that, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from gantool.errors import ModelError
from gantool.pipeline import Frame
from gantool.runtime import foreign_graph, scan
from gantool.runtime.foreign_graph import CHANNELS, Ends, Layout, Range
from gantool.runtime.graphs import Batch, Graph, floats
from gantool.runtime.tiling import filling

RANGES: dict[str, Range] = {"0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0)}
LIKENESS = 18.0
"""Least PSNR, dB, between a picture and what a network makes of it, for it to be seen in it."""
SURE = 35.0
"""PSNR, dB, beyond which more says nothing."""
CLEAR = 3.0
"""By how much, dB, the right range must be better than another that gives another picture."""
SAME = 1.0
"""Mean difference, in levels of 255, up to which two results are one."""
OLDEST = 7
"""Operator set that can be brought up to ours."""
SIDE = 64
"""Of the pictures tried, where sizes are free."""
LEAST = 8
"""What announces fewer is no side of a picture, but its channels."""
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Found:
    """What was found out about a graph; lengths in pixels."""

    layout: Layout
    given_layout: Layout
    taken: Range
    given: Range
    scale: int
    size: tuple[int, int]
    """Height and width that it announces, or that it was tried at."""
    window: tuple[int, int] = (0, 0)
    """The same where it takes no others."""
    multiple: int = 1
    align: int = 1
    minimum: int = 1
    batch: int = 0

    @property
    def ends(self) -> Ends:
        return Ends(self.layout, self.taken, self.given_layout, self.given)

    def lengths(self) -> dict[str, Any]:
        """What a contract says of them."""
        names = ("scale", "multiple", "align", "minimum", "batch")
        return {"window": tuple(self.window), **{each: getattr(self, each) for each in names}}


def find(
    model: onnx.ModelProto, pictures: Sequence[Frame], layout: str = "", taken: str = ""
) -> tuple[Found, onnx.ModelProto]:
    """What `model`, a plain one, takes and gives, and the same with our ends.

    Raises ModelError where it is no network from pictures to pictures, or where `layout` or the
    range `taken` must be told.
    """
    graph = _in_layout(model, pictures[0], layout)
    size = _size(model, graph.layout)
    ranges = [RANGES[taken]] if taken else list(RANGES.values())
    frame = filling(pictures[0], *size)
    first, given = _ranges(graph, frame, ranges, told=bool(taken))
    scale = _scale(size, graph.run(floats(frame, first)).shape)
    found = Found(graph.layout, graph.given_layout, first, given, scale, size)
    ours = foreign_graph.with_our_ends(model, found.ends)
    return _sized(found, ours, pictures), ours


def results(path: Path, found: Found, pictures: Sequence[Frame]) -> list[Batch]:
    """H×W×3 levels in [0, 255] that the file at `path`, as it is, makes of parts of `pictures`."""
    model = scan.load(path, oldest=OLDEST)
    graph = Graph(model, found.layout)
    low, high = found.given
    made = (graph.run(floats(part(each, found), found.taken))[0] for each in pictures)
    return [np.clip((each - low) / (high - low) * 255, 0, 255) for each in made]


def part(picture: Frame, found: Found) -> Frame:
    """As large as the file says that it takes it."""
    return filling(picture, *found.size)


def _in_layout(model: onnx.ModelProto, picture: Frame, layout: str) -> Graph:
    """The graph in the one layout in which it takes a picture."""
    known = foreign_graph.sides(model) or [0] * 4
    layouts: list[Layout] = [each for each in CHANNELS if each == (layout or each)]
    fits = [each for each in layouts if known[CHANNELS[each]] in (0, 3)]
    fits = [each for each in fits if min(_size(model, each)) >= LEAST]
    if not fits:
        form = scan.form(model.graph.input[0])
        raise ModelError(f"takes {form}{' as ' + layout if layout else ''}, not 3 channels")
    running, problem = [], ""
    for each in fits:
        try:
            graph = Graph(model, each)
            graph.run(floats(filling(picture, *_size(model, each)), (0.0, 1.0)))
            running.append(graph)
        except ModelError as error:
            problem = problem or str(error)
    if len(running) > 1:
        raise ModelError("takes pictures as N×3×H×W or N×H×W×3: add --layout nchw or nhwc")
    if not running:
        raise ModelError(problem)
    return running[0]


def _size(model: onnx.ModelProto, layout: Layout) -> tuple[int, int]:
    """Height and width that it takes, SIDE where it takes any."""
    known = foreign_graph.sides(model) or [0] * 4
    height, width = [side for at, side in enumerate(known) if at not in (0, CHANNELS[layout])]
    return height or SIDE, width or SIDE


def _ranges(
    graph: Graph, frame: Frame, ranges: Sequence[Range], *, told: bool
) -> tuple[Range, Range]:
    """What the graph takes and gives: the reading in which the frame comes back."""
    tried = []
    for taken in ranges:
        result = graph.run(floats(frame, taken))
        given = _range_of(result)
        picture = np.clip((result[0] - given[0]) / (given[1] - given[0]), 0, 1)
        tried.append((_likeness(frame, picture), taken, given, picture))
    tried.sort(key=lambda each: -each[0])  # of equals the first stays
    (best, taken, given, picture), *others = tried
    if told:
        return taken, given
    if best < LIKENESS:
        raise ModelError(f"gives another picture than it takes in every range: {_ask()}")
    for likeness, other, _, another in others:
        apart = np.abs(picture - another).mean() * 255
        if likeness > min(best, SURE) - CLEAR and apart > SAME:
            names = {bounds: name for name, bounds in RANGES.items()}
            raise ModelError(f"takes {names[taken]} or {names[other]}, both look right: {_ask()}")
    return taken, given


def _ask() -> str:
    return f"add --range {', '.join(RANGES)}, as its author says"


def _range_of(result: Batch) -> Range:
    """By its values; a few may lie beyond."""
    low, high = np.nanpercentile(result, (2, 98))
    if high > 4:
        return RANGES["0..255"]
    return RANGES["-1..1"] if low < -0.25 else RANGES["0..1"]


def _likeness(frame: Frame, picture: Batch) -> float:
    """PSNR, dB, of what was made of a frame, at the frame's size."""
    import cv2

    small = cv2.resize(picture, frame.shape[1::-1], interpolation=cv2.INTER_AREA)
    error = float(np.square(small - frame / np.float32(255)).mean())
    return -10 * float(np.log10(max(error, 1e-10))) if np.isfinite(error) else -np.inf


def _scale(size: tuple[int, int], shape: tuple[int, ...]) -> int:
    scale = shape[1] // size[0]
    if not scale or shape[1:3] != (size[0] * scale, size[1] * scale):
        raise ModelError(
            f"gives {shape[2]}×{shape[1]} of {size[1]}×{size[0]}, which is no whole enlargement"
        )
    return scale


def _sized(found: Found, ours: onnx.ModelProto, pictures: Sequence[Frame]) -> Found:
    """`found` with the sizes that the graph takes, found out on the one with our ends."""
    graph = Graph(ours, "nchw")

    def takes(height: int, width: int, count: int = 1) -> bool:
        batch = np.repeat(floats(filling(pictures[0], height, width), found.taken), count, 0)
        wanted = (count, height * found.scale, width * found.scale, 3)
        try:
            return graph.run(batch).shape == wanted
        except ModelError:
            return False

    for unit in MULTIPLES:
        odd = -(-SIDE // unit) | 1  # an odd multiple, so that half of `unit` is not enough
        if takes(odd * unit, (odd + 2) * unit):
            least = next(n for n in range(1, odd + 1) if takes(n * unit, n * unit)) * unit
            batch = 0 if takes(odd * unit, odd * unit, count=2) else 1
            align = _align(graph, found, unit, pictures)
            return replace(found, multiple=unit, minimum=least, align=align, batch=batch)
    batch = 0 if takes(*found.size, count=2) else 1
    return replace(found, window=found.size, minimum=max(found.size), batch=batch)


def _align(graph: Graph, found: Found, unit: int, pictures: Sequence[Frame]) -> int:
    """By how many pixels a picture may be moved and gives the same, moved; `unit` where none."""
    width = max(3 * SIDE, 3 * unit) // unit * unit
    for step in (each for each in MULTIPLES if each % unit == 0):
        wide = filling(pictures[0], -(-SIDE // unit) * unit, width + step)
        parts = (wide[:, :width], wide[:, step:])
        results = [graph.run(floats(each, found.taken))[0] for each in parts]
        first, second = results[0][:, step * found.scale :], results[1]
        third = slice(width // 3 * found.scale, (2 * width // 3 - step) * found.scale)
        apart = np.abs(first[:, third] - second[:, third]).max(initial=0)
        if apart <= (found.taken[1] - found.taken[0]) / 255:
            return step
    return unit

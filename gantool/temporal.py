"""Films whose frames were made one by one, made steady along the motion of what they show.

What a process changes in a frame, result less input, is blended with what it changed before, moved
to where that is now: coarse colour strongly, fine detail less. It is a recursive filter in place of
the optimisation of Bonneel et al., "Blind Video Temporal Consistency" (2015), and of the network of
Lai et al., "Learning Blind Video Temporal Consistency" (2018); the confidence in a motion is
theirs: how well the moved input agrees with the input that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from gantool.errors import ItemError
from gantool.pipeline import SCENE, Frame, Frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.float32]

SIDE = 480
"""Of the copies that motion is found on, pixels."""
SEEN, CHANGE = SCENE + "seen", SCENE + "change"
"""The memory: the copy of the frame before, and what was changed in it, H×W×3 in its levels."""
COARSE, FINE = 0.9, 0.7
"""How much of what was changed before is kept, of slow and of fast variation over the picture."""
REACH = 1.5
"""Deviation of the blur that parts them, in pixels of a copy."""
DOUBT = 10.0
"""Levels by which a moved copy may differ: there it is believed by half, nearly."""
ALIKE, SAME_SCENE = 0.5, 0.7
"""Correlation from which a patch is the one before; the share of such patches within a scene."""
PATCH, TEXTURE, NOISE, FLAT, ENOUGH = 21, 16.0, 2.0, 2.0, 0.02
"""Side of a patch, pixels; variance with which it has a vote; blur that takes grain away; variance
that is none; the share of a frame that must vote."""
GRAIN = 1.5
"""Blur of differences in colour, pixels: those of grain are no doubt about a motion."""
DETAIL, FAINT, SHARPER, LASTING = 2.0, 0.03, 1.0, 0.2
"""Blur that takes detail away, pixels; levels of it that are none; most that it is raised by, and
that in the memory: (1 + LASTING)·FINE must be well under 1, or grain would grow into patterns."""
SMALLEST = 16
"""Side from which motion is looked for, pixels."""


@dataclass(frozen=True)
class Motion:
    """From a frame to the one before, on their copies."""

    flow: Values
    """h×w×2, pixels of the copy: what is at p was at p + flow."""
    trust: Values
    """h×w, 0 where it is wrong or shows what was hidden, to 1."""


def steadied(
    frames: Frames, process: Callable[[Frame], Frame], *, strength: float = 1.0
) -> Iterator[Frame]:
    """`process` on each frame, without its flicker; the first result of a scene is as it is.

    Results have their frame's size and dtype, else ItemError is raised. `strength` is 0, as they
    are, to 1. At a cut all that `frames.memory` has of a scene is forgotten, before `process` is
    called.
    """
    import cv2

    for frame in frames:
        copy = reduced(frame)
        motion = _known(frame, copy, frames.memory)
        if motion is None:
            forget(frames.memory)
        made = process(frame)
        if (made.shape, made.dtype) != (frame.shape, frame.dtype):
            raise ItemError("only films that keep their size and depth can be steadied")
        change = cast("Values", cv2.subtract(made, frame, dtype=cv2.CV_32F))
        if motion is not None:
            before = _moved(frames.memory[CHANGE], motion.flow)
            change = _blended(change, before, motion.trust, strength)
            added, lasting = _lost_detail(_changed(frame, change), made, motion.trust)
            made = _changed(frame, _brighter(change, added))
            change = _brighter(change, lasting)
        frames.memory |= {SEEN: copy, CHANGE: change}
        yield made


def forget(memory: dict[str, NDArray[Any]]) -> None:
    """Drop what is known of a scene."""
    for name in [name for name in memory if name.startswith(SCENE)]:
        del memory[name]


def reduced(frame: Frame) -> NDArray[np.uint8]:
    """A copy in 8 bits with at most SIDE pixels a side."""
    import cv2

    height, width = frame.shape[:2]
    factor = min(SIDE / max(height, width), 1)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return cast("NDArray[np.uint8]", cv2.convertScaleAbs(small, alpha=1 / _level(frame)))


def _known(frame: Frame, copy: NDArray[Any], memory: dict[str, NDArray[Any]]) -> Motion | None:
    """None where a scene or a film begins."""
    if CHANGE not in memory or memory[CHANGE].shape != frame.shape:
        return None
    return motion_between(copy, memory[SEEN])


def motion_between(copy: NDArray[Any], before: NDArray[Any]) -> Motion | None:
    """None where they are of two scenes. Copies as `reduced` makes them, of one size."""
    import cv2

    grey, grey_before = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (copy, before))
    flow = _flow(grey, grey_before)
    inside = _inside(flow)
    if _alike(grey, _moved(grey_before, flow), inside) < SAME_SCENE:
        return None
    return Motion(flow, _trust(copy, _moved(before, flow), inside))


def _flow(grey: NDArray[Any], before: NDArray[Any]) -> Values:
    """Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (2016); none in tiny ones."""
    import cv2
    import numpy as np

    if min(grey.shape) < SMALLEST:
        return np.zeros((*grey.shape, 2), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return cast("Values", search.calc(grey, before, None))  # type: ignore[call-overload]  # None begins anew


def _alike(grey: NDArray[Any], moved: NDArray[Any], inside: NDArray[np.bool_]) -> float:
    """The share of patches with texture that correlate: brightness and contrast may change."""
    import cv2

    one, two = (cv2.GaussianBlur(each.astype("f4"), (0, 0), NOISE) for each in (grey, moved))
    mean_one, mean_two = _local(one), _local(two)
    variance_one = _local(one * one) - mean_one**2
    variance_two = _local(two * two) - mean_two**2
    seen = (cv2.max(variance_one, variance_two) > TEXTURE) & inside
    if seen.mean() < ENOUGH:
        return 1.0
    covariance = _local(one * two) - mean_one * mean_two
    scale = cv2.sqrt((variance_one.clip(0) + FLAT) * (variance_two.clip(0) + FLAT))
    return float((covariance + FLAT > ALIKE * scale)[seen].mean())


def _local(values: NDArray[Any]) -> Values:
    import cv2

    return cast("Values", cv2.boxFilter(values, -1, (PATCH, PATCH)))


def _trust(copy: NDArray[Any], moved: NDArray[Any], inside: NDArray[np.bool_]) -> Values:
    """By the difference in colour; what changes everywhere, as in a fade, is none."""
    import cv2
    import numpy as np

    off = cv2.GaussianBlur(cv2.subtract(copy, moved, dtype=cv2.CV_32F), (0, 0), GRAIN)
    off -= np.median(off[::4, ::4], axis=(0, 1))
    red, green, blue = cv2.split(np.square(off))
    worst = cv2.max(cv2.max(red, green), blue)
    trust = cv2.exp(worst * (-1 / DOUBT**2)) * inside
    return cast("Values", cv2.blur(cv2.erode(trust, np.ones((3, 3), np.uint8)), (3, 3)))


def _inside(flow: Values) -> NDArray[np.bool_]:
    """h×w: where it does not lead out of the picture by more than a pixel."""
    height, width = flow.shape[:2]
    x, y = _places(flow)
    return cast("NDArray[np.bool_]", (x >= -1) & (y >= -1) & (x <= width) & (y <= height))


def _places(flow: Values) -> tuple[Values, Values]:
    """x and y of where it leads, h×w each."""
    import numpy as np

    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cast("tuple[Values, Values]", (x, y))


def _moved(picture: NDArray[Any], flow: Values) -> NDArray[Any]:
    """H×W×n, where it is now, along the flow of a copy."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    if flow.shape[:2] != (height, width):
        scale = np.array((width / flow.shape[1], height / flow.shape[0]), np.float32)
        flow = cast("Values", cv2.resize(flow * scale, (width, height)))
    x, y = _places(flow)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _blended(change: Values, before: Values, trust: Values, strength: float) -> Values:
    """Towards what was changed before, where that is trusted: slow variation more than fast."""
    import cv2

    size, weight = change.shape[1::-1], cv2.merge([trust] * 3)
    off = cv2.subtract(before, change, dst=before)  # in place: new memory costs more than the sums
    small = cv2.resize(off, trust.shape[::-1], interpolation=cv2.INTER_AREA)
    spread = cv2.GaussianBlur(weight, (0, 0), REACH) + 1e-3
    coarse = cv2.resize(cv2.GaussianBlur(small * weight, (0, 0), REACH) / spread, size)
    step = cv2.addWeighted(off, FINE * strength, coarse, (COARSE - FINE) * strength, 0, dst=off)
    weighted = cv2.multiply(step, cv2.resize(weight, size, dst=coarse), dst=step)
    return cast("Values", cv2.add(change, weighted, dst=change))


def _lost_detail(blurred: Frame, sharp: Frame, trust: Values) -> tuple[Values, Values]:
    """What gives `blurred` the fine detail that `sharp` has, place by place; what may last of it.

    Averages over time blur: means of details that do not quite agree are softer than each.
    """
    import cv2

    detail, energy = _detail(blurred, trust)
    faint = FAINT * _level(sharp)
    small = (_detail(sharp, trust)[1] + faint) / (energy + faint) - 1
    gain = cv2.resize(small.clip(0, SHARPER), detail.shape[::-1])
    added, lasting = detail * gain, cv2.threshold(gain, LASTING, 0, cv2.THRESH_TRUNC, dst=gain)[1]
    return cast("tuple[Values, Values]", (added, cv2.multiply(detail, lasting, dst=lasting)))


def _brighter(change: Values, luma: Values) -> Values:
    import cv2

    return cast("Values", cv2.add(change, cv2.merge([luma] * 3)))


def _detail(frame: Frame, trust: Values) -> tuple[Values, Values]:
    """H×W, of the luma; how much of it there is about each place of a copy."""
    import cv2

    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    detail = cv2.subtract(luma, cv2.GaussianBlur(luma, (0, 0), DETAIL), dtype=cv2.CV_32F)
    energy = cv2.resize(abs(detail), trust.shape[::-1], interpolation=cv2.INTER_AREA)
    return cast("tuple[Values, Values]", (detail, cv2.blur(energy, (9, 9))))


def _changed(frame: Frame, change: Values) -> Frame:
    """frame + change, in the depth of the frame."""
    import cv2

    depth = cv2.CV_8U if frame.dtype.itemsize == 1 else cv2.CV_16U
    return cast(Frame, cv2.add(frame, change, dtype=depth))


def _level(frame: Frame) -> float:
    """One of 255 levels, in the depth of the frame."""
    return 1.0 if frame.dtype.itemsize == 1 else 257.0

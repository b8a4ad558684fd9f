"""How much films flicker, frame by frame and steadied, and whether they stay as sharp.

    python benchmarks/flicker.py FILM... --task translate --set style=monet [--frames 40]

F1  share by which flicker falls, film by film
F2  sharpness of the steadied film over that of the other
F3  what steadying costs

Flicker is the mean absolute difference, in levels, of successive results, the first of them moved
along the flow of the input, over the pixels where the input moved so agrees with itself. Sharpness
is the mean gradient magnitude of the luma; the variance of its Laplacian is printed too. Each film
is processed frame by frame (the task's `process`) and as the task streams it; of each, `--frames`
are taken. With --colours it is that of Cb and Cr alone, for tasks that keep the luma, whose grain
and motion would hide what they do. A made film, two pictures that pan with grain and a cut between
them, comes last. The task `recolour` is a stand-in for models whose colours wander: slow random
chroma on each frame.
"""

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from speed import Row, tell  # its onnxruntime reports to nobody

import gantool
from gantool import Frames, Pipeline, api

Picture = NDArray[np.uint8]
AGREE = 8
"""Levels by which the input, moved, may differ where flicker is measured."""
SAME_SCENE = 0.3
"""Share of pixels that must agree for a pair of frames to count: fewer do at a cut."""
EXAMPLES = Path(__file__).parent.parent / "examples"
FALL, KEPT = 0.3, 0.97


@dataclass(frozen=True)
class Figures:
    """Of one film."""

    flicker: float
    gradient: float
    laplacian: float
    seconds: float
    """For each frame."""


@dataclass(frozen=True)
class Motion:
    """Between two frames of an input: where to look in the first, and where that is right."""

    places: NDArray[np.float32]
    agrees: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    films = [(path.stem, decoded(path, options.frames)) for path in options.films]
    films.append(("made", made(options.frames)))
    look = colours if options.colours else np.asarray
    tell(rows(options.task, dict(options.set), films, options.sheets, look), options.json)


def rows(
    task: str,
    settings: dict[str, str],
    films: list[tuple[str, list[Picture]]],
    sheets: Path | None,
    look: Callable[[Picture], Picture],
) -> Iterator[Row]:
    """Of each film how much flicker falls, and what is left of the sharpness; then the cost."""
    name = "-".join([task, *settings.values()])
    for film, frames in films:
        motions = [motion(before, frame) for before, frame in pairwise(frames)]
        both = [measured(way, frames, motions, look) for way in ways(task, settings)]
        (plain, before), (steady, after) = both
        if sheets:
            sheet(sheets / f"{film}-{name}.png", frames, plain, steady)
        levels = f"{before.flicker:.2f} to {after.flicker:.2f}"
        fall = 1 - after.flicker / before.flicker
        yield Row("F1", f"{name}, {film}: {levels} levels, fall", fall, "", FALL, at_least=True)
        laplacian = f"Laplacian {after.laplacian / before.laplacian:.3f}"
        kept = after.gradient / before.gradient
        yield Row("F2", f"the same: {laplacian}, gradient", kept, "×", KEPT, at_least=True)
        print(f"    {before.seconds:.2f} to {after.seconds:.2f} s a frame, {len(frames)} frames")
    yield Row("F3", "CPU of steadied, 1280×720, one thread", cost(), "ms", 60)


def cost() -> float:
    """Milliseconds a frame of what is added to a process, the least of three films."""
    frames = [cv2.resize(each, (1280, 720)) for each in made(24)[:12]]
    threads, costs = cv2.getNumThreads(), []
    cv2.setNumThreads(1)
    for _ in range(3):
        began = time.thread_time()
        for _ in gantool.steadied(Frames(frames), lambda frame: 255 - frame):
            pass
        costs.append(1000 * (time.thread_time() - began) / len(frames))
    cv2.setNumThreads(threads)
    return min(costs)


Way = Callable[[Frames], Iterator[Picture]]


def ways(task: str, settings: dict[str, str]) -> tuple[Way, Way]:
    """Frame by frame, and as a film."""
    if task == "recolour":
        process = Recolour()
        return (lambda frames: map(process, frames)), (
            lambda frames: gantool.steadied(frames, process)
        )
    pipeline = pipeline_of(task, settings)
    predicts = [gantool.load(model, device="cpu") for model in pipeline.models]
    stream = pipeline.stream
    assert stream is not None, f"{task} has nothing for films"
    return (lambda frames: (pipeline.process(frame, *predicts) for frame in frames)), (
        lambda frames: stream(frames, *predicts)
    )


def pipeline_of(task: str, settings: dict[str, str]) -> Pipeline:
    """Values are numbers where they can be."""

    def value(text: str) -> object:
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(text)
        return text

    options = {name: value(text) for name, text in settings.items()}
    return api.registry().tasks[task](**options)


class Recolour:
    """A process whose colours wander: chroma varies slowly over a frame, anew in each."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def __call__(self, frame: Picture) -> Picture:
        coarse = self._random.normal(0, 12, (6, 8, 2)).astype(np.float32)
        chroma = cv2.resize(coarse, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        colours = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        colours[..., 1:] += chroma
        return cv2.cvtColor(colours.clip(0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def measured(
    way: Way,
    frames: list[Picture],
    motions: list[Motion],
    look: Callable[[Picture], Picture],
) -> tuple[list[Picture], Figures]:
    began = time.perf_counter()
    results = list(way(Frames(frames)))
    seconds = (time.perf_counter() - began) / len(frames)
    changes = (
        flicker(before, after, each)
        for (before, after), each in zip(pairwise(map(look, results)), motions, strict=True)
        if each.agrees.mean() > SAME_SCENE
    )
    luma = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32) for each in results]
    gradients = [np.hypot(*np.gradient(each)).mean() for each in luma]
    laplacians = [cv2.Laplacian(each, cv2.CV_32F).var() for each in luma]
    means = (float(np.mean(each)) for each in (list(changes), gradients, laplacians))
    return results, Figures(*means, seconds)


def colours(picture: Picture) -> Picture:
    """H×W×3 → H×W×2, Cr and Cb."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1:].copy()


def flicker(before: Picture, after: Picture, motion: Motion) -> float:
    """Mean absolute difference where the input agrees, in levels."""
    off = cv2.absdiff(moved(before, motion.places), after)
    return float(off[motion.agrees].mean())


def motion(before: Picture, after: Picture) -> Motion:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (after, before)]
    height, width = greys[0].shape
    places = search.calc(*greys, None) + np.dstack(np.meshgrid(np.arange(width), np.arange(height)))
    places = places.astype(np.float32)
    inside = ((places >= 0) & (places <= (width - 1, height - 1))).all(axis=2)
    off = cv2.absdiff(moved(before, places), after).max(axis=2)
    return Motion(places, inside & (off < AGREE))


def moved(picture: Picture, places: NDArray[np.float32]) -> Picture:
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def decoded(path: Path, count: int) -> list[Picture]:
    import av

    with av.open(str(path)) as film:
        return [each.to_ndarray(format="rgb24") for each in islice(film.decode(video=0), count)]


def made(count: int) -> list[Picture]:
    """Half of the frames pan over one picture, half over another; grain of 4 levels on all."""
    random = np.random.default_rng(1)
    half = count // 2
    frames = []
    for name, some in (("astronaut.jpg", half), ("cat.jpg", count - half)):
        scene = cv2.cvtColor(cv2.imdecode(bytes_of(EXAMPLES / name), 1), cv2.COLOR_BGR2RGB)
        scene = cv2.resize(scene, (480 + 3 * count, 300))
        for index in range(some):
            view = scene[:270, 3 * index : 3 * index + 480]
            noise = random.normal(0, 4, view.shape)
            frames.append((view + noise).clip(0, 255).round().astype(np.uint8))
    return frames


def bytes_of(path: Path) -> NDArray[np.uint8]:
    return np.frombuffer(path.read_bytes(), np.uint8)


def sheet(
    path: Path, frames: list[Picture], plain: list[Picture], steady: list[Picture], most: int = 4
) -> None:
    """Consecutive frames of the middle: input, frame by frame, steadied, a row each."""
    start = max(len(frames) // 2 - most // 2, 0)
    shown = [np.hstack(each[start : start + most]) for each in (frames, plain, steady)]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = cv2.imencode(".png", cv2.cvtColor(np.vstack(shown), cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(content.tobytes())


def setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text}: must be name=value")
    return name, value


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--task", default="translate", help="its name, or recolour")
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--frames", type=int, default=40, help="of each film")
    parser.add_argument("--colours", action="store_true", help="look at Cb and Cr alone")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of consecutive frames")
    parser.add_argument("--json", type=Path, help="write the table here too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

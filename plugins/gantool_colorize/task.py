"""Task colorize: grey photographs in colours, every detail of them kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gantool import Frame, Frames, ItemError, Pipeline, Predict, UsageError, steadied
from gantool_colorize import chroma, palette, tone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gantool_colorize.chroma import Plane

PHOTO, DIVERSE = "colorize/photo", "colorize/diverse"
SAMPLE = Path(__file__).parent / "sample.jpg"
"""A rocket at dusk, grey. SpaceX, CC0."""
SIDE = 288
"""Short side of the frame that the model works on, pixels."""
LOOKS = ((1.0, True), (2 / 3, False))
"""Shares of that side at which the model looks, and whether at the mirror image: in the mean of
both there are fewer blotches than in either."""
LARGEST = 1 << 20
"""Pixels that it is given at most: those of a panorama."""
INTENSITY = 2.0
"""Somewhat more than half as colourful as photographs are; 1 comes closest to the pixels."""
MOST_SAMPLES = 64
LATENT = 8
"""Numbers by which the colourings of the diverse model differ."""


def colorize(
    intensity: Annotated[
        float, typer.Option(metavar="0..4", help="Factor on the colours; 0 leaves the luma.")
    ] = INTENSITY,
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", help="So many different colourings of each picture."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Which colourings --samples gives.")] = 0,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="PHOTO", help="Take the palette of this photograph."),
    ] = None,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal/--no-temporal",
            help="Films: follow the frames before, against flicker; not with --samples.",
        ),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Colour photographs that have colours, too.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Use this model; see gantool models list."),
    ] = None,
) -> Pipeline:
    """Colour grey photographs, also sepia and faded ones.

    For example: gantool colorize old-photos/
    """
    if not 0 <= intensity <= 4:
        raise UsageError(f"--intensity {intensity:g}: must be from 0 to 4")
    if samples is not None and not 1 <= samples <= MOST_SAMPLES:
        raise UsageError(f"--samples {samples}: must be from 1 to {MOST_SAMPLES}")
    if seed < 0 or (seed and samples is None):
        raise UsageError(f"--seed {seed}: a whole number from 0, beside --samples")
    colours = palette.read(reference) if reference else None
    colouring = Colouring(intensity, force, colours, samples or 0, seed)
    return Pipeline(
        models=(model or (DIVERSE if samples else PHOTO),),
        process=colouring.paint,
        stream=colouring.film if temporal and samples is None else None,
        label=_label(intensity, samples, seed, reference),
        grey="colour",
        sample=str(SAMPLE),
        results=colouring.names or ("",),
    )


@dataclass(frozen=True)
class Colouring:
    """How grey pictures get their colours."""

    intensity: float
    force: bool = False
    colours: palette.Palette | None = None
    samples: int = 0
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the samples."""
        return tuple(str(number) for number in range(1, self.samples + 1))

    def paint(self, frame: Frame, predict: Predict) -> Frame | dict[str, Frame]:
        """H×W×3 → the same luma in colours, or as many as there are samples.

        Raises ItemError for a picture that has colours.
        """
        small = reduced(frame)
        self._check(small)
        y = chroma.luma(small)
        if not self.samples:
            return self._laid(frame, y, found(y, predict))
        each = zip(self.names, moods(self.samples, self.seed), strict=True)
        return {name: self._laid(frame, y, found(y, partial(predict, z=z))) for name, z in each}

    def film(self, frames: Frames, predict: Predict) -> Iterator[Frame]:
        """The same for the frames of a film, without flicker."""
        grey: Frame | None = None

        def given() -> Iterator[Frame]:
            nonlocal grey
            for frame in frames:
                grey = self._grey(frame)  # so that what is blended is colour alone
                yield grey

        steady = steadied(Frames(given(), frames.memory), partial(self._one, predict=predict))
        for result in steady:
            assert grey is not None
            yield chroma.on_luma(grey, result)

    def _one(self, frame: Frame, predict: Predict) -> Frame:
        return cast(Frame, self.paint(frame, predict))

    def _grey(self, frame: Frame) -> Frame:
        """The luma of a frame in all channels. Raises ItemError for one that has colours."""
        import cv2

        self._check(reduced(frame))
        luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        return cast(Frame, cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB))

    def _check(self, small: Frame) -> None:
        if not self.force and tone.is_coloured(small):
            raise ItemError("it has colours already: --force gives it others")

    def _laid(self, frame: Frame, y: Plane, found: Plane) -> Frame:
        """`frame` in the colours `found` for its reduced luma `y`."""
        if self.colours is not None:
            found = palette.moved(found, y, self.colours)
        return chroma.merged(frame, chroma.guided(y, found), self.intensity)


def reduced(frame: Frame) -> Frame:
    """The frame as large as the model works: SIDE on its short side, or LARGEST pixels in all."""
    import cv2  # the command line starts without it

    height, width = frame.shape[:2]
    factor = min(SIDE / min(height, width), math.sqrt(LARGEST / (height * width)))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cast(Frame, cv2.resize(frame, size, interpolation=how))


def found(y: Plane, predict: Callable[[Frame], Frame]) -> Plane:
    """h×w → h×w×2: the chroma that a model gives a luma, the mean of its LOOKS."""
    import cv2
    import numpy as np

    seen, total = tone.stretched(y), np.zeros((*y.shape, 2), np.float32)
    for share, turned in LOOKS:
        width, height = (max(1, round(side * share)) for side in reversed(y.shape))
        step = -1 if turned else 1
        small = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA)[:, ::step]
        colours = chroma.chroma(predict(chroma.grey(cast("Plane", small))))[:, ::step]
        large = cv2.resize(np.ascontiguousarray(colours), y.shape[::-1])
        total += large / len(LOOKS)
    return cast("Plane", total)


def moods(count: int, seed: int) -> list[NDArray[np.float32]]:
    """The z of each sample, 1×LATENT, from N(0, 1); the first of more are those of fewer."""
    import numpy as np

    random = np.random.default_rng(seed)
    return [random.standard_normal((1, LATENT)).astype(np.float32) for _ in range(count)]


def _label(intensity: float, samples: int | None, seed: int, reference: Path | None) -> str:
    parts = {
        f"intensity-{intensity:g}": intensity != INTENSITY,
        "samples": samples is not None,
        f"seed-{seed}": seed != 0,
        f"as-{reference.stem if reference else ''}": reference is not None,
    }
    return "-".join(part for part, said in parts.items() if said)

"""One frame of a film, to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ItemError
from gantool.media.picture import Limits
from gantool.media.video.film import probe
from gantool.media.video.reading import VideoReader
from gantool.media.video.wishes import Wishes

if TYPE_CHECKING:
    from gantool.pipeline import Frame


def still(path: Path, share: float) -> Frame:
    """The frame after this share of the film, H×W×3 uint8. Raises ItemError."""
    wishes = Wishes(depth="8", tonemap=True, deinterlace=True)
    film = probe(path, wishes, Limits())
    start = share * float(film.frames / film.rate)
    try:
        return next(iter(VideoReader(film, replace(wishes, start=start)))).frame
    except StopIteration as error:
        raise ItemError(f"{path}: has no frame there") from error

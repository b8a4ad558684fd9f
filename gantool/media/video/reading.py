"""A film's frames, one after the other, each with the time it is shown at."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np
from av.error import BlockingIOError as NotYetError
from av.error import EOFError as EndError
from av.filter import Graph

from gantool.errors import ItemError
from gantool.media.picture import Limits
from gantool.media.pixels import as_depth
from gantool.media.video import kinds, numbered
from gantool.media.video.film import Film, decoded, opened, picture_stream
from gantool.media.video.frames import Unpacker
from gantool.media.video.wishes import Wishes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from gantool.pipeline import Frame

    Timed = tuple[int, int, VideoFrame]
    """When it is shown and for how long, ticks of the film, and the frame."""


_DEFAULT = Limits()
_BACK = (0, 2, 10, 60, 1 << 20)
"""Seconds to go back by until there is a frame early enough; the last is before every film."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame of a film."""

    frame: Frame
    time: int
    """When it is shown, in ticks of the film, from where the result begins."""
    duration: int
    """Ticks for which it is; 0 where nothing tells."""


class VideoReader:
    """The frames of a film from `skip` on; ItemError for one that cannot be read.

    Iterate once. What was odd about the frames is in `notes` then.
    """

    def __init__(
        self, film: Film, wishes: Wishes, skip: int = 0, limits: Limits = _DEFAULT
    ) -> None:
        self.film, self.wishes, self.skip, self.limits = film, wishes, skip, limits
        self._damaged = self._mended = self._clear = self._resized = 0

    @property
    def notes(self) -> tuple[str, ...]:
        said = {
            "damaged, looking as the decoder mended them": self._damaged,
            "of another size than the first, brought to that": self._resized,
            "with alpha, which a film has not": self._clear,
            "whose time was not after the one before, moved": self._mended,
        }
        return tuple(f"frames {what}: {number}" for what, number in said.items() if number)

    def __iter__(self) -> Iterator[Shown]:
        if kinds.is_numbered(self.film.path):
            yield from self._pictures()
            return
        film, wishes = self.film, self.wishes
        deep = film.depth > 8 and wishes.depth == "keep"
        unpack = Unpacker(film, deep=deep, mapped=wishes.tonemap)
        first, last = film.window(wishes)
        with opened(film.path) as container:
            stream = picture_stream(container)
            coded = decoded(container, stream) if first is None else _from(container, stream, first)
            frames = self._timed(self._sound(coded))
            if wishes.deinterlace and film.interlaced:
                frames = deinterlaced(frames)
            shown = (each for each in frames if first is None or each[0] >= first)
            for number, (time, duration, frame) in enumerate(shown):
                if last is not None and time >= last:
                    return
                if number >= self.skip:
                    yield Shown(unpack(frame), time - film.moved(wishes), duration)

    def _pictures(self) -> Iterator[Shown]:
        """Of numbered files, one a tick."""
        first, last = self.film.window(self.wishes)
        every = enumerate(numbered.pictures(self.film.path, self.limits))
        shown = ((time, *each) for time, each in every if time >= (first or 0))
        for number, (time, frame, has_alpha) in enumerate(shown):
            if last is not None and time >= last:
                return
            self._clear += has_alpha
            if number >= self.skip:
                frame = as_depth(frame, np.uint8) if self.wishes.depth == "8" else frame
                yield Shown(frame, time - (first or 0), 1)

    def _sound(self, frames: Iterable[VideoFrame | None]) -> Iterator[VideoFrame]:
        for frame in frames:
            if frame is None or frame.is_corrupt:
                self._damaged += 1
            if frame is not None:
                self._resized += (frame.width, frame.height) != self.film.stored
                self._clear += len(frame.format.components) == 4
                yield frame

    def _timed(self, frames: Iterable[VideoFrame]) -> Iterator[Timed]:
        """Each after the one before, also where the file says otherwise or nothing."""
        step = max(round(1 / self.film.rate / self.film.time_base), 1)
        before: int | None = None
        for frame in frames:
            time = frame.pts
            if before is not None and (time is None or time <= before):
                self._mended += time is not None
                time = before + (step if time is None else 1)
            before = time or 0
            yield before, frame.duration or 0, frame


def _from(
    container: InputContainer, stream: VideoStream, ticks: int
) -> Iterator[VideoFrame | None]:
    """Frames from one that is shown at `ticks` or before; all where that cannot be gone to."""
    tick = Fraction(stream.time_base or 1)
    for back in _BACK:  # some containers go to where no frame can be decoded before the next key
        try:
            container.seek(ticks - round(back / tick), stream=stream)
        except OSError:
            break
        frames = decoded(container, stream)
        first = next((each for each in frames if each is not None), None)
        if first is not None and first.pts is not None and first.pts <= ticks:
            return itertools.chain([first], frames)
    container.seek(0)
    return decoded(container, stream)


def deinterlaced(frames: Iterator[Timed]) -> Iterator[Timed]:
    """A whole frame for each two fields, by the filter bwdif; times are left as they are."""
    graph: Graph | None = None
    waiting: list[tuple[int, int]] = []
    for time, duration, frame in frames:
        if graph is None:
            flagged = "interlaced" if frame.interlaced_frame else "all"
            graph = _deinterlacer(frame, flagged)
        waiting.append((time, duration))
        graph.push(frame)
        yield from _whole(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _whole(graph, waiting)
    if waiting:
        raise ItemError(f"{len(waiting)} of its fields have no whole frame")


def _deinterlacer(frame: VideoFrame, which: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    filter_ = graph.add("bwdif", f"mode=send_frame:deint={which}")
    source.link_to(filter_)
    filter_.link_to(sink := graph.add("buffersink"))
    graph.configure()
    assert sink
    return graph


def _whole(graph: Graph, waiting: list[tuple[int, int]]) -> Iterator[Timed]:
    while waiting:
        try:
            frame = graph.pull()
        except (NotYetError, EndError):
            return
        yield (*waiting.pop(0), cast("VideoFrame", frame))

"""What a film file holds, found out before anything is made of it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition

from gantool.errors import ItemError
from gantool.media.picture import Limits
from gantool.media.pixels import check_budget
from gantool.media.video import kinds, numbered, whole
from gantool.media.video.colour import SDR, SITED, Colour, colour_of
from gantool.media.video.wishes import Wishes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,asf,flv,ogg,mxf,nut,yuv4mpegpipe,"
    "mpegvideo"
)
_OPTIONS = {
    "protocol_whitelist": "file",  # a playlist under the name of a film opens nothing else
    "format_whitelist": _FORMATS,
}
_CLOCKS = ("mpegts", "mpeg")
"""Containers whose time does not begin at 0 but anywhere."""
_PROGRESSIVE = (0, 1)
logging.getLogger("libav").setLevel(logging.CRITICAL)  # what it has to say comes as errors


@dataclass(frozen=True)
class Film:
    """A film, upright: its picture as frames of `width`×`height`."""

    path: Path
    stream: int
    """Index of the stream that is the picture."""
    width: int
    height: int
    orientation: int
    """As in EXIF: what makes the stored picture upright."""
    aspect: Fraction
    """Of a pixel, width over height."""
    time_base: Fraction
    """Seconds of a tick."""
    origin: int
    """Ticks at which its own time begins."""
    rate: Fraction
    """Frames a second, on average."""
    frames: int
    """About how many there are; 0 where nothing tells."""
    codec: str
    pix_fmt: str
    depth: int
    """Bits of a sample."""
    colour: Colour
    interlaced: bool
    shift: int
    """Ticks that are taken from every time, in containers that begin anywhere."""

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        return self.width * self.height * max(self.frames, 1)

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of frames as they are in the file, not yet upright."""
        turned = self.orientation > 4
        return (self.height, self.width) if turned else (self.width, self.height)

    def window(self, wishes: Wishes) -> tuple[int | None, int | None]:
        """Ticks of the first frame that is wanted and of the first that is not any more."""
        first, end = wishes.start or None, wishes.end
        return self._ticks(first), self._ticks(end)

    def moved(self, wishes: Wishes) -> int:
        """Ticks that are taken from every time, of frames as of sound."""
        first, _ = self.window(wishes)
        return self.shift if first is None else first

    def _ticks(self, seconds: float | None) -> int | None:
        return None if seconds is None else self.origin + round(Fraction(seconds) / self.time_base)


def probe(path: Path, wishes: Wishes, limits: Limits) -> Film:
    """What there is to know of the film. Raises ItemError where it cannot be done as wished."""
    if kinds.is_numbered(path):
        return _of_pictures(path, wishes, limits)
    with opened(path) as container:
        stream = picture_stream(container)
        frame = _first(container, stream)
        film = _film(path, container, stream, frame, wishes)
        check_budget(film.width, film.height, limits.pixels)
        check_budget(
            round(film.width * limits.scale), round(film.height * limits.scale), limits.result
        )
        _check_wishes(film, wishes)
        return film


def _of_pictures(pattern: Path, wishes: Wishes, limits: Limits) -> Film:
    frame = numbered.first(pattern, limits)
    height, width = frame.shape[:2]
    deep = frame.dtype == np.uint16
    rate = Fraction(wishes.fps or numbered.FPS).limit_denominator(1001)
    count = len(numbered.files(pattern))
    return Film(
        path=pattern,
        stream=-1,
        width=width,
        height=height,
        orientation=1,
        aspect=Fraction(1),
        time_base=1 / rate,
        origin=0,
        rate=rate,
        frames=count,
        codec="",
        pix_fmt="yuv420p10le" if deep else "yuv420p",
        depth=10 if deep else 8,
        colour=SDR,
        interlaced=False,
        shift=0,
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container, for reading. Whatever goes wrong within is an ItemError, in one line."""
    try:
        if not path.is_file():
            there = "no file but a pipe or device: send it in with - for the input"
            raise ItemError(there if path.exists() else "no such file")
        if not path.stat().st_size:
            raise ItemError("the file is empty: get a whole copy of it")
        with av.open(os.fspath(path), container_options=_OPTIONS) as container:
            whole.check(path, container)
            yield container
    except ItemError:
        raise
    except FFmpegError as error:
        if isinstance(error, PermissionError):
            raise ItemError("cannot be read (permission denied)") from error
        reason = " ".join((error.strerror or str(error)).split()).lower()
        raise ItemError(f"no film, damaged or cut short ({reason}): get a whole copy") from error


def picture_stream(container: InputContainer) -> VideoStream:
    """The one that is shown: no cover, the default one where there are several."""
    moving = [each for each in container.streams.video if not is_cover(each)]
    if not moving:
        raise ItemError("there is no moving picture in it")
    chosen = next((each for each in moving if each.disposition & Disposition.default), moving[0])
    if chosen.codec_context is None:
        raise ItemError("its codec is not known here: convert it first, for example with ffmpeg")
    chosen.thread_type = "AUTO"
    chosen.codec_context.options = {"chroma_sample_location": SITED}  # where the film says nothing
    return chosen


def is_cover(stream: Any) -> bool:
    """Whether it is a still picture that comes with the film."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | None]:
    """All frames in order; None for a packet that nothing could be made of."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):
            yield None


def _first(container: InputContainer, stream: VideoStream) -> VideoFrame:
    frame = next((each for each in decoded(container, stream) if each is not None), None)
    if frame is None:
        raise ItemError("there is no frame in it that can be read")
    return frame


def _film(
    path: Path, container: InputContainer, stream: VideoStream, frame: VideoFrame, wishes: Wishes
) -> Film:
    from gantool.media.video.upright import orientation_of

    orientation = orientation_of(frame)
    turned = orientation > 4
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
    time_base = Fraction(stream.time_base or Fraction(1, 90_000))
    rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
    clock = int(Fraction(container.start_time or 0, av.time_base) / time_base)
    shift = clock if container.format.name in _CLOCKS else 0
    return Film(
        path,
        stream.index,
        width,
        height,
        orientation,
        1 / aspect if turned else aspect,
        time_base,
        clock,
        rate,
        _count(container, stream, rate, wishes),
        stream.codec_context.name,
        frame.format.name,
        frame.format.components[0].bits,
        colour_of(frame),
        stream.codec_context.field_order not in _PROGRESSIVE or frame.interlaced_frame,
        shift,
    )


def _count(container: InputContainer, stream: VideoStream, rate: Fraction, wishes: Wishes) -> int:
    seconds = Fraction(container.duration or 0, av.time_base)
    if stream.duration and stream.time_base:
        seconds = stream.duration * stream.time_base
    if not wishes.start and wishes.end is None:
        return stream.frames or round(seconds * rate)
    end = seconds if wishes.end is None else min(Fraction(wishes.end), seconds or 10**9)
    return max(round((end - Fraction(wishes.start)) * rate), 0)


def _check_wishes(film: Film, wishes: Wishes) -> None:
    if film.interlaced and not wishes.deinterlace:
        raise ItemError("is interlaced: --deinterlace makes whole frames of its fields")
    if film.colour.hdr and not wishes.tonemap:
        raise ItemError(f"is HDR ({film.colour.hdr}): --tonemap makes a film for any screen of it")

"""What of a film is no picture: sound, subtitles, cover and fonts, packet by packet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError
from av.stream import Disposition

from gantool.errors import ItemError
from gantool.media.video import kinds, subtitles
from gantool.media.video.film import Film, is_cover, opened
from gantool.media.video.wishes import Wishes

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

    from gantool.media.metadata import Mode

_NOISE = ("encoder", "duration", "bps", "number_of", "_statistics", "rotate", "vendor_id")
"""What files say of their streams that is not true of a copy, or is written anew."""


@dataclass(frozen=True)
class _Way:
    """Where the packets of a stream go."""

    stream: Stream
    convert: Callable[[Packet[Any]], Packet[Any] | None] | None = None
    """None: they are copied."""
    lasts: bool = True
    """Whether it is spread over time, not there once as a cover is."""


class Copies:
    """The packets of the streams that are taken along."""

    def __init__(self, source: Source, ways: dict[int, _Way]) -> None:
        self._source, self._ways = source, ways
        self._refused: dict[int, int] = {}

    def packets(self) -> Iterator[Packet[Any]]:
        """In the order of the file, with the times that they have in the result."""
        container = self._source.container
        if not self._ways or container is None:
            return
        streams = [each for each in container.streams if each.index in self._ways]
        try:
            for packet in container.demux(streams):
                if packet.size:
                    yield from self._moved(packet)
        except FFmpegError as error:
            self._source.notes.append(f"sound and subtitles end early, damaged ({error})")

    def _moved(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        way = self._ways[packet.stream_index]
        if not way.lasts:
            packet.pts = packet.dts = 0
        elif not self._source.shift(packet):
            return
        made = way.convert(packet) if way.convert else packet
        if made is not None:
            made.stream = way.stream
            yield made

    def mux(self, output: OutputContainer, packet: Packet[Any]) -> None:
        """Write it; of what is copied, what the container refuses is counted and left out."""
        if packet.stream_index == 0:
            output.mux_one(packet)
            return
        try:
            output.mux_one(packet)
        except FFmpegError as error:
            if isinstance(error, OSError) and error.errno != 22:
                raise
            index = packet.stream_index
            self._refused[index] = self._refused.get(index, 0) + 1

    def close(self) -> None:
        """Note what was refused."""
        for index, number in self._refused.items():
            packets = "packet is" if number == 1 else "packets are"
            self._source.notes.append(f"stream {index}: {number} damaged {packets} left out")


class Source:
    """The film again, for what is copied of it. A context."""

    def __init__(self, film: Film, wishes: Wishes, notes: list[str]) -> None:
        self.film, self.wishes, self.notes = film, wishes, notes
        self._stack = ExitStack()

    def __enter__(self) -> Source:
        self.container: InputContainer | None = None
        if not kinds.is_numbered(self.film.path):
            self.container = self._stack.enter_context(opened(self.film.path))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def streams(self, output: OutputContainer, suffix: str, *, metadata: Mode) -> Copies:
        """Begin a stream of `output` for each that is taken along.

        Raises ItemError for sound that the container cannot hold.
        """
        ways = {}
        for stream in self.container.streams if self.container else ():
            if stream.index != self.film.stream and self._is_wanted(stream, metadata):
                way = self._way(output, stream, suffix)
                if way:
                    ways[stream.index] = way
                    _labelled(way.stream, stream, metadata)
        return Copies(self, ways)

    def shift(self, packet: Packet[Any]) -> bool:
        """Move its times to those of the result; False where it has no place in there."""
        if packet.pts is None and packet.dts is None:
            return False
        base, tick = Fraction(packet.time_base), self.film.time_base
        first, end = self.film.window(self.wishes)
        time = Fraction(packet.pts if packet.pts is not None else packet.dts or 0) * base
        if (first is not None and time < first * tick) or (end is not None and time >= end * tick):
            return False
        ticks = round(self.film.moved(self.wishes) * tick / base)
        packet.pts = packet.pts if packet.pts is None else packet.pts - ticks
        packet.dts = packet.dts if packet.dts is None else packet.dts - ticks
        return True

    def _is_wanted(self, stream: Stream, metadata: Mode) -> bool:
        if stream.type == "audio":
            return self.wishes.audio == "copy"
        if stream.type in ("subtitle", "attachment"):
            return self.wishes.subs == "copy"
        if stream.type == "data":
            self._leave_out(stream)
        return stream.type == "video" and (metadata != "strip" or not is_cover(stream))

    def _leave_out(self, stream: Stream) -> None:
        """Note what is lost with a track of data; timecode and titles of chapters are not."""
        titles = self.container is not None and len(self.container.chapters()) > 0
        if "timecode" not in stream.metadata and not titles:
            self.notes.append(f"stream {stream.index} (data): left out")

    def _way(self, output: OutputContainer, stream: Stream, suffix: str) -> _Way | None:
        if not _can_be_read(stream):
            self.notes.append(f"{_name(stream)}: damaged and left out")
            return None
        if stream.type == "subtitle" and not holds(suffix, stream):
            return self._converted(output, stream, suffix)
        if is_cover(stream) and suffix.lower() == ".mkv":
            self._attached(output, stream)
            return None
        if holds(suffix, stream):
            copy = output.add_stream_from_template(stream, opaque=True)
            copy.time_base = stream.time_base
            return _Way(copy, subtitles.gapless(stream), lasts=not is_cover(stream))
        if stream.type == "audio":
            way_out = "convert it" if suffix.lower() == kinds.ANY else "choose --format mkv"
            raise ItemError(
                f"its sound ({_name(stream)}) cannot be in {suffix}: {way_out}, or --audio none"
            )
        self.notes.append(f"{_name(stream)}: cannot be in {suffix} and is left out")
        return None

    def _attached(self, output: OutputContainer, cover: Stream) -> None:
        """Put the cover where Matroska has it."""
        with opened(self.film.path) as container:
            packets = container.demux(container.streams[cover.index])
            content = next((bytes(each) for each in packets if each.size), b"")
        kind = "png" if cover.codec_context.name == "png" else "jpeg"
        output.add_attachment(f"cover.{kind.replace('e', '')}", f"image/{kind}", content)

    def _converted(self, output: OutputContainer, stream: Stream, suffix: str) -> _Way | None:
        codec = subtitles.codec_for(suffix)
        if not subtitles.is_text(stream):
            self.notes.append(
                f"{_name(stream)}: such subtitles cannot be in {suffix}: --format mkv holds them"
            )
            return None
        made = output.add_stream(codec)
        self.notes.append(f"{_name(stream)}: subtitles are converted to {codec} for {suffix}")
        return _Way(made, subtitles.converter(stream, made))


def check(film: Film, suffix: str, wishes: Wishes) -> None:
    """Raises ItemError where the sound cannot be in a film with this ending."""
    if suffix.lower() not in kinds.CONTAINERS:
        return
    notes: list[str] = []
    form = kinds.CONTAINERS[suffix.lower()]
    with Source(film, wishes, notes) as source, av.open(io.BytesIO(), "w", format=form) as output:
        source.streams(output, suffix, metadata="keep")


def holds(suffix: str, stream: Stream) -> bool:
    """Whether a container with this ending takes the stream as it is, written for once."""
    if stream.type == "attachment":
        return suffix.lower() == ".mkv"
    if is_cover(stream) and suffix.lower() == ".mov":  # its muxer takes one and writes none
        return False
    form = kinds.CONTAINERS[suffix.lower()]
    try:
        with av.open(io.BytesIO(), "w", format=form) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            if not is_cover(stream):
                trial.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def _can_be_read(stream: Stream) -> bool:
    """Whether what a muxer must know of it is known."""
    context = stream.codec_context
    return stream.type != "audio" or (
        context is not None and getattr(context, "sample_rate", 0) > 0
    )


def _labelled(copy: Stream, stream: Stream, metadata: Mode) -> None:
    copy.disposition = Disposition(stream.disposition)
    said = {
        key: value
        for key, value in stream.metadata.items()
        if not key.lower().startswith(_NOISE) and (metadata != "strip" or key == "language")
    }
    if stream.type == "attachment":
        said = dict(stream.metadata)
    copy.metadata.update(said)


def _name(stream: Stream) -> str:
    context = stream.codec_context
    codec = context.name if context is not None else "unknown"
    language = stream.metadata.get("language", "und")
    spoken = "" if language == "und" else f", {language}"
    return f"stream {stream.index} ({stream.type} {codec}{spoken})"

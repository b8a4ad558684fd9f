"""Subtitles of text from one kind into that of another container."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

_TEXT = ("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text")
_CODECS = {".mkv": "subrip", ".webm": "webvtt"}


def codec_for(suffix: str) -> str:
    """What subtitles of text are in a container with this ending."""
    return _CODECS.get(suffix.lower(), "mov_text")


def is_text(stream: Stream) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in _TEXT


def _plain() -> bytes | None:
    """A header of styles that says nothing: fonts would become tags around every line."""
    decoder: Any = av.CodecContext.create("subrip", "r")
    decoder.open()
    header: bytes | None = decoder.subtitle_header
    return header


def gapless(stream: Stream) -> Callable[[Packet[Any]], Packet[Any] | None] | None:
    """Leaves out the empty packets between those of mov_text, which its muxer writes itself."""
    if stream.codec_context is None or stream.codec_context.name != "mov_text":
        return None
    return lambda packet: None if bytes(packet) == b"\0\0" else packet


def converter(stream: Stream, made: Stream) -> Callable[[Packet[Any]], Packet[Any] | None]:
    """From packets of `stream` to those of `made`; None for one that holds no text."""
    decoder: Any = stream.codec_context
    encoder: Any = made.codec_context
    encoder.subtitle_header = _plain()
    made.time_base = stream.time_base

    def convert(packet: Packet[Any]) -> Packet[Any] | None:
        try:
            said = decoder.decode2(packet)
            if said is None:
                return None
            text = bytes(encoder.encode_subtitle(said))
        except (FFmpegError, ValueError):
            return None
        if not text.strip(b"\0"):
            return None
        new = av.Packet(text)
        new.time_base, new.pts, new.dts = packet.time_base, packet.pts, packet.pts
        new.duration = packet.duration
        return new

    return convert

"""One film of its segments and of what is copied from the source; nothing is encoded again."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
from av.error import FFmpegError

from gantool.errors import ItemError
from gantool.media.video import copying, kinds, labels
from gantool.media.video.segments import Index, pieces, read_index

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

    from gantool.media.metadata import Mode
    from gantool.media.provenance import Origin
    from gantool.media.video.encoding import Encoding
    from gantool.media.video.film import Film
    from gantool.media.video.wishes import Wishes


@dataclass(frozen=True)
class Joint:
    """What a film is joined from, and how."""

    film: Film
    encoding: Encoding
    wishes: Wishes
    metadata: Mode = "keep"
    origin: Origin | None = None
    notes: list[str] = field(default_factory=list)
    """What could not be copied, a line each: filled while joining."""


def join(path: Path, suffix: str, segments: Sequence[Path], joint: Joint) -> None:
    """Write the film at `path`, in the container of this ending. Raises ItemError, OSError."""
    indices = [_index(each) for each in segments]
    options = {"fflags": "+bitexact", **labels.options(suffix, joint)}
    try:
        with (
            copying.Source(joint.film, joint.wishes, joint.notes) as source,
            av.open(
                os.fspath(path), "w", format=kinds.CONTAINERS[suffix.lower()], options=options
            ) as output,
        ):
            picture = _picture(output, joint.encoding, suffix)
            copies = source.streams(output, suffix, metadata=joint.metadata)
            labels.label(output, picture, source.container, joint)
            output.start_encoding()
            ours = _packets(picture, segments, indices, joint.encoding)
            theirs = copies.packets()
            for packet in heapq.merge(ours, theirs, key=_moment):
                copies.mux(output, packet)
            copies.close()
    except FFmpegError as error:
        if error.errno and error.errno > 0:  # the system's, as for a full disk
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise ItemError(
            f"cannot be put into {suffix} ({error}): choose another --format"
        ) from error
    labels.append(path, suffix, joint)


def _index(path: Path) -> Index:
    index = read_index(path)
    if index is None:
        raise ItemError(f"{path}: the segment is damaged: run again")
    return index


def _picture(output: OutputContainer, encoding: Encoding, suffix: str) -> Stream:
    """A stream as the encoder would fill it."""
    from gantool.media.video.encoding import check_encoder

    stream = output.add_stream(check_encoder(encoding.codec), rate=encoding.rate)
    encoding.opened(cast(Any, stream.codec_context))
    stream.time_base = encoding.time_base
    if encoding.tag and suffix.lower() in (".mp4", ".m4v", ".mov"):
        stream.codec_context.codec_tag = encoding.tag
    return stream


def _packets(
    stream: Stream, segments: Sequence[Path], indices: Sequence[Index], encoding: Encoding
) -> Iterator[Packet[Any]]:
    """All of them, with times of decoding that rise over the whole film."""
    coded = [time for index in indices for time in index.times]
    order = sorted(coded)
    lag = _lag(coded, order)
    durations = dict(zip(order, _durations(order, indices[-1].last, encoding), strict=True))
    step = durations[order[0]]
    early = [order[0] - step * (lag - each) for each in range(lag)]
    decoding = itertools.chain(early, order)
    for path, index in zip(segments, indices, strict=True):
        for piece, dts in zip(pieces(path, index), decoding, strict=False):
            packet = av.Packet(piece.data)
            packet.pts, packet.dts, packet.time_base = piece.time, dts, encoding.time_base
            packet.duration = durations[piece.time]
            packet.is_keyframe = piece.key
            packet.stream = stream
            yield packet


def _lag(coded: Sequence[int], order: Sequence[int]) -> int:
    """How many frames decoding must run ahead, so that none is shown before it is decoded."""
    place = {time: number for number, time in enumerate(order)}
    return max(number - place[time] for number, time in enumerate(coded))


def _durations(order: Sequence[int], last: int, encoding: Encoding) -> Iterator[int]:
    for before, after in itertools.pairwise(order):
        yield after - before
    usual = round(1 / encoding.rate / encoding.time_base)
    yield last or (order[-1] - order[-2] if len(order) > 1 else 0) or max(usual, 1)


def _moment(packet: Packet[Any]) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts or 0
    return time * Fraction(packet.time_base)

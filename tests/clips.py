"""Films made on the fly, and what is in films, read by another road than gantool's."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICK = Fraction(1, 90_000)
LOSSLESS = {
    "libx264": {"qp": "0"},
    "ffv1": {},
    "libx265": {"x265-params": "lossless=1:log-level=error"},
}


def frames(count: int, width: int = 64, height: int = 48, *, seed: int = 0) -> list[np.ndarray]:
    """Smooth colours that move; no two frames are alike."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    phases, speeds = rng.uniform(0, 6, 3), rng.uniform(0.1, 0.3, 3)
    return [
        np.stack(
            [127 + 100 * np.sin(phase + speed * number + (down + 2 * across) / 40)
             for phase, speed in zip(phases, speeds, strict=True)],
            axis=2,
        ).astype(np.uint8)
        for number in range(count)
    ]  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """A track of sound."""

    codec: str = "aac"
    seconds: float = 1.0
    language: str = "eng"


def film(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    rate: Fraction = Fraction(25),
    tick: Fraction = TICK,
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    colour: tuple[int, int, int, int] = (1, 1, 1, 1),
    aspect: Fraction | None = None,
    rotation: int = 0,
    interlaced: bool = False,
    sound: Sequence[Sound] = (),
    subtitles: Sequence[tuple[float, float, str]] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    metadata: dict[str, str] | None = None,
    cover: bytes = b"",
    timecode: str = "",
) -> Path:
    """Write the pictures, H×W×3 each, `times` in ticks, as the path ends.

    `colour` is matrix, primaries, transfer and range, as H.273 numbers them.
    """
    matrix, primaries, transfer, span = colour
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate, options=options or LOSSLESS.get(codec, {}))
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context = stream.codec_context
        context.time_base = stream.time_base = tick
        context.colorspace, context.color_range = matrix, span
        context.color_primaries, context.color_trc = primaries, transfer
        if aspect:
            context.sample_aspect_ratio = aspect
        if timecode:
            stream.metadata["timecode"] = timecode
        if rotation:
            stream.set_display_rotation(rotation)
        if interlaced:
            context.flags |= 1 << 18 | 1 << 29
        tracks = [_track(output, each) for each in sound]
        words = (
            output.add_stream("mov_text" if path.suffix in (".mp4", ".mov") else "subrip")
            if (subtitles)
            else None
        )
        if words is not None:
            words.metadata["language"] = "fra"
            words.codec_context.subtitle_header = b"[Script Info]\r\nScriptType: v4.00+\r\n"
            words.time_base = Fraction(1, 1000)
        art = _cover(output, cover) if cover else None
        output.metadata.update(metadata or {})
        output.set_chapters([
            {"id": number, "start": round(start * 1000), "end": round(end * 1000),
             "time_base": Fraction(1, 1000), "metadata": {"title": title}}
            for number, (start, end, title) in enumerate(chapters)
        ])  # fmt: skip
        step = round(1 / rate / tick)
        packets = []
        for number, picture in enumerate(pictures):
            frame = _frame(picture, pix_fmt, matrix, span)
            frame.pts = times[number] if times else number * step
            frame.time_base = tick
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets:
            output.mux(packet)
        for start, end, text in subtitles:
            _say(output, words, start, end, text)
        if art is not None:
            packet = av.Packet(cover)
            packet.stream, packet.pts, packet.dts = art, 0, 0
            packet.is_keyframe = True
            output.mux(packet)
        for track, each in zip(tracks, sound, strict=True):
            _play(output, track, each)
    return path


def _frame(picture: np.ndarray, pix_fmt: str, matrix: int, span: int) -> av.VideoFrame:
    deep = picture.dtype == np.uint16
    frame = av.VideoFrame.from_ndarray(picture, format="rgb48le" if deep else "rgb24")
    space = {1: 1, 9: 9}.get(matrix, 5)
    return frame.reformat(
        format=pix_fmt, dst_colorspace=space, src_color_range=2, dst_color_range=span
    )


def _track(output, sound: Sound):
    rate = 48_000
    track = output.add_stream(sound.codec, rate=rate)
    track.codec_context.layout = "stereo"
    track.metadata["language"] = sound.language
    return track


def _play(output, track, sound: Sound) -> None:
    rate, size = 48_000, track.codec_context.frame_size or 1024
    rng = np.random.default_rng(len(sound.language))
    for start in range(0, round(sound.seconds * rate), size):
        samples = rng.normal(0, 0.1, (2, size)).astype(np.float32)
        if "s16" in track.codec_context.format.name:
            values = (samples.T * 30_000).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(values, format="s16", layout="stereo")
        else:
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, start
        frame.time_base = Fraction(1, rate)
        for packet in track.encode(frame):
            output.mux(packet)
    for packet in track.encode(None):
        output.mux(packet)


def _say(output, words, start: float, end: float, text: str) -> None:
    content = text.encode()
    if words.codec_context.name == "mov_text":
        content = len(content).to_bytes(2) + content
    packet = av.Packet(content)
    packet.stream, packet.time_base = words, Fraction(1, 1000)
    packet.pts = packet.dts = round(start * 1000)
    packet.duration = round((end - start) * 1000)
    output.mux(packet)


def _cover(output, content: bytes):
    art = output.add_mux_stream("png", width=16, height=16)
    art.time_base = TICK
    art.disposition = av.stream.Disposition.attached_pic
    return art


@dataclass(frozen=True)
class Seen:
    """What is in a film."""

    times: list[Fraction]
    """Seconds at which frames are shown."""
    planes: list[list[np.ndarray]]
    """Samples of each frame as they are stored."""
    packets: dict[int, list[tuple[Fraction, bytes]]]
    """Of streams that are no picture: seconds and content."""
    streams: list[tuple[str, str, str]]
    """Type, codec and language."""
    colour: tuple[int, int, int, int]
    pix_fmt: str
    aspect: Fraction | None
    rate: Fraction
    duration: Fraction
    metadata: dict[str, str]
    chapters: list[tuple[Fraction, Fraction, str]]

    def rgb(self, number: int) -> np.ndarray:
        """A frame by the formula of BT.709 or BT.601, in floats, 0 to 255; of 4:4:4 only."""
        matrix, _, _, span = self.colour
        red, blue = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
        y, b, r = (plane.astype(np.float64) for plane in self.planes[number])
        y, b, r = (y, b - 128, r - 128) if span == 2 else (
            (y - 16) * 255 / 219, (b - 128) * 255 / 224, (r - 128) * 255 / 224
        )  # fmt: skip
        r, b = r * 2 * (1 - red), b * 2 * (1 - blue)
        green = y - red / (1 - red - blue) * r - blue / (1 - red - blue) * b
        return np.clip(np.stack([y + r, green, y + b], axis=2), 0, 255)


def seen(path: Path) -> Seen:
    with av.open(str(path)) as container:
        picture = container.streams.video[0]
        context = picture.codec_context
        times, planes, packets = [], [], {}
        for packet in container.demux():
            if packet.stream.type == "data":  # chapters, once more
                continue
            if packet.stream_index == picture.index:
                for frame in packet.decode():
                    times.append(frame.pts * picture.time_base)
                    planes.append([_plane(each, frame) for each in frame.planes])
            elif packet.size:
                when = (packet.pts or 0) * packet.time_base
                packets.setdefault(packet.stream_index, []).append((when, bytes(packet)))
        return Seen(
            times,
            planes,
            packets,
            [
                (each.type, each.codec_context.name if each.codec_context else "",
                 each.metadata.get("language", ""))
                for each in container.streams
            ],
            (context.colorspace, context.color_primaries, context.color_trc, context.color_range),
            context.pix_fmt,
            picture.sample_aspect_ratio,
            picture.average_rate,
            Fraction(container.duration or 0, 1_000_000),
            dict(container.metadata),
            [
                (each["start"] * each["time_base"], each["end"] * each["time_base"],
                 each["metadata"].get("title", ""))
                for each in container.chapters()
            ],
        )  # fmt: skip


def _plane(plane, frame) -> np.ndarray:
    kind = np.dtype("<u2") if "le" in frame.format.name[-3:] else np.dtype(np.uint8)
    values = np.frombuffer(plane, kind).reshape(plane.height, -1)
    return values[:, : plane.width].copy()

"""Speed and memory of films, beside the bare model and the loop that is usually written.

    python benchmarks/video.py [--rows V1,V2,V3,V4] [--film FILE] [--frames 50] [--json FILE]

V1  frames a second of a film, with an encoder that takes next to nothing, over the model alone
V2  the same with sound, as films are written by default, over model and encoder one after the other
V3  over a plain loop that reads, infers and writes with the same libraries, frame by frame
V4  memory that is no file's over 5,000 frames: at the end beside the beginning

Models: superres/photo-x2-fidelity (heavy for its size), and one that only interpolates (light).
The sides of a row are measured in turns and the best of each is taken; the load is printed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event

import av
import numpy as np
from speed import Row, add_rows, best, cores, onnxruntime, tell

import gantool
from batches import Watch, interpolation
from gantool import api, films
from gantool.media.picture import Limits
from gantool.media.places import Item
from gantool.media.video import encoding
from gantool.media.video.film import probe
from gantool.media.video.reading import VideoReader
from gantool.media.video.segments import VideoWriter
from gantool.media.video.wishes import Wishes
from gantool.outcomes import Done
from gantool.rules import Rules, Work

X2 = "superres/photo-x2-fidelity"
LONG = 5000
"""Frames over which memory is looked at."""


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    repeat: int
    film: Path
    frames: int


@dataclass(frozen=True)
class Bench:
    """A model and the frames it is given."""

    name: str
    model: Path
    source: Path
    frames: list[np.ndarray]
    folder: Path

    def film(self, wishes: Wishes) -> float:
        """Seconds of the film through gantool."""
        predict = gantool.load(str(self.model), device="cpu")
        predict(self.frames[0])
        rules = Rules(film=wishes, limits=Limits(scale=2))
        target = self.folder / "film.mkv"
        target.unlink(missing_ok=True)
        began = time.perf_counter()
        outcomes = films.run(
            Item(self.source, target, self.folder), Work(predict), rules, ledger=None, stop=Event()
        )
        assert isinstance(list(outcomes)[-1], Done)
        return time.perf_counter() - began

    def bare(self) -> float:
        """Seconds of the model alone, frame by frame."""
        predict = gantool.load(str(self.model), device="cpu")
        predict(self.frames[0])
        began = time.perf_counter()
        for frame in self.frames:
            predict(frame)
        return time.perf_counter() - began

    def encoder(self) -> float:
        """Seconds of the default encoder alone, on the results."""
        predict = gantool.load(str(self.model), device="cpu")
        results = [predict(frame) for frame in self.frames]
        film = probe(self.source, Wishes(), Limits())
        height, width = results[0].shape[:2]
        began = time.perf_counter()
        for start in range(0, len(results), films.SEGMENT):
            with (self.folder / "segment").open("wb") as file:
                writer = VideoWriter(file, encoding.choose(film, Wishes(), ".mkv", width, height))
                for number, frame in enumerate(results[start : start + films.SEGMENT], start):
                    writer.add(frame, number * 1000, 1000)
                writer.finish({})
        return time.perf_counter() - began

    def loop(self, threads: int) -> float:
        """Seconds of read, infer and write as tutorials have it, with the same libraries.

        With one thread of decoder and encoder they are in turn; else these work on behind it.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        session = onnxruntime.InferenceSession(
            str(self.model), options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        began = time.perf_counter()
        with av.open(str(self.source)) as source, av.open(str(self.folder / "l.mkv"), "w") as out:
            stream = None
            source.streams.video[0].thread_count = threads
            for frame in source.decode(video=0):
                x = frame.to_ndarray(format="rgb24").astype(np.float32)[None] / 255
                x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
                y = session.run(None, {name: x})[0][0].transpose(1, 2, 0)
                y = (np.clip(y, 0, 1) * 255).round().astype(np.uint8)
                if stream is None:
                    options = dict(encoding.CODECS["h264"].options, crf="16")
                    stream = out.add_stream("libx264", rate=25, options=options)
                    stream.height, stream.width = y.shape[:2]
                    stream.pix_fmt = "yuv420p"
                    stream.thread_count = threads
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(y), format="rgb24")
                out.mux(stream.encode(picture))
            out.mux(stream.encode(None))
        return time.perf_counter() - began


def v1(effort: Effort) -> Iterator[Row]:
    for bench in islice(benches(effort), 1):  # beside the light one all else is the bound
        with quick_encoder():
            bare, film = best(effort.repeat, bench.bare, partial(bench.film, Wishes()))
        yield Row("V1", f"film vs the bare model, {bench.name}", bare / film, "×", 0.95, True)


def v2(effort: Effort) -> Iterator[Row]:
    for bench in benches(effort):
        sides = best(effort.repeat, bench.bare, bench.encoder, partial(bench.film, Wishes()))
        bound = (sides[0] + sides[1]) / sides[2]
        shares = f"model {sides[0]:.1f} s, encoder {sides[1]:.1f} s"
        yield Row("V2", f"film vs {shares}, {bench.name}", bound, "×", 0.9, True)


def v3(effort: Effort) -> Iterator[Row]:
    for bench in benches(effort):
        loops = [partial(bench.loop, threads) for threads in (1, 0)]
        *plain, film = best(effort.repeat, *loops, partial(bench.film, Wishes(audio="none")))
        pace = f"{len(bench.frames) / film:.1f} fps"
        for loop, what in zip(plain, ("in turn", "x264's own threads"), strict=True):
            name = f"film ({pace}) vs a plain loop, {what}, {bench.name}"
            yield Row("V3", name, loop / film, "×", 1.3, True)


def v4(effort: Effort) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, source = interpolation(folder, 2), folder / "long.mp4"
        write(source, LONG)
        command = [sys.executable, "-m", "gantool", "run", str(model), str(source), "-q"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        watch, seen = Watch(process.pid), []
        while process.poll() is None:
            time.sleep(0.05)
            seen.append(watch.anonymous)
        assert process.returncode == 0
    fifth = len(seen) // 5
    early, late = (float(np.median(part)) for part in (seen[fifth : 2 * fifth], seen[-fifth:]))
    what = f"memory over {LONG} frames, end over start ({late / 1e6:.0f} MB)"
    yield Row("V4", what, late / early, "×", 1.05)


def benches(effort: Effort) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.mkv"
        shortened(effort, source)
        film = probe(source, Wishes(), Limits())
        frames = [shown.frame for shown in VideoReader(film, Wishes())]
        size = f"{film.width}×{film.height}"
        light = interpolation(folder, 2)
        for model, path in (("photo-x2", api.model_path(X2)), ("light", light)):
            yield Bench(f"{model} {size}", Path(path), source, frames, folder)


def shortened(effort: Effort, target: Path) -> None:
    """The first frames of the film, with its sound, not encoded again."""
    with av.open(str(effort.film)) as source, av.open(str(target), "w") as output:
        streams = {
            each.index: output.add_stream_from_template(each)
            for each in source.streams
            if each.type in ("video", "audio")
        }
        end = Fraction(effort.frames, 1) / source.streams.video[0].average_rate
        for packet in source.demux([source.streams[index] for index in streams]):
            if packet.dts is None or packet.dts * packet.time_base >= end:
                continue
            packet.stream = streams[packet.stream_index]
            output.mux(packet)


@contextmanager
def quick_encoder() -> Iterator[None]:
    """The fastest that x264 has, so that it is not the bound."""
    usual = encoding.CODECS
    h264 = encoding.Codec("libx264", 40, {"preset": "ultrafast"})
    encoding.CODECS = {**usual, "h264": h264}
    try:
        yield
    finally:
        encoding.CODECS = usual


def write(path: Path, frames: int) -> None:
    """A film of soft colours that move."""
    down, across = np.mgrid[0:90, 0:160]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(frames):
            shade = (127 + 100 * np.sin((down + across + number) / 20)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(shade[..., None], 3, 2), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


Measure = Callable[[Effort], Iterator[Row]]
ROWS: dict[str, Measure] = {"V1": v1, "V2": v2, "V3": v3, "V4": v4}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_rows(parser, ROWS)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    effort = Effort(options.repeat, options.film, options.frames)
    tell((row for measure in options.rows for row in measure(effort)), options.json)


if __name__ == "__main__":
    main()

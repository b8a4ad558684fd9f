"""Between the frames of av and those of gantool: H×W×3 RGB, full range, uint8 or uint16."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange, VideoReformatter

from gantool.media.pixels import oriented
from gantool.media.video import tonemap
from gantool.media.video.colour import EXACT, SITED, Colour

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from gantool.media.video.film import Film
    from gantool.pipeline import Frame


class Unpacker:
    """Frames of a film to H×W×3, upright; uint16 where `deep`. Not thread-safe."""

    def __init__(self, film: Film, *, deep: bool, mapped: bool = False) -> None:
        self._film = film
        self._reformatter = VideoReformatter()
        self._map = tonemap.mapper(film.colour) if mapped and film.colour.hdr else None
        self._deep = deep

    def __call__(self, frame: VideoFrame) -> Frame:
        film, colour = self._film, self._film.colour
        width, height = film.stored
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb48le" if self._deep or self._map else "rgb24",
            src_colorspace=colour.space,
            src_color_range=ColorRange.JPEG if frame.format.is_rgb else colour.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=EXACT,
        )
        pixels = cast("Frame", rgb.to_ndarray())
        if self._map:
            pixels = self._map(pixels, deep=self._deep)
        return oriented(pixels, film.orientation) if film.orientation > 1 else pixels


class Packer:
    """H×W×3 to frames as an encoder takes them. Not thread-safe."""

    def __init__(self, pix_fmt: str, colour: Colour) -> None:
        self._reformatter = VideoReformatter()
        self._pix_fmt, self._colour = pix_fmt, colour
        self._rgb = av.VideoFormat(pix_fmt).is_rgb
        self._graph: Graph | None = None

    def __call__(self, frame: Frame) -> VideoFrame:
        deep = frame.dtype == np.uint16
        pixels: Any = np.ascontiguousarray(frame)
        rgb = av.VideoFrame.from_ndarray(pixels, format="rgb48le" if deep else "rgb24")
        packed = self._reformatter.reformat(
            self._sited(rgb),
            format=self._pix_fmt,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=self._colour.space,
            dst_color_range=ColorRange.JPEG if self._rgb else self._colour.range,
            interpolation=EXACT,
        )
        packed.colorspace = 0 if self._rgb else self._colour.matrix
        packed.color_primaries = self._colour.primaries
        packed.color_trc = self._colour.transfer
        return packed

    def _sited(self, rgb: VideoFrame) -> VideoFrame:
        """The same frame, from which samples of chroma are taken where decoders take them to be."""
        if self._graph is None:
            self._graph = _siting(rgb)
        self._graph.push(rgb)
        return cast("VideoFrame", self._graph.pull())


def _siting(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
    )
    source.link_to(stamp := graph.add("setparams", f"chroma_location={SITED}"))
    stamp.link_to(graph.add("buffersink"))
    graph.configure()
    return graph

"""What a film is encoded with: encoder, pixel format and quality, from wishes and source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
from av.codec.codec import Codec as Encoder
from av.codec.context import Flags
from av.error import FFmpegError

from gantool.errors import ItemError, UsageError
from gantool.media.video import kinds
from gantool.media.video.colour import SDR, SITED, Colour
from gantool.media.video.wishes import Wishes

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

    from gantool.media.video.film import Film


VERSION = av.__version__
"""Of what encodes: another may give other bits."""


_TRIAL = (256, 256)
os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 tells its life on stderr


@dataclass(frozen=True)
class Codec:
    """A name that `--codec` takes."""

    encoder: str
    crf: int | None
    """Its default, chosen so that the eye sees no loss; None for one without."""
    options: Mapping[str, str] = field(default_factory=dict)
    quality: str = "crf"
    """What the encoder calls that."""
    even: bool = True
    """Whether reduced chroma needs even sides."""
    tag: str = ""
    """Four letters that players look for in mp4 and mov."""
    bits: float = 0.4
    """About how many it spends on a pixel."""


CODECS: Mapping[str, Codec] = {
    # What mbtree makes of some frames differs from run to run.
    "h264": Codec("libx264", 16, {"preset": "fast", "x264-params": "mbtree=0"}),
    "hevc": Codec("libx265", 18, {"preset": "fast", "x265-params": "log-level=error"}, tag="hvc1"),
    "vp9": Codec(
        "libvpx-vp9", 22, {"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}, even=False
    ),
    "av1": Codec("libsvtav1", 22, {"preset": "8"}),
    "ffv1": Codec("ffv1", None, {"level": "3", "slices": "4", "slicecrc": "1"}, even=False, bits=7),
    "prores": Codec("prores_ks", None, {"vendor": "apl0"}, even=False, bits=4),
    "h264_nvenc": Codec("h264_nvenc", 18, {"preset": "p5", "rc": "vbr"}, "cq"),
    "hevc_nvenc": Codec("hevc_nvenc", 20, {"preset": "p5", "rc": "vbr"}, "cq", tag="hvc1"),
}
assert CODECS.keys() == kinds.HOLDS.keys()


@dataclass(frozen=True)
class Encoding:
    """All that decides about the bits besides the frames; the same gives the same."""

    codec: str
    pix_fmt: str
    crf: int | None
    width: int
    height: int
    aspect: Fraction
    """Of a pixel."""
    time_base: Fraction
    rate: Fraction
    colour: Colour

    @property
    def tag(self) -> str:
        return CODECS[self.codec].tag

    def opened(self, encoder: VideoCodecContext | None = None) -> VideoCodecContext:
        """An encoder made for this. Raises ItemError where it cannot be opened for this here.

        `encoder` is one that a container has begun.
        """
        codec = CODECS[self.codec]
        context = encoder or _created(check_encoder(self.codec))
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pix_fmt
        context.time_base, context.framerate = self.time_base, self.rate
        context.sample_aspect_ratio = self.aspect
        context.colorspace = 0 if av.VideoFormat(self.pix_fmt).is_rgb else self.colour.matrix
        context.color_primaries, context.color_trc = self.colour.primaries, self.colour.transfer
        context.color_range = self.colour.range
        context.options = self._options(codec)
        context.flags |= Flags.global_header
        try:
            context.open()
        except (FFmpegError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            raise ItemError(
                f"the encoder {codec.encoder} cannot be opened here for "
                f"{self.width}×{self.height} {self.pix_fmt} ({said}): choose another --codec"
            ) from error
        return context

    def _options(self, codec: Codec) -> dict[str, str]:
        options = dict(codec.options)
        if self.crf is not None:
            options[codec.quality] = str(self.crf)
        if self.codec == "prores":
            options["profile"] = "hq" if "422" in self.pix_fmt else "4444"
        if "420" in self.pix_fmt:
            options["chroma_sample_location"] = SITED
        return options


def _created(encoder: str) -> VideoCodecContext:
    return cast("VideoCodecContext", av.CodecContext.create(encoder, "w"))


def check_encoder(codec: str) -> str:
    """What the encoder is called. Raises UsageError where the installed av has none such."""
    name = CODECS[codec].encoder
    try:
        Encoder(name, "w")
    except ValueError as error:
        raise UsageError(
            f"--codec {codec}: the installed av has no encoder {name}: choose another, or "
            "pip install --force-reinstall av"
        ) from error
    return name


def check(wishes: Wishes) -> None:
    """Raises UsageError for an encoder that cannot do as wished, or not on this machine."""
    if wishes.codec is None:
        return
    name, codec = check_encoder(wishes.codec), CODECS[wishes.codec]
    if wishes.crf is not None and codec.crf is None:
        raise UsageError(f"--crf {wishes.crf}: {wishes.codec} has no such thing: leave it out")
    if wishes.pix_fmt is not None:
        _check_format(name, wishes.pix_fmt)
    pix_fmt = wishes.pix_fmt or next(
        each.name for each in Encoder(name, "w").video_formats or () if _is_plain(each)
    )
    base, rate = Fraction(1, 25), Fraction(25)
    trial = Encoding(wishes.codec, pix_fmt, codec.crf, *_TRIAL, Fraction(1), base, rate, SDR)
    try:
        trial.opened()
    except ItemError as error:
        raise UsageError(f"--codec {wishes.codec}: {error}") from error


def choose(film: Film, wishes: Wishes, suffix: str, width: int, height: int) -> Encoding:
    """How results of `width`×`height` are encoded into a film with this ending."""
    deep = film.depth > 8 and wishes.depth == "keep"
    name = _name(film, wishes, suffix, deep=deep)
    codec = CODECS[name]
    encoder = check_encoder(name)
    pix_fmt = wishes.pix_fmt or _format(encoder, codec, film, deep=deep, size=(width, height))
    _check_format(encoder, pix_fmt)
    crf = wishes.crf if wishes.crf is not None and codec.crf is not None else codec.crf
    colour = SDR if wishes.tonemap and film.colour.hdr else film.colour
    return Encoding(
        name, pix_fmt, crf, width, height, film.aspect, film.time_base, film.rate, colour
    )


def bytes_of(film: Film, wishes: Wishes, suffix: str, scale: float) -> int:
    """About what the result takes, its sides `scale` times as long."""
    name = _name(film, wishes, suffix, deep=film.depth > 8 and wishes.depth == "keep")
    return round(CODECS[name].bits / 8 * film.pixels * scale**2)


def _name(film: Film, wishes: Wishes, suffix: str, *, deep: bool) -> str:
    """As wished, else what suits the container; what editors and archives use stays."""
    if wishes.codec:
        return wishes.codec
    if film.codec in ("ffv1", "prores") and suffix.lower() in kinds.HOLDS[film.codec]:
        return film.codec
    if suffix.lower() == ".webm":
        return "vp9"
    return "hevc" if deep else "h264"


def _format(encoder: str, codec: Codec, film: Film, *, deep: bool, size: tuple[int, int]) -> str:
    """The encoder's format that is nearest to the film's and loses nothing of it."""
    wanted = _sampling(av.VideoFormat(film.pix_fmt))
    odd = any(side % 2 for side in size)
    if odd and codec.even:
        wanted = (1, 1)
    bits = film.depth if deep else 8

    def badness(each: av.VideoFormat) -> tuple[bool, bool, int, int]:
        across, down = _sampling(each)
        has = each.components[0].bits
        fewer = across > wanted[0] or down > wanted[1]
        return fewer, has < bits, wanted[0] * wanted[1] - across * down, abs(has - bits)

    known = [each for each in Encoder(encoder, "w").video_formats or () if _is_plain(each)]
    best = min(known, key=badness, default=None)
    if best is None or (odd and codec.even and _sampling(best) != (1, 1)):
        raise ItemError(f"{size[0]}×{size[1]}: its sides must be even for {encoder}")
    return best.name


def _sampling(each: av.VideoFormat) -> tuple[int, int]:
    """Pixels for each sample of chroma, across and down."""
    if each.is_rgb:
        return 1, 1
    if len(each.components) < 3:
        return 2, 2
    return 16 // each.chroma_width(16), 16 // each.chroma_height(16)


def _is_plain(each: av.VideoFormat) -> bool:
    """Y′CbCr in planes, without alpha, and not one of the old names for full range."""
    planar = each.is_planar and len(each.components) == 3 and not each.is_rgb
    return (
        planar
        and each.name.startswith("yuv")
        and "yuvj" not in each.name
        and "be" not in (each.name[-2:])
    )


def _check_format(encoder: str, pix_fmt: str) -> None:
    known = [each.name for each in Encoder(encoder, "w").video_formats or ()]
    if pix_fmt not in known:
        raise UsageError(f"--pix-fmt {pix_fmt}: {encoder} takes {', '.join(known)}")

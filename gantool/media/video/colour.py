"""Y′CbCr and RGB: by the matrix and range that a film says, or that are usual for its size.

Numbers are those of ITU-T H.273, which files carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from av.video.reformatter import ColorRange, Colorspace, Interpolation

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
"""How colour is converted: chroma at full size, rounded and not cut off."""
SITED = "left"
"""Where samples of chroma lie in films that say nothing, and in results: swscale would put them
in the middle."""
BT709, BT601, BT2020, UNSAID = 1, 6, 9, 2
PQ, HLG = 16, 18
_HD = 720
"""Lines from which a film that says nothing is in BT.709."""
_SPACES = {
    BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    BT601: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    BT2020: Colorspace.BT2020,
    10: Colorspace.BT2020,
}


@dataclass(frozen=True)
class Colour:
    """What the numbers of a film mean."""

    matrix: int
    primaries: int
    transfer: int
    full: bool
    """Whether they use the full range, not 16–235."""

    @property
    def space(self) -> Colorspace:
        """What swscale calls the matrix."""
        return _SPACES[self.matrix]

    @property
    def range(self) -> ColorRange:
        return ColorRange.JPEG if self.full else ColorRange.MPEG

    @property
    def hdr(self) -> str:
        """What its transfer function is called, where a common screen cannot show it."""
        return {PQ: "PQ", HLG: "HLG"}.get(self.transfer, "")


SDR = Colour(BT709, BT709, BT709, full=False)


def colour_of(frame: VideoFrame) -> Colour:
    """What a frame says, or what is usual for one of its size."""
    rgb = frame.format.is_rgb
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    matrix = frame.colorspace if not rgb else UNSAID
    if matrix not in _SPACES:
        matrix = BT709 if rgb or frame.height >= _HD else BT601
    return Colour(matrix, frame.color_primaries, frame.color_trc, full and not rgb)

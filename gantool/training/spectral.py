"""Losses that see what is spread over many pixels: waves, and patterns that repeat."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pixel_unshuffle

WINDOW = 4
"""Repetitions, each way, over which a pattern is averaged."""


def spectral_distance(one: Tensor, other: Tensor) -> Tensor:
    """E|F(x) − F(y)|, F the orthonormal Fourier transform of the last two dimensions.

    Real and imaginary parts count singly. Cho et al., «Rethinking Coarse-to-Fine Approach in
    Single Image Deblurring», 2021, equation 7. Computed in float32.
    """
    with torch.autocast(one.device.type, enabled=False):
        spectrum = torch.fft.rfft2(one.float() - other.float(), norm="ortho")
    return torch.view_as_real(spectrum).abs().mean()


def stride_distance(one: Tensor, other: Tensor, stride: int) -> Tensor:
    """E|mean difference at each place of the stride's cell, less that of the cell|, float32.

    The means are of 4×4 cells: what differs at random cancels out, and what repeats with the
    stride stays, the checkerboards of Odena et al., «Deconvolution and Checkerboard Artifacts»,
    2016. A pixel's own distance hardly sees a faint one.
    """
    cells = pixel_unshuffle(one.float() - other.float(), stride)
    places = cells.view(len(cells), -1, stride**2, *cells.shape[2:])
    pattern = (places - places.mean(dim=2, keepdim=True)).flatten(1, 2)
    return avg_pool2d(pattern, WINDOW, stride=WINDOW // 2).abs().mean()

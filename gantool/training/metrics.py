"""Picture quality against an original. Names carry the protocol. Pictures are H×W×3 uint8."""

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Plane = NDArray[np.float64]


def psnr_y(result: Bytes, original: Bytes, *, crop: int) -> float:
    """PSNR in dB of the BT.601 luma (16…235), `crop` pixels off each edge.

    The protocol of super-resolution papers is `crop` = scale (`psnr_y_crop4` for ×4).
    """
    return _psnr(_inner(luma(result), crop), _inner(luma(original), crop))


def psnr_rgb(result: Bytes, original: Bytes) -> float:
    """PSNR in dB over all pixels and channels."""
    return _psnr(result.astype(np.float64), original.astype(np.float64))


def ssim_y(result: Bytes, original: Bytes, *, crop: int) -> float:
    """Structural similarity of the luma, in [−1, 1].

    Wang et al., «Image Quality Assessment: From Error Visibility to Structural Similarity», 2004:
    Gaussian window 11×11 with σ 1.5, K 0.01 and 0.03, only where the window fits.
    """
    x, y = _inner(luma(result), crop), _inner(luma(original), crop)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return float(similarity.mean())


def luma(frame: Bytes) -> Plane:
    """H×W BT.601 luma in [16, 235], unrounded."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return frame.astype(np.float64) @ weights + 16


def _psnr(x: Plane, y: Plane) -> float:
    error = float(np.mean((x - y) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _inner(plane: Plane, crop: int) -> Plane:
    return plane[crop:-crop, crop:-crop] if crop else plane


def _blur(plane: Plane) -> Plane:
    blurred = cv2.GaussianBlur(plane, (11, 11), 1.5)
    return np.asarray(blurred[5:-5, 5:-5], dtype=np.float64)

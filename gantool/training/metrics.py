"""Picture quality, against an original or as a set. Names carry the protocol.

Pictures are H×W×3 uint8.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Plane = NDArray[np.float64]
Rows = NDArray[np.floating]
"""N×d: a vector of features per picture."""


def psnr_y(result: Bytes, original: Bytes, *, crop: int) -> float:
    """PSNR in dB of the BT.601 luma (16…235), `crop` pixels off each edge.

    The protocol of super-resolution papers is `crop` = scale (`psnr_y_crop4` for ×4).
    """
    return _psnr(_inner(luma(result), crop), _inner(luma(original), crop))


def psnr_rgb(result: Bytes, original: Bytes) -> float:
    """PSNR in dB over all pixels and channels."""
    return _psnr(result.astype(np.float64), original.astype(np.float64))


def l1(result: Bytes, original: Bytes) -> float:
    """Mean absolute difference over all pixels and channels, in levels of 255."""
    return float(cv2.absdiff(result, original).mean())


def ssim_y(result: Bytes, original: Bytes, *, crop: int) -> float:
    """Structural similarity of the luma, in [−1, 1].

    Wang et al., «Image Quality Assessment: From Error Visibility to Structural Similarity», 2004:
    Gaussian window 11×11 with σ 1.5, K 0.01 and 0.03, only where the window fits.
    """
    return _similarity(_inner(luma(result), crop), _inner(luma(original), crop))


def ssim_rgb(result: Bytes, original: Bytes) -> float:
    """The same of red, green and blue, the mean of the three."""
    planes = (frame.astype(np.float64).transpose(2, 0, 1) for frame in (result, original))
    return float(np.mean([_similarity(x, y) for x, y in zip(*planes, strict=True)]))


def kid(
    x: Rows, y: Rows, *, size: int, subsets: int = 100, paired: bool = False
) -> tuple[float, float]:
    """Kernel inception distance of two sets: mean and deviation over subsets of `size` rows.

    Bińkowski et al., «Demystifying MMD GANs», 2018, section 4. The order of the rows does not
    matter. `paired`: row i of both shows one thing; no subset then meets its own counterparts,
    which would take the distance under 0, and `x` may be `y` itself: half against half.
    """
    random = np.random.default_rng(0)
    x, y = np.split(_sorted(np.hstack([x, y])), 2, axis=1) if paired else (_sorted(x), _sorted(y))
    distances = []
    for _ in range(subsets):
        drawn = random.permutation(len(x))
        other = drawn[size:] if paired else random.permutation(len(y))
        distances.append(mmd2(x[drawn[:size]], y[other[:size]]))
    return float(np.mean(distances)), float(np.std(distances))


def mmd2(x: Rows, y: Rows) -> float:
    """Squared maximum mean discrepancy under the kernel (x·y/d + 1)³, unbiased; rows are samples.

    Gretton et al., «A Kernel Two-Sample Test», 2012, equation 3.
    """
    return (
        _mean_of_others(_kernel(x, x))
        + _mean_of_others(_kernel(y, y))
        - 2 * float(_kernel(x, y).mean())
    )


def luma(frame: Bytes) -> Plane:
    """H×W BT.601 luma in [16, 235], unrounded."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return frame.astype(np.float64) @ weights + 16


def _psnr(x: Plane, y: Plane) -> float:
    error = float(np.mean((x - y) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _similarity(x: Plane, y: Plane) -> float:
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return float(similarity.mean())


def _inner(plane: Plane, crop: int) -> Plane:
    return plane[crop:-crop, crop:-crop] if crop else plane


def _blur(plane: Plane) -> Plane:
    blurred = cv2.GaussianBlur(plane, (11, 11), 1.5)
    return np.asarray(blurred[5:-5, 5:-5], dtype=np.float64)


def _sorted(rows: Rows) -> Rows:
    """In an order that depends on the values alone."""
    exact = np.ascontiguousarray(rows, np.float64)
    return exact[sorted(range(len(exact)), key=lambda index: exact[index].tobytes())]


def _kernel(x: Rows, y: Rows) -> Plane:
    return np.asarray((x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3)


def _mean_of_others(kernel: Plane) -> float:
    """Without the diagonal, where samples meet themselves."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))

"""Picture ends: gantool's decoders and encoders beside the fastest libraries, those installed.

    python benchmarks/codecs.py [PHOTO...] [--repeat 5] [--json FILE]

For each photograph, by default one that scikit-image brings along enlarged to 12 megapixels:
milliseconds of one thread for JPEG decoding and encoding (quality 95, 4:4:4) and PNG encoding, and
the bytes that encoders need. All ways take turns; the least of each is kept, the load printed.

gantool's times include what the others leave out: EXIF, ICC, a file that was cut is found out.
"""

import argparse
import importlib
import io
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.media import jpeg, png
from gantool.media.carry import Carry
from gantool.media.rows import Rows

Frame = NDArray[np.uint8]
Encode = Callable[[Frame], bytes]
Decode = Callable[[bytes], Any]
QUALITY = 95


def decoders() -> Iterator[tuple[str, Decode]]:
    yield "gantool", lambda data: jpeg.decode(data, 10**9)
    yield "Pillow", lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    yield "OpenCV", lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if simplejpeg := _installed("simplejpeg"):
        yield "simplejpeg", simplejpeg.decode_jpeg
    if imagecodecs := _installed("imagecodecs"):
        yield "imagecodecs", imagecodecs.jpeg8_decode


def jpeg_encoders() -> Iterator[tuple[str, Encode]]:
    yield "gantool", lambda frame: _ours(jpeg.encode, frame)
    yield "Pillow", lambda frame: _pillow(frame, "JPEG", quality=QUALITY, subsampling=0)
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    yield "OpenCV", lambda frame: _opencv(".jpg", frame, cv2.IMWRITE_JPEG_QUALITY, 95, *sampling)
    if simplejpeg := _installed("simplejpeg"):
        yield "simplejpeg", lambda frame: simplejpeg.encode_jpeg(frame, QUALITY, "RGB", "444")
    if imagecodecs := _installed("imagecodecs"):
        yield (
            "imagecodecs",
            lambda frame: imagecodecs.jpeg8_encode(frame, QUALITY, subsampling="444"),
        )


def png_encoders() -> Iterator[tuple[str, Encode]]:
    yield "gantool", lambda frame: _ours(png.encode, frame)
    yield "Pillow, its default", lambda frame: _pillow(frame, "PNG")
    yield "Pillow, level 1", lambda frame: _pillow(frame, "PNG", compress_level=1)
    yield "OpenCV", lambda frame: _opencv(".png", frame)
    if imagecodecs := _installed("imagecodecs"):
        yield "imagecodecs, level 1", lambda frame: imagecodecs.png_encode(frame, level=1)
    for name in ("isal.isal_zlib", "zlib_ng.zlib_ng"):
        if module := _installed(name):
            yield name.partition(".")[0], lambda frame, module=module: _filtered(frame, module)


def rows(frame: Frame, repeat: int) -> Iterator[dict[str, object]]:
    """One for each way, in the order of its job."""
    data = _pillow(frame, "JPEG", quality=QUALITY, subsampling=2)
    jobs: Mapping[str, tuple[Iterator[tuple[str, Callable[[Any], Any]]], object]] = {
        "JPEG decode": (decoders(), data),
        "JPEG encode": (jpeg_encoders(), frame),
        "PNG encode": (png_encoders(), frame),
    }
    for job, (found, given) in jobs.items():
        ways = dict(found)
        least = dict.fromkeys(ways, np.inf)
        size = {}
        for _ in range(repeat):
            for name, way in ways.items():
                began = time.thread_time()
                made = way(given)
                least[name] = min(least[name], time.thread_time() - began)
                size[name] = len(made) if isinstance(made, bytes) else None
        for name in ways:
            yield {
                "job": job,
                "by": name,
                "milliseconds": round(1000 * least[name], 1),
                "megabytes": size[name] and round(size[name] / 1e6, 2),
            }


def _ours(encode: Callable[..., None], frame: Frame) -> bytes:
    file = io.BytesIO()
    encode(Rows(frame), Carry(), file, QUALITY)
    return file.getvalue()


def _pillow(frame: Frame, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, kind, **options)
    return file.getvalue()


def _opencv(ending: str, frame: Frame, *options: int) -> bytes:
    return cv2.imencode(ending, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), list(options))[1].tobytes()


def _filtered(frame: Frame, module: Any) -> bytes:
    """A PNG's pixels by another deflate, at its lowest level that finds repetitions."""
    return bytes(module.compress(png._filtered(frame), 1))


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _photo() -> Frame:
    import skimage.data

    return cv2.resize(skimage.data.astronaut(), (4000, 3000), interpolation=cv2.INTER_CUBIC)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    table = []
    for path in given.photos or [None]:
        frame = np.asarray(Image.open(path).convert("RGB")) if path else _photo()
        name = path.name if path else "astronaut, 12 megapixels"
        print(f"{name}: {frame.shape[1]}×{frame.shape[0]} · zlib {zlib.ZLIB_RUNTIME_VERSION}")
        for row in rows(frame, given.repeat):
            size = f"{row['megabytes']:>8} MB" if row["megabytes"] else ""
            print(f"{row['job']:<13}{row['by']:<22}{row['milliseconds']:>8} ms{size}", flush=True)
            table.append({"picture": name, **row})
    print(f"load {os.getloadavg()[0]:.2f}")
    if given.json:
        given.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Laws of the quick decoder: the pixels that libjpeg gives, and nothing damaged goes through it."""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from gantool.errors import ItemError
from gantool.media import jpeg

PHOTO = np.ascontiguousarray(skimage.data.astronaut()[:150, :201])


def packed(mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PHOTO).convert(mode).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


KINDS = {
    "4:4:4": packed(subsampling=0),
    "4:2:2": packed(subsampling=1),
    "4:2:0": packed(subsampling=2),
    "progressive": packed(progressive=True),
    "grey": packed("L"),
    "restarts": packed(restart_marker_rows=1),
    "CMYK": packed("CMYK"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_pillows(kind):
    image = Image.open(io.BytesIO(KINDS[kind]))
    pixels, _ = jpeg.decode(KINDS[kind], 10**6)
    if image.mode != "CMYK":
        assert np.array_equal(pixels, np.asarray(image).reshape(*image.size[::-1], -1))
    quick = jpeg._quickly(KINDS[kind], image)
    assert (quick is None) == (kind in ("progressive", "CMYK"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "CMYK"])
@pytest.mark.parametrize("ending", [b"", b"\xff\xd9", b"\0" * 64])
def test_what_is_cut_is_never_taken_for_a_picture(kind, ending):
    data = KINDS[kind]
    for share in (0.6, 0.9, 0.97):
        with pytest.raises((ItemError, OSError)):
            jpeg.decode(data[: int(len(data) * share)] + ending, 10**6)


def test_what_is_damaged_within_gets_a_closer_look():
    data = bytearray(KINDS["4:2:0"])
    at = data.index(b"\xff\xdb")
    data[at:at] = b"\1\2\3\4"  # bytes that belong to nothing: libjpeg goes on, with a warning
    image = Image.open(io.BytesIO(data))
    assert jpeg._quickly(bytes(data), image) is None
    assert np.array_equal(jpeg.decode(bytes(data), 10**6)[0], np.asarray(image))

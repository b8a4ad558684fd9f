"""Laws of results that are written strip by strip."""

import io
import itertools
import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gantool import scratch
from gantool.errors import ItemError
from gantool.media import jpeg, jpeg_strips, rows, tiff
from gantool.media.carry import Carry, attach, carry_through, detach
from gantool.media.images import encode_image, read_image, write_picture
from gantool.media.picture import Picture
from gantool.media.rows import Rows, attached

SIZES = ((1, 1), (1, 31), (40, 1), (17, 33), (64, 48))
KINDS = list(itertools.product((1, 2, 3, 4), (np.uint8, np.uint16), SIZES))


def noise(channels: int, dtype: Any, size: tuple[int, int]) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    draw = np.random.default_rng(channels).integers(1, top, (*size, channels), endpoint=True)
    return draw.astype(dtype)


def photo(size: tuple[int, int], channels: int = 3) -> NDArray[np.uint8]:
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [127 + 120 * np.sin(x / (3 + c) + y / (5 + 2 * c)) for c in range(channels)]
    return np.stack(waves, axis=2).astype(np.uint8)


def decoded(data: bytes) -> NDArray[Any]:
    if data.startswith(b"II"):  # OpenCV does not read every kind
        return attach(*detach(*tiff.decode(data, 1 << 20)))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


@pytest.fixture
def in_small_strips(monkeypatch):
    monkeypatch.setattr(rows, "STRIP", 200)
    monkeypatch.setattr(jpeg, "_WHOLE", 0)
    monkeypatch.setattr(jpeg_strips, "_PIXELS", 64)


@pytest.mark.parametrize(("channels", "dtype", "size"), KINDS)
def test_strips_are_the_rows_of_the_whole(channels: int, dtype: Any, size: tuple[int, int]) -> None:
    pixels = noise(channels, dtype, size)
    parts = attached(*detach(pixels, Carry()))
    assert (parts.shape, parts.dtype, len(parts)) == (pixels.shape, pixels.dtype, len(pixels))
    np.testing.assert_array_equal(parts[:], pixels)
    for height in (1, 3, 100):
        np.testing.assert_array_equal(np.concatenate(list(parts.strips(height))), pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
@pytest.mark.parametrize(("channels", "dtype", "size"), KINDS)
def test_a_file_of_many_strips_holds_the_same_pixels(
    suffix: str, channels: int, dtype: Any, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    frame, carry = detach(noise(channels, dtype, size), Carry())
    whole = encode_image(frame, carry, suffix)
    request.getfixturevalue("in_small_strips")
    strips = encode_image(frame, carry, suffix)
    assert strips != whole or suffix in (".png", ".bmp") or max(size) < 64
    np.testing.assert_array_equal(decoded(strips), decoded(whole))
    if suffix != ".tif":
        first, second = (Image.open(io.BytesIO(data)) for data in (strips, whole))
        assert first.mode == second.mode
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("quality", [1, 40, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_joined_jpeg_decodes_as_one_that_was_packed_whole(
    channels: int, quality: int, request: pytest.FixtureRequest
) -> None:
    frame, carry = detach(photo((203, 75), channels), Carry())
    whole = encode_image(frame, carry, ".jpg", quality=quality)
    request.getfixturevalue("in_small_strips")
    joined = encode_image(frame, carry, ".jpg", quality=quality)
    assert all(joined.count(bytes((0xFF, 0xD0 + number))) >= 3 for number in range(8))
    np.testing.assert_array_equal(decoded(joined), decoded(whole))
    np.testing.assert_array_equal(Image.open(io.BytesIO(joined)), Image.open(io.BytesIO(whole)))


@pytest.mark.parametrize("width", [1, 8, 9, 5000, 65_500])
def test_a_strip_of_a_jpeg_has_no_more_blocks_than_are_counted(width: int) -> None:
    height = jpeg_strips.height(width)
    assert height % 8 == 0
    assert 0 < height // 8 * -(-width // 8) <= 65_535


def test_a_joined_jpeg_keeps_its_metadata(tmp_path: Any, request: pytest.FixtureRequest) -> None:
    exif = Image.Exif()
    exif[271] = "Maker"
    given = Carry(exif=exif.tobytes()[6:], xmp=b"<x/>", iptc=b"\x1c\x02\x78\0\1a", dpi=(300, 300))
    request.getfixturevalue("in_small_strips")
    (tmp_path / "a.jpg").write_bytes(encode_image(photo((50, 50)), given, ".jpg"))
    _, kept = read_image(tmp_path / "a.jpg")
    assert (kept.xmp, kept.iptc, kept.dpi) == (given.xmp, given.iptc, given.dpi)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif()[271] == "Maker"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (50, 70), (131, 17)])
@pytest.mark.parametrize("quality", [1, 60, 95, 100])
def test_a_jpeg_is_what_pillow_makes_of_it(
    size: tuple[int, int], channels: int, quality: int
) -> None:
    pixels, exif, file = photo(size, channels), Image.Exif(), io.BytesIO()
    exif[271] = "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile if channels == 3 else b""  # it is of colours
    carry = Carry(exif=exif.tobytes()[6:], icc=profile, dpi=(300, 300), grey=channels == 1)
    plain = pixels[..., 0] if channels == 1 else pixels
    Image.fromarray(np.ascontiguousarray(plain)).save(
        file, "JPEG", quality=quality, subsampling=0, exif=exif, icc_profile=profile, dpi=(300, 300)
    )
    ours = encode_image(np.repeat(pixels, 3 // channels, 2), carry, ".jpg", quality=quality)
    assert ours == file.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 53])
def test_a_bmp_is_what_pillow_makes_of_it(width: int, channels: int) -> None:
    pixels = photo((37, width), channels)
    file = io.BytesIO()
    plain = pixels[..., 0] if channels == 1 else pixels
    Image.fromarray(np.ascontiguousarray(plain)).save(file, "BMP", dpi=(300, 72))
    assert encode_image(*detach(pixels, Carry(dpi=(300, 72))), ".bmp") == file.getvalue()


def test_a_tiff_that_could_be_too_large_is_a_big_one(tmp_path: Any, monkeypatch: Any) -> None:
    tifffile = pytest.importorskip("tifffile", reason="a second reader")
    monkeypatch.setattr(tiff, "_LIMIT", 0)
    monkeypatch.setattr(rows, "STRIP", 5000)
    exif = Image.Exif()
    exif[271] = "Maker"
    exif.get_ifd(34665)[37500] = b"a maker's note"
    for channels, dtype, size in KINDS:
        pixels = noise(channels, dtype, size)
        given = Carry(exif=exif.tobytes()[6:], icc=b"", xmp=b"<x/>", dpi=(300, 300))
        (tmp_path / "a.tif").write_bytes(encode_image(*detach(pixels, given), ".tif"))
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            assert file.is_bigtiff
            np.testing.assert_array_equal(file.asarray().reshape(pixels.shape), pixels)
            assert file.pages[0].tags["ExifTag"].value["MakerNote"] == b"a maker's note"
        again, carry = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(attach(again, carry), pixels)
        assert (carry.xmp, carry.dpi) == (b"<x/>", (300, 300))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_no_copy_of_a_large_result_is_made(tmp_path: Any, monkeypatch: Any, suffix: str) -> None:
    monkeypatch.setattr(jpeg, "_WHOLE", 1_000_000)
    frame = np.broadcast_to(photo((1, 4000)), (12_000, 4000, 3))
    alpha = np.broadcast_to(np.uint8(200), (12_000, 4000))
    carry = Carry(alpha=alpha, grey=True)
    with (tmp_path / "a").open("w+b") as file:
        tracemalloc.start()
        try:
            write_picture(file, Picture([(frame, carry)]), suffix)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 0.5 * frame.shape[0] * frame.shape[1]  # the result has twice as many bytes


def test_the_alpha_of_a_large_result_is_on_the_disk(monkeypatch: Any) -> None:
    monkeypatch.setattr(scratch, "IN_MEMORY", 1000)
    small = photo((20, 30), 1)[..., 0] | np.uint8(1)
    results = {}
    for where in ("resize", "model"):
        carried = carry_through(
            lambda frame: np.repeat(np.repeat(frame, 4, axis=0), 4, axis=1),
            np.zeros((20, 30, 3), np.uint8),
            Carry(alpha=small),
            grey="keep",
            alpha=where,  # type: ignore[arg-type] # the literals of a loop are plain strings
        )
        results[where] = carried[""][1].alpha
        assert isinstance(results[where], np.memmap)
    cubic = cv2.resize(small, (120, 80), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(results["resize"], cubic)
    np.testing.assert_array_equal(results["model"], np.repeat(np.repeat(small, 4, 0), 4, 1))


@pytest.mark.parametrize("suffix", [".avif", ".gif", ".bmp", ".webp", ".jpg"])
def test_what_a_format_cannot_hold_is_refused_before_memory_is_taken(suffix: str) -> None:
    if suffix == ".avif":
        pytest.importorskip("PIL._avif", reason="this Pillow cannot write AVIF")
    huge = np.broadcast_to(np.uint8(0), (66_000, 66_000, 3))
    with pytest.raises(ItemError, match=r"choose .*\.tif"):
        encode_image(huge, Carry(), suffix)


def test_rows_need_no_carry() -> None:
    assert Rows(photo((4, 5)), grey=True)[1:3].shape == (2, 5, 1)

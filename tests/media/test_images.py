"""Laws of reading and writing pictures."""

import io
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from gantool.errors import ItemError, UsageError
from gantool.media import png
from gantool.media.carry import Carry, attach, detach
from gantool.media.images import (
    SUFFIXES,
    WRITABLE,
    encode_image,
    output_suffix,
    read_image,
    write_image,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"
DEPTHS = (np.uint8, np.uint16)
CHANNELS = (1, 2, 3, 4)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
IPTC = b"\x1c\x02\x78\x00\x07caption"


def noise(channels: int, dtype: Any, size: tuple[int, int] = (37, 53)) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    values = np.random.default_rng(channels).integers(0, top, (*size, channels), endpoint=True)
    if channels in (2, 4):
        values[..., -1] |= 1  # colours under fully transparent pixels are not kept
    return values.astype(dtype)


def smooth(size: tuple[int, int] = (80, 120)) -> NDArray[np.uint8]:
    y, x = np.mgrid[: size[0], : size[1]]
    return np.dstack([x * 2, y * 2, 255 - x - y]).astype(np.uint8)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def exif_block(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[271] = "Maker"
    exif[274] = orientation
    exif.get_ifd(34665).update({40962: 120, 40963: 80, 37500: b"a maker's note"})
    return exif.tobytes()


def read_bytes(folder: Path, data: bytes, name: str = "picture") -> tuple[Any, Carry]:
    file = folder / name
    file.write_bytes(data)
    return read_image(file)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, dtype: Any, channels: int) -> None:
    frame, carry = detach(noise(channels, dtype), Carry())
    write_image(tmp_path / f"a{suffix}", frame, carry)
    again, kept = read_image(tmp_path / f"a{suffix}")
    assert again.dtype == dtype
    assert kept.grey == (channels < 3)
    np.testing.assert_array_equal(attach(again, kept), noise(channels, dtype))


@pytest.mark.parametrize("channels", [3, 4])
def test_webp_at_quality_100_is_lossless(tmp_path: Path, channels: int) -> None:
    frame, carry = detach(noise(channels, np.uint8), Carry())
    again, kept = read_bytes(tmp_path, encode_image(frame, carry, ".webp", quality=100))
    np.testing.assert_array_equal(attach(again, kept), noise(channels, np.uint8))


def test_a_large_picture_of_many_strips_is_read_as_written(tmp_path: Path) -> None:
    frame = noise(3, np.uint16, (700, 900))
    for suffix in (".png", ".tif"):
        again, _ = read_bytes(tmp_path, encode_image(frame, Carry(), suffix))
        np.testing.assert_array_equal(again, frame)


@pytest.mark.parametrize("suffix", sorted(WRITABLE))
def test_every_writable_ending_is_read_back_nearly(tmp_path: Path, suffix: str) -> None:
    again, _ = read_bytes(tmp_path, encode_image(smooth(), Carry(), suffix))
    assert np.abs(again.astype(int) - smooth()).mean() < (4 if suffix == ".gif" else 2)
    assert suffix in SUFFIXES
    assert output_suffix(suffix.upper()) == suffix.upper()


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_16_bits_are_rounded_where_a_format_holds_8(suffix: str) -> None:
    deep = np.minimum(smooth().astype(np.uint16) * 257, 65435) + 100
    shallow = encode_image(smooth(), Carry(), suffix)
    assert encode_image(deep, Carry(), suffix) == shallow


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_metadata_survives(tmp_path: Path, suffix: str) -> None:
    if suffix not in WRITABLE:
        pytest.skip("this Pillow cannot write AVIF")
    file = tmp_path / f"a{suffix}"
    given = Carry(
        exif=exif_block(1)[6:], icc=SRGB, xmp=XMP, iptc=IPTC, dpi=(300, 150), mtime_ns=10**18
    )
    write_image(file, smooth(), given)
    _, kept = read_image(file)
    exif = Image.Exif()
    exif.load(kept.exif)
    assert exif[271] == "Maker"
    assert exif.get_ifd(34665)[37500] == b"a maker's note"
    assert (kept.icc, kept.xmp, kept.mtime_ns) == (SRGB, XMP, 10**18)
    if suffix in (".jpg", ".png", ".tif"):
        assert kept.iptc == IPTC
        assert kept.dpi == pytest.approx((300, 150), abs=0.02)
    with Image.open(file) as image:  # another reader finds them too
        assert image.info["icc_profile"] == SRGB
        assert image.getexif()[271] == "Maker"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_applied_once(tmp_path: Path, form: str, orientation: int) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(Image.fromarray(smooth()), form, exif=exif_block(orientation), **options)
    frame, carry = read_bytes(tmp_path, data)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(frame, ImageOps.exif_transpose(image))
    again, _ = read_bytes(tmp_path, encode_image(frame, carry, ".png"))
    np.testing.assert_array_equal(again, frame)


def test_16_bit_tiff_is_turned_upright(tmp_path: Path) -> None:
    data = encode_image(noise(3, np.uint16), Carry(), ".tif")
    # The planar tag says what is so anyway; in its place goes an orientation.
    turned = data.replace(struct.pack("<HHLL", 284, 3, 1, 1), struct.pack("<HHLL", 274, 3, 1, 6))
    frame, _ = read_bytes(tmp_path, turned)
    np.testing.assert_array_equal(frame, np.rot90(noise(3, np.uint16), -1))


def test_exif_tells_the_size_of_the_result_and_no_thumbnail(tmp_path: Path) -> None:
    block = bytearray(exif_block(6)[6:])
    block += encoded(Image.fromarray(smooth((8, 8))), "JPEG")
    frame, carry = read_bytes(
        tmp_path, encoded(Image.fromarray(smooth()), "JPEG", exif=b"Exif\0\0" + bytes(block))
    )
    larger = np.repeat(np.repeat(frame, 2, axis=0), 2, axis=1)
    _, kept = read_bytes(tmp_path, encode_image(larger, carry, ".jpg"))
    exif = Image.Exif()
    exif.load(kept.exif)
    assert exif[274] == 1
    assert exif.get_ifd(34665)[40962] == 160
    assert exif.get_ifd(34665)[40963] == 240
    assert not exif.get_ifd(1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("damage", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk", b"Exif\0\0"])
def test_ill_formed_exif_does_not_lose_the_picture(tmp_path: Path, damage: bytes) -> None:
    data = encoded(Image.fromarray(smooth()), "JPEG", exif=damage)
    frame, carry = read_bytes(tmp_path, data)
    for suffix in WRITABLE:
        read_bytes(tmp_path, encode_image(frame, carry, suffix))


def files_to_cut() -> dict[str, bytes]:
    image = Image.fromarray(smooth())
    frame, carry = detach(noise(4, np.uint16), Carry())
    forms: dict[str, tuple[str, dict[str, Any]]] = {
        "jpeg": ("JPEG", {}),
        "progressive": ("JPEG", {"progressive": True}),
        "png": ("PNG", {}),
        "webp": ("WEBP", {}),
        "tiff": ("TIFF", {}),
        "lzw": ("TIFF", {"compression": "tiff_lzw"}),
        "bmp": ("BMP", {}),
        "ppm": ("PPM", {}),
    }
    made = {name: encoded(image, form, **options) for name, (form, options) in forms.items()}
    if ".avif" in WRITABLE:
        made["avif"] = encoded(image, "AVIF")
    made["png16"] = encode_image(frame, carry, ".png")
    made["tiff16"] = encode_image(frame, carry, ".tif")
    return made


@pytest.mark.parametrize("name", sorted(files_to_cut()))
def test_a_cut_file_never_decodes(tmp_path: Path, name: str) -> None:
    data = files_to_cut()[name]
    cuts = {*np.linspace(1, len(data) - 1, 20, dtype=int), *range(len(data) - 8, len(data))}
    for cut in cuts:
        with pytest.raises(ItemError):
            read_bytes(tmp_path, data[:cut])
    read_bytes(tmp_path, data + b"\0 harmless bytes after the end")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_with_an_end_marker_is_refused(tmp_path: Path, progressive: bool) -> None:
    picture = Image.fromarray(noise(3, np.uint8, (160, 240)))
    data = encoded(picture, "JPEG", progressive=progressive)
    for cut in np.linspace(len(data) * 0.3, len(data) * 0.97, 12, dtype=int):
        with pytest.raises(ItemError):
            read_bytes(tmp_path, data[:cut] + b"\xff\xd9")


def test_a_whole_jpeg_that_ends_in_grey_is_read(tmp_path: Path) -> None:
    grey = np.full((40, 56, 3), 128, np.uint8)
    frame, _ = read_bytes(tmp_path, encoded(Image.fromarray(grey), "JPEG", quality=95))
    np.testing.assert_array_equal(frame, grey)


def test_a_wrong_checksum_and_missing_pixels_are_refused(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(smooth()), "PNG")
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    parts = [chunk for chunk in png.chunks(data) if chunk[0] != b"IDAT"]
    for broken in (bytes(flipped), png.file(parts)):
        with pytest.raises(ItemError, match="picture: "):
            read_bytes(tmp_path, broken)


def test_short_pixel_data_with_right_checksums_is_refused(tmp_path: Path) -> None:
    for dtype in DEPTHS:
        chunks = list(png.chunks(encode_image(noise(3, dtype), Carry(), ".png")))
        rows = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
        half = (b"IDAT", zlib.compress(rows[: len(rows) // 2]))
        with pytest.raises(ItemError):
            read_bytes(tmp_path, png.file([chunks[0], half, chunks[-1]]))


def test_each_unreadable_thing_is_named_in_one_line(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    several: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    cases = {
        "empty": b"",
        "not a picture": b"plain text",
        "animation of 2 frames .*: take": encoded(frames[0], "GIF", **several),
        "animation of 2 frames .*: take its": encoded(frames[0], "PNG", **several),
        "animation of 2 frames .*: take its frames": encoded(frames[0], "WEBP", **several),
        "2 pages": encoded(frames[0], "TIFF", **several),
        "floating-point": encoded(Image.new("F", (8, 8)), "TIFF"),
        "32-bit": encoded(Image.new("I", (8, 8)), "TIFF"),
    }
    for words, data in cases.items():
        with pytest.raises(ItemError, match=words) as caught:
            read_bytes(tmp_path, data, "photo.png")
        assert str(caught.value).startswith(str(tmp_path / "photo.png"))
        assert "\n" not in str(caught.value)


def test_folders_pipes_and_absent_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path, "not a file"), (tmp_path / "pipe", "not a file")):
        with pytest.raises(ItemError, match=words):
            read_image(path)
    with pytest.raises(ItemError, match="cannot be read"):
        read_image(tmp_path / "absent.png")


def test_permission_denied_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, _: str) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ItemError, match="permission denied"):
        read_image(tmp_path / "a.png")


def test_the_budget_is_checked_from_the_header(tmp_path: Path) -> None:
    for suffix in sorted(WRITABLE):
        (tmp_path / "a").write_bytes(encode_image(smooth(), Carry(), suffix))
        with pytest.raises(ItemError, match="120×80"):
            read_image(tmp_path / "a", max_pixels=120 * 80 - 1)
        read_image(tmp_path / "a", max_pixels=120 * 80)


def test_the_content_decides_and_not_the_ending(tmp_path: Path) -> None:
    frame, _ = read_bytes(tmp_path, encoded(Image.fromarray(smooth()), "JPEG"), "photo.png")
    assert frame.shape == (80, 120, 3)


def test_bilevel_palette_and_keyed_transparency(tmp_path: Path) -> None:
    bilevel, carry = read_bytes(tmp_path, encoded(Image.new("1", (8, 8), 1), "PNG"))
    assert carry.grey
    assert bilevel.min() == 255
    palette = Image.fromarray(smooth()).quantize(16)
    frame, carry = read_bytes(tmp_path, encoded(palette, "PNG", transparency=0))
    assert not carry.grey
    np.testing.assert_array_equal(carry.alpha == 0, np.asarray(palette) == 0)
    shown = np.asarray(palette) != 0
    np.testing.assert_array_equal(frame[shown], np.asarray(palette.convert("RGB"))[shown])
    keyed = encoded(Image.fromarray(smooth()), "PNG", transparency=(0, 0, 255))
    _, carry = read_bytes(tmp_path, keyed)
    assert carry.alpha is not None
    np.testing.assert_array_equal(carry.alpha == 0, (smooth() == (0, 0, 255)).all(axis=2))


def test_cmyk_becomes_srgb_and_loses_its_profile(tmp_path: Path) -> None:
    cmyk = Image.fromarray(smooth()).convert("CMYK")
    for form in ("JPEG", "TIFF"):
        frame, carry = read_bytes(tmp_path, encoded(cmyk, form, icc_profile=SRGB))
        assert carry.icc == b""
        assert np.abs(frame.astype(int) - np.asarray(cmyk.convert("RGB"))).mean() < 3


def test_lab_becomes_srgb(tmp_path: Path) -> None:
    lab = Image.new("LAB", (8, 8), (128, 128, 128))
    frame, _ = read_bytes(tmp_path, encoded(lab, "TIFF"))
    assert np.ptp(frame[0, 0].astype(int)) <= 2
    assert 110 < frame.mean() < 130


def test_a_profile_stays_with_untouched_pixels_where_it_fits(tmp_path: Path) -> None:
    grey_icc = SRGB[:16] + b"GRAY" + SRGB[20:]
    grey = Image.fromarray(smooth()[..., 0])
    for icc, kept in ((grey_icc, grey_icc), (SRGB, b"")):
        frame, carry = read_bytes(tmp_path, encoded(grey, "PNG", icc_profile=icc))
        np.testing.assert_array_equal(frame[..., 0], grey)
        assert read_bytes(tmp_path, encode_image(frame, carry, ".png"))[1].icc == kept


def test_grey_16_bit_does_not_turn_white(tmp_path: Path) -> None:
    grey = (smooth()[..., 0].astype(np.uint16)) * 200
    for form in ("PNG", "TIFF"):
        frame, carry = read_bytes(tmp_path, encoded(Image.fromarray(grey), form))
        assert carry.grey
        np.testing.assert_array_equal(frame[..., 1], grey)


@pytest.mark.parametrize(("kind", "channels"), [("P5", 1), ("P6", 3)])
def test_16_bit_pnm_uses_the_full_range(tmp_path: Path, kind: str, channels: int) -> None:
    values = (100 * np.arange(12 * channels)).astype(">u2")
    data = f"{kind} # a remark\n4 3\n{values.max()}\n".encode() + values.tobytes()
    frame, carry = read_bytes(tmp_path, data)
    assert carry.grey == (channels == 1)
    assert (frame.min(), frame.max(), frame.dtype) == (0, 65535, np.uint16)


def test_alpha_is_laid_over_white_in_a_jpeg(tmp_path: Path) -> None:
    clear = np.dstack([smooth(), np.zeros((80, 120), np.uint8)])
    again, carry = read_bytes(tmp_path, encode_image(*detach(clear, Carry()), ".jpg"))
    assert carry.alpha is None
    assert again.min() == 255


def test_tiles_planes_and_premultiplied_alpha_of_16_bits(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="writes TIFFs that Pillow cannot")
    colours = noise(3, np.uint16)
    layouts: list[tuple[NDArray[Any], dict[str, Any]]] = [
        (colours, {"tile": (16, 16), "compression": "zlib", "predictor": 2}),
        (colours.transpose(2, 0, 1), {"planarconfig": "separate", "rowsperstrip": 7}),
        (colours, {"byteorder": ">", "predictor": 2, "compression": "zlib"}),
        (colours, {"bigtiff": True}),
    ]
    for array, options in layouts:
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", **options)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0], colours)
    half = np.full((*colours.shape[:2], 1), 32768, np.uint16)
    stored = np.dstack([colours // 2, half])
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    frame, carry = read_image(tmp_path / "a.tif")
    assert np.abs(frame.astype(int) - colours).max() <= 2
    np.testing.assert_array_equal(carry.alpha, half[..., 0])


def test_a_page_that_is_a_thumbnail_is_no_second_picture(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="writes TIFFs that Pillow cannot")
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(smooth(), photometric="rgb")
        writer.write(smooth((8, 12)), photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[0], smooth())


def test_what_cannot_be_written_is_said() -> None:
    with pytest.raises(UsageError, match=r"\.jp2"):
        encode_image(smooth(), Carry(), ".jp2")
    with pytest.raises(UsageError, match="101"):
        encode_image(smooth(), Carry(), ".jpg", quality=101)
    with pytest.raises(ItemError, match="16383"):
        encode_image(np.zeros((1, 16384, 3), np.uint8), Carry(), ".webp")
    assert output_suffix(".ppm") == ".png"


def test_many_threads_read_and_write_at_once(tmp_path: Path) -> None:
    frame, carry = detach(noise(4, np.uint16), Carry(mtime_ns=10**18))

    def round_trip(number: int) -> bool:
        path = tmp_path / f"{number}{('.png', '.tif')[number % 2]}"
        write_image(path, frame, carry)
        return np.array_equal(read_image(path)[0], frame)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(40)))


ODD = sorted(file for file in (DATA / "odd_images").rglob("*") if file.is_file())


@pytest.mark.skipif(not ODD, reason="the odd pictures are not on this machine")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_odd_file_is_a_picture_or_a_clear_line() -> None:
    read = 0
    for file in ODD:
        try:
            frame, carry = read_image(file)
        except ItemError as error:
            assert str(error).startswith(f"{file}: ")  # noqa: PT017 - either outcome is right
            continue
        assert frame.shape[2] == 3
        for suffix in (".png", ".jpg", ".tif"):
            encode_image(frame, carry, suffix)
        read += 1
    assert read >= len(ODD) // 2


@pytest.mark.skipif(not ODD, reason="the odd pictures are not on this machine")
@pytest.mark.parametrize("kind", ["0g16", "2c16", "4a16", "6a16"])
def test_interlaced_pictures_equal_plain_ones(kind: str) -> None:
    folder = DATA / "odd_images" / "pngsuite"
    plain, carry = read_image(folder / f"pngsuite__basn{kind}.png")
    interlaced, other = read_image(folder / f"pngsuite__basi{kind}.png")
    np.testing.assert_array_equal(attach(plain, carry), attach(interlaced, other))


def test_the_line_about_a_damaged_png_is_one_line(tmp_path):
    damaged = png.SIGNATURE + b"\0\0\0\0IH\nR\0\0\0\0" + b"\0" * 12
    with pytest.raises(ItemError, match="damaged") as raised:
        list(png.chunks(damaged))
    assert str(raised.value).isprintable()

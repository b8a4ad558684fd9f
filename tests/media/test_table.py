"""The table of docs/what-is-kept.md is what the code does."""

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from gantool.errors import ItemError
from gantool.media import exif
from gantool.media.carry import Carry, detach
from gantool.media.images import (
    encode_image,
    output_suffix,
    read_picture,
    write_image,
    write_picture,
)
from gantool.media.picture import Picture

PAGE = Path(__file__).parents[2] / "docs" / "what-is-kept.md"
SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "TIFF": ".tif",
    "WebP": ".webp",
    "AVIF": ".avif",
    "GIF": ".gif",
    "BMP": ".bmp",
    "HEIC": ".heic",
}
NONE = "—"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">kept</x:xmpmeta>'
IPTC = b"\x1c\x02\x78\x00\x07caption"
MTIME = 1_234_567_890 * 10**9
Y, X = np.mgrid[:48, :64]
PHOTO = np.dstack([3 * X, 4 * Y, 255 - X - Y]).astype(np.uint8)


def cells() -> list[tuple[str, str, str]]:
    """Row, column and word of every cell of the first table."""
    table = [line for line in PAGE.read_text("utf-8").split("\n\n")[2].splitlines() if line]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    columns = split[0][1:]
    return [(row, c, w) for row, *words in split[2:] for c, w in zip(columns, words, strict=True)]


def made(column: str, image: Image.Image, **told: Any) -> bytes:
    """A file of another program's making."""
    file = io.BytesIO()
    if column == "HEIC":
        heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
        heif.from_pillow(image).save(file, quality=-1, **told)
    elif column == "PNG" and "xmp" in told:
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", told["xmp"].decode())
        image.save(file, "PNG", pnginfo=texts)
    elif column == "TIFF" and "xmp" in told:
        image.save(file, "TIFF", tiffinfo={700: told["xmp"]})
    elif column == "BMP" and image.mode == "RGBA":
        return bmp_with_alpha(image)
    elif column == "GIF":
        return encode_image(
            np.array(image),
            Carry(icc=told.get("icc_profile", b""), xmp=told.get("xmp", b"")),
            ".gif",
        )
    else:
        image.save(file, column, **told)
    return file.getvalue()


def bmp_with_alpha(image: Image.Image) -> bytes:
    """With the longer header, which says where the alpha is; Pillow writes none."""
    width, height = image.size
    sizes = struct.pack("<LllHHLLllLL", 108, width, height, 1, 32, 3, 4 * width * height, *[0] * 4)
    masks = struct.pack("<4L", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    pixels = np.asarray(image)[::-1, :, [2, 1, 0, 3]].tobytes()
    return b"BM" + struct.pack("<LLL", 122 + len(pixels), 0, 122) + sizes + masks + pixels


def through(folder: Path, column: str, data: bytes) -> Picture:
    """Read, written in the format that is the default, and read again."""
    suffix = SUFFIXES[column]
    (folder / f"a{suffix}").write_bytes(data)
    os.utime(folder / f"a{suffix}", ns=(MTIME, MTIME))
    result = folder / f"result{output_suffix(suffix)}"
    given = read_picture(folder / f"a{suffix}")
    with result.open("w+b") as file:
        write_picture(file, given, result.suffix)
    return read_picture(result)


def carried(column: str, folder: Path, **told: Any) -> Carry:
    return through(folder, column, made(column, Image.fromarray(PHOTO), **told)).frames[0][1]


def kept_if(is_kept: bool) -> str:
    return "kept" if is_kept else NONE


def block(orientation: int = 1, *, thumbnail: bool = False) -> bytes:
    told = Image.Exif()
    told[271], told[274] = "Maker", orientation
    if thumbnail:
        told.get_ifd(1).update({256: 8, 259: 6})
    return b"Exif\0\0" + exif.block(told.tobytes())


def has_exif(column: str, folder: Path) -> str:
    return kept_if(b"Maker" in carried(column, folder, exif=block()).exif)


def has_iptc(column: str, folder: Path) -> str:
    if column == "HEIC":
        return NONE
    written = encode_image(PHOTO, Carry(iptc=IPTC), SUFFIXES[column])
    return kept_if(through(folder, column, written).frames[0][1].iptc == IPTC)


def has_profile(column: str, folder: Path) -> str:
    return kept_if(carried(column, folder, icc_profile=SRGB).icc == SRGB)


def has_xmp(column: str, folder: Path) -> str:
    return kept_if(carried(column, folder, xmp=XMP).xmp == XMP)


def has_alpha(column: str, folder: Path) -> str:
    levels = (4 * X).astype(np.uint8)
    clear = Image.fromarray(np.dstack([PHOTO, levels]))
    if column == "JPEG":
        return NONE
    if column == "GIF":
        data = encode_image(*detach(np.array(clear), Carry()), ".gif")
    else:
        data = made(column, clear)
    ((frame, carry),) = through(folder, column, data).frames
    if carry.alpha is None:
        return "over white" if frame[:, 0].min() > 240 else "lost"
    return "kept" if np.abs(carry.alpha.astype(int) - levels).max() < 8 else "on or off"


def depth(column: str, folder: Path) -> str:
    deep = (PHOTO.astype(np.uint16) << 8) + 128
    if column in ("PNG", "TIFF"):
        data = encode_image(deep, Carry(), SUFFIXES[column])
    elif column in ("AVIF", "HEIC"):
        heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
        file = io.BytesIO()
        if column == "AVIF":
            pytest.skip("nothing here writes a deep AVIF")
        heif.from_bytes("RGB;16", (64, 48), deep.tobytes()).save(file, quality=-1)
        data = file.getvalue()
    else:
        return NONE
    return {1: "8 bit", 2: "kept"}[through(folder, column, data).frames[0][0].itemsize]


def cmyk(column: str, folder: Path) -> str:
    if column not in ("JPEG", "TIFF"):
        return NONE
    image = Image.fromarray(PHOTO).convert("CMYK")
    ((frame, carry),) = through(folder, column, made(column, image)).frames
    close = np.abs(frame.astype(int) - np.asarray(image.convert("RGB"))).mean() < 3
    return "sRGB" if close and not carry.icc else "lost"


def palette(column: str, folder: Path) -> str:
    image = Image.fromarray(PHOTO).quantize(64)
    if column not in ("PNG", "TIFF", "GIF", "BMP"):
        return NONE
    file = io.BytesIO()
    image.save(file, column)
    ((frame, _),) = through(folder, column, file.getvalue()).frames
    np.testing.assert_array_equal(frame, np.asarray(image.convert("RGB")))
    with Image.open(folder / f"result{SUFFIXES[column]}") as result:
        return {"P": "a new one", "RGB": "RGB"}[result.mode]


def grey(column: str, folder: Path) -> str:
    image = Image.fromarray(PHOTO[..., 0])
    if column == "WebP":
        return NONE
    if column == "GIF":
        data = encode_image(*detach(PHOTO[..., :1], Carry()), ".gif")
    else:
        data = made(column, image)
    return "kept" if through(folder, column, data).frames[0][1].grey else "RGB"


def resolution(column: str, folder: Path) -> str:
    dpi = carried(column, folder, dpi=(300, 300)).dpi
    return kept_if(dpi is not None and abs(dpi[0] - 300) < 0.1)


def modified(column: str, folder: Path) -> str:
    through(folder, column, made(column, Image.fromarray(PHOTO)))
    frame, carry = read_picture(folder / f"a{SUFFIXES[column]}").frames[0]
    result = folder / f"again{output_suffix(SUFFIXES[column])}"
    write_image(result, frame, carry)
    return kept_if(result.stat().st_mtime_ns == MTIME)


def orientation(column: str, folder: Path) -> str:
    image = Image.fromarray(PHOTO)
    ((frame, carry),) = through(folder, column, made(column, image, exif=block(6))).frames
    if not carry.exif:
        return NONE
    turned = np.abs(frame.astype(int) - np.rot90(PHOTO, -1)).mean() < 4
    return "applied" if turned and exif.orientation(carry.exif) == 1 else "lost"


def thumbnail(column: str, folder: Path) -> str:
    carry = carried(column, folder, exif=block(thumbnail=True))
    if not carry.exif:
        return NONE
    told = Image.Exif()
    told.load(carry.exif)
    return "kept" if told.get_ifd(1) else "left out"


def moves(column: str, folder: Path) -> str:
    if column in ("JPEG", "TIFF", "BMP", "HEIC"):
        return NONE
    frames = [Image.fromarray(np.roll(PHOTO, 9 * number, 1)) for number in range(3)]
    file = io.BytesIO()
    frames[0].save(file, column, save_all=True, append_images=frames[1:], duration=70)
    if column == "AVIF":
        with pytest.raises(ItemError, match="--format webp"):
            through(folder, column, file.getvalue())
        return "refused"
    picture = through(folder, column, file.getvalue())
    assert picture.timing is not None
    return kept_if(picture.timing.durations == (70,) * 3)


def gain_map(column: str, folder: Path) -> str:
    if column == "JPEG":
        xmp = b'<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1"/>'
        data = made("JPEG", Image.fromarray(PHOTO), xmp=xmp) + made("JPEG", Image.fromarray(PHOTO))
    elif column == "HEIC":
        mask = np.dstack([PHOTO, PHOTO[..., 0]])
        mark = b"urn:mpeg:hevc:2015:auxid:1\0"
        plain = made("HEIC", Image.fromarray(mask))
        assert mark in plain
        data = plain.replace(mark, b"urn:phone:aux:hdrgainmap".ljust(len(mark), b"\0"))
    else:
        return NONE
    (folder / "a").write_bytes(data)
    picture = read_picture(folder / "a")
    assert picture.frames[0][1].alpha is None
    return {("its HDR gain map is left out",): "left out, said"}[picture.notes]


PROBES: dict[str, Callable[[str, Path], str]] = {
    "EXIF": has_exif,
    "IPTC": has_iptc,
    "ICC profile": has_profile,
    "XMP": has_xmp,
    "alpha": has_alpha,
    "16 bit": depth,
    "CMYK": cmyk,
    "palette": palette,
    "grey": grey,
    "DPI": resolution,
    "modification time": modified,
    "orientation": orientation,
    "thumbnail": thumbnail,
    "animation": moves,
    "gain map": gain_map,
}


@pytest.mark.parametrize(("row", "column", "word"), cells())
def test_a_cell_says_what_happens(row: str, column: str, word: str, tmp_path: Path) -> None:
    assert PROBES[row](column, tmp_path) == word


def test_the_table_is_whole() -> None:
    assert [row for row, column, _ in cells() if column == "JPEG"] == list(PROBES)
    assert {column for _, column, _ in cells()} == set(SUFFIXES)

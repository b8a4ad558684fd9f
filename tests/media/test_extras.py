"""Laws of JPEGs that hold more than a picture, and of files that are refused by name."""

import io
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gantool.errors import ItemError
from gantool.media.headers import read_header
from gantool.media.images import RAW_SUFFIXES, SUFFIXES, read_picture
from gantool.media.picture import Limits

PHOTO = np.dstack([np.add.outer(np.arange(64), np.arange(96))] * 3).astype(np.uint8)
HDR = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="kept" '
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    b'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><Container:Directory><rdf:Seq>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Length="9"/>'
    b"</rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def jpeg(pixels: np.ndarray, xmp: bytes = b"") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, xmp=xmp)
    return file.getvalue()


def with_index(first: bytes, kinds: tuple[int, ...]) -> bytes:
    """The JPEG with an index of pictures of these kinds, and a small one for each after it."""
    entries = b"".join(struct.pack("<LLLHH", kind, 9, 9, 0, 0) for kind in (0x030000, *kinds))
    packed = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0xB002, 7, len(entries), 26)
    body = b"MPF\0" + packed + bytes(4) + entries
    segment = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    return first[:20] + segment + first[20:] + jpeg(PHOTO[::4, ::4]) * len(kinds)


def test_of_a_photo_with_a_gain_map_the_photo_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(with_index(jpeg(PHOTO, HDR), (0,)))
    picture = read_picture(tmp_path / "a.jpg")
    ((frame, carry),) = picture.frames
    assert np.abs(frame.astype(int) - PHOTO).mean() < 2
    assert picture.notes == ("its HDR gain map is left out",)
    assert all(word not in carry.xmp for word in (b"hdrgm:V", b"GainMap", b"Container:"))
    assert b'dc:format="kept"' in carry.xmp
    ElementTree.fromstring(carry.xmp)


@pytest.mark.parametrize(
    ("kinds", "notes"),
    [
        ((0x020002,), ("1 more picture of the file left out: the main one is read",)),
        ((0x020003,) * 3, ("3 more pictures of the file left out: the main one is read",)),
        ((0x010001, 0x010002), ()),
        ((), ()),
    ],
)
def test_of_several_pictures_the_first_is_read(
    tmp_path: Path, kinds: tuple[int, ...], notes: tuple[str, ...]
) -> None:
    (tmp_path / "a.mpo").write_bytes(with_index(jpeg(PHOTO), kinds))
    picture = read_picture(tmp_path / "a.mpo")
    assert picture.frames[0][0].shape == PHOTO.shape
    assert picture.notes == notes


def test_a_real_pair_of_views(data: Path) -> None:
    picture = read_picture(data / "odd_images" / "pillow" / "sugarshack.mpo")
    assert picture.frames[0][0].shape == (480, 640, 3)
    assert picture.notes == ("1 more picture of the file left out: the main one is read",)


def test_a_gain_map_without_its_photo_is_cut_short(data: Path) -> None:
    with pytest.raises(ItemError, match="cut short"):  # the file ends before the first pixel
        read_picture(data / "odd_images" / "pillow" / "ultrahdr.jpg")


def directory(entries: list[tuple[int, int, int, int]], link: int = 0) -> bytes:
    packed = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    return struct.pack("<H", len(entries)) + packed + struct.pack("<L", link)


def raw_like_a_tiff(*more: tuple[int, int, int, int]) -> bytes:
    """A small thumbnail first, as cameras write them, and what `more` says in the directory."""
    picture = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    strips = [(254, 4, 1, 1), (273, 4, 1, 400), (277, 3, 1, 1), (278, 3, 1, 8), (279, 4, 1, 64)]
    first = b"II*\0\x08\0\0\0" + directory([*picture, *strips, *more])
    mosaic = directory([(256, 4, 1, 6000), (257, 4, 1, 4000), (262, 3, 1, 32803)])
    return first.ljust(300, b"\0") + mosaic.ljust(200, b"\0") + bytes(64)


RAW = {
    "dng": raw_like_a_tiff((50706, 1, 4, 0x0401)),
    "nef": raw_like_a_tiff((330, 4, 1, 300)),
    "cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(200),
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
    "orf": b"IIRO\x08\0\0\0" + bytes(100),
    "rw2": b"IIU\0\x18\0\0\0" + bytes(100),
    "raf": b"FUJIFILMCCD-RAW 0201" + bytes(100),
}


@pytest.mark.parametrize("name", ["a", "a.tif", "a.jpg"])
@pytest.mark.parametrize("content", RAW.values(), ids=RAW)
def test_camera_raw_is_known_by_its_content(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    for read in (read_picture, read_header):
        with pytest.raises(ItemError, match="a camera raw file: develop it to TIFF first"):
            read(tmp_path / name, Limits())


@pytest.mark.parametrize("suffix", [".cr2", ".NEF", ".arw", ".pef", ".srw", ".dng"])
def test_camera_raw_is_known_by_its_name(tmp_path: Path, suffix: str) -> None:
    for content in (raw_like_a_tiff(), b"something else"):
        (tmp_path / f"a{suffix}").write_bytes(content)
        with pytest.raises(ItemError, match="a camera raw file"):
            read_picture(tmp_path / f"a{suffix}")
    (tmp_path / f"b{suffix}").write_bytes(jpeg(PHOTO))
    assert read_picture(tmp_path / f"b{suffix}").frames[0][0].shape == PHOTO.shape
    assert suffix.lower() in RAW_SUFFIXES
    assert not RAW_SUFFIXES & SUFFIXES


def test_a_small_tiff_that_no_camera_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(raw_like_a_tiff())
    assert read_picture(tmp_path / "a.tif").frames[0][0].shape == (8, 8, 3)

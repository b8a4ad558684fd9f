"""Laws of what of the metadata goes into a result."""

import io
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from gantool.media import exif, png
from gantool.media.carry import Carry
from gantool.media.images import encode_image, read_image
from gantool.media.metadata import kept, sized

FORMATS = [".jpg", ".png", ".tif", ".webp", ".avif", ".gif", ".bmp"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FRAME = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
PLACE = (12345677, 23456789)
"""Numbers of a rational that nothing else would have."""
WORDS = b"Xanadu"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'exif:GPSLatitude="Xanadu" drone-dji:GpsLongitude = \'Xanadu\' photoshop:City="Xanadu" '
    b'a:latitude="Xanadu" '
    b'exif:PixelXDimension="9" dc:format="kept-format" photoshop:CityLights="kept-lights">'
    b"<exif:GPSAltitude>Xanadu</exif:GPSAltitude><dc:title>kept-title</dc:title>"
    b'<Iptc4xmpExt:LocationCreated rdf:parseType="Resource"><rdf:Bag><rdf:li>Xanadu</rdf:li>'
    b"</rdf:Bag></Iptc4xmpExt:LocationCreated><geo:lat>Xanadu</geo:lat>"
    b"<xmp:Thumbnails><rdf:Alt>Xanadu</rdf:Alt></xmp:Thumbnails><exif:PixelYDimension>7"
    b"</exif:PixelYDimension></rdf:Description></rdf:RDF></x:xmpmeta>"
)
IPTC = (
    b"\x1c\x02\x5a\x00\x06Xanadu\x1c\x02\x78\x00\x0ckept-caption\x1c\x02\x5f\x80\x04\0\0\0\x06Xanadu"
    b"\x1c\x02\x19\x00\x0ckept-keyword"
)


def exif_block(order: str) -> bytes:
    """Camera, orientation, exposure, coordinates and a thumbnail that holds these again."""
    block = Image.Exif()
    block.endian = order
    block[271], block[305], block[274] = "kept-maker", "kept-software", 1
    block.get_ifd(34665).update({37500: b"Xanadu, says the maker's note", 36867: "2020:02:02"})
    block.get_ifd(34853).update({1: "N", 2: (IFDRational(*PLACE),) * 3, 29: "2020:02:02"})
    packed = bytearray(exif.block(block.tobytes()))
    struct.pack_into(f"{order}L", packed, exif._directory(packed, 8)[1], len(packed))
    return bytes(packed) + struct.pack(f"{order}H", 0) + bytes(4) + WORDS


def told(order: str = "<") -> Carry:
    texts = [
        (b"tEXt", b"Author\0kept-author"),
        (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(WORDS)),
        (b"tEXt", b"Location\0Xanadu"),
    ]
    gamma = (b"gAMA", struct.pack(">I", 45455))
    return Carry(
        exif=exif_block(order),
        icc=SRGB,
        xmp=XMP,
        iptc=IPTC,
        dpi=(300.0, 300.0),
        png=(gamma, *texts),
    )


def everything(data: bytes) -> bytes:
    """The file, and what is packed or in hexadecimal in it."""
    unpacked = [data]
    if data.startswith(png.SIGNATURE):
        for name, body in png.chunks(data):
            if name == b"zTXt":
                text = zlib.decompress(body.partition(b"\0")[2][1:])
                unpacked += [
                    text,
                    *(bytes.fromhex(h.decode()) for h in re.findall(rb"[0-9a-f]{20,}", text)),
                ]
    return b"\n".join(unpacked)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("suffix", FORMATS)
def test_no_place_is_left(suffix: str, order: str, tmp_path: Path) -> None:
    with_places = everything(encode_image(FRAME, told(order), suffix))
    data = encode_image(FRAME, kept(told(order), "keep-no-gps"), suffix)
    (tmp_path / "a").write_bytes(data)
    traces = [WORDS, *(struct.pack(f"{each}L", number) for each in "<>" for number in PLACE)]
    assert suffix == ".bmp" or any(trace in with_places for trace in traces)
    assert not [trace for trace in traces if trace in everything(data)]
    Image.open(io.BytesIO(data)).load()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_all_else_stays_readable(suffix: str, order: str) -> None:
    data = encode_image(FRAME, kept(told(order), "keep-no-gps"), suffix)
    found = Image.open(io.BytesIO(data)).getexif()
    assert (found[271], found[305]) == ("kept-maker", "kept-software")
    assert 34853 not in found
    inner = found.get_ifd(34665)
    assert inner[36867] == "2020:02:02"
    assert 37500 not in inner
    words = [b"kept-format", b"kept-title", b"kept-lights"]
    words += [b"kept-caption", b"kept-keyword"] if suffix in (".jpg", ".png", ".tif") else []
    words += [b"kept-author"] if suffix == ".png" else []
    assert not [word for word in words if word not in everything(data)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_stripped_is_all_but_what_pixels_need(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(encode_image(FRAME, kept(told(), "strip"), suffix))
    _, carry = read_image(tmp_path / "a")
    assert (carry.exif, carry.xmp, carry.iptc) == (b"", b"", b"")
    assert not [name for name, _ in carry.png if name in png.TEXTS]
    assert carry.icc == (b"" if suffix == ".bmp" else SRGB)
    if suffix not in (".webp", ".avif", ".gif"):
        assert carry.dpi == pytest.approx((300, 300), abs=0.1)
    content = (tmp_path / "a").read_bytes()
    assert b"kept-" not in everything(content)


def test_stripped_keeps_the_gamma_of_a_png(tmp_path: Path) -> None:
    carry = replace(told(), icc=b"")
    (tmp_path / "a").write_bytes(encode_image(FRAME, kept(carry, "strip"), ".png"))
    assert [name for name, _ in read_image(tmp_path / "a")[1].png] == [b"gAMA"]


def test_kept_is_untouched() -> None:
    assert kept(carry := told(), "keep") is carry


@pytest.mark.parametrize(
    "broken", [b"II*\0", b"II*\0\xff\0\0\0", b"MM\0*\0\0\0\x08\xff\xff" + bytes(9)]
)
def test_exif_that_cannot_be_followed_is_left_out(broken: bytes) -> None:
    assert exif.without_places(broken) == b""


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_exif_that_is_cut_short_keeps_no_place(cut: int) -> None:
    left = exif.without_places(exif_block("<")[:-cut] if cut else exif_block("<"))
    assert WORDS not in left
    assert struct.pack("<L", PLACE[0]) not in left


@pytest.mark.parametrize("xmp", [XMP.decode().encode("utf-16"), b"<!DOCTYPE x>" + XMP])
def test_xmp_that_cannot_be_searched_is_left_out(xmp: bytes) -> None:
    assert kept(Carry(xmp=xmp), "keep-no-gps").xmp == b""


def test_iptc_is_followed_as_far_as_it_goes() -> None:
    def places_left(iptc: Any) -> bytes:
        return kept(Carry(iptc=iptc), "keep-no-gps").iptc

    assert places_left(IPTC + b"trailing") == places_left(IPTC)
    assert places_left(b"not IPTC, Xanadu") == b""


def test_xmp_tells_the_size_of_its_picture_and_holds_no_thumbnail() -> None:
    packet = sized(XMP, 640, 480)
    assert b'exif:PixelXDimension="640"' in packet
    assert b"<exif:PixelYDimension>480<" in packet
    assert b"Thumbnails" not in packet


@pytest.mark.parametrize("order", "<>")
def test_nothing_of_a_thumbnail_is_left(order: str) -> None:
    block = bytearray(exif_block(order).removesuffix(bytes(6) + WORDS))
    link = exif._directory(bytes(block), 8)[1]
    struct.pack_into(f"{order}L", block, link, len(block))
    entries = [(0x201, 4, 1, len(block) + 30), (0x202, 4, 1, 9)]
    block += struct.pack(f"{order}H", 2)
    block += b"".join(struct.pack(f"{order}HHLL", *entry) for entry in entries) + bytes(4)
    left = exif.upright(bytes(block) + b"thumbnail", 10, 10)
    assert left.endswith(bytes(9))
    assert len(left) == len(block) + 9
    assert b"kept-maker" in left
    assert WORDS in left

"""Laws of headers, and of files that are larger inside than outside."""

import io
import resource
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool.errors import ItemError
from gantool.media import headers, png
from gantool.media.carry import Carry
from gantool.media.headers import read_header
from gantool.media.images import WRITABLE, encode_image, read_image, read_picture, write_picture
from gantool.media.picture import Limits, Picture, Timing

SIZES = [(40_000, 25_000), (50_000, 50_000), (65_535, 65_535)]


def png_file(width: int, height: int, *between: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (1 + 3 * min(width, 10)) * min(height, 10))
    return png.file([(b"IHDR", header), *between, (b"IDAT", pixels), (b"IEND", b"")])


def jpeg_file(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def tiff_file(width: int, height: int, *more: tuple[int, int, int, int]) -> bytes:
    entries = sorted(
        [
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (273, 4, 1, 8),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, 100),
            *more,
        ]
    )
    packed = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4 + 100)


def webp_file(width: int, height: int) -> bytes:
    """A canvas, which may be larger than a picture: 24 bits a side."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    picture = encode_image(np.zeros((8, 8, 3), np.uint8), Carry(), ".webp")[12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<LL", 10, 0) + sides + picture
    return b"RIFF" + struct.pack("<L", len(body)) + body


def bmp_file(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<LLLLllHHLLllLL", 154, 0, 54, 40, width, height, 1, 24, *[0] * 6)


def gif_file(width: int, height: int) -> bytes:
    data = bytearray(encode_image(np.zeros((8, 8, 3), np.uint8), Carry(), ".gif"))
    struct.pack_into("<HH", data, 6, width, height)
    return bytes(data)


def avif_file(width: int, height: int) -> bytes:
    data = bytearray(encode_image(np.zeros((8, 8, 3), np.uint8), Carry(), ".avif"))
    struct.pack_into(">II", data, data.index(b"ispe") + 8, width, height)
    return bytes(data)


def pnm_file(width: int, height: int) -> bytes:
    return b"P6\n# drawn\n%d %d\n255\n" % (width, height) + bytes(300)


FILES: list[Callable[[int, int], bytes]] = [
    png_file,
    jpeg_file,
    tiff_file,
    webp_file,
    bmp_file,
    gif_file,
    avif_file,
    pnm_file,
]


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """No test here may take more than 400 MB beyond what there is."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def said(file: Path, data: bytes, limits: Limits | None = None) -> str:
    """Why reading refuses, which reading the header refuses alike."""
    file.write_bytes(data)
    with pytest.raises(ItemError) as reading:
        read_picture(file, limits or Limits())
    with pytest.raises(ItemError) as header:
        read_header(file, limits or Limits())
    assert str(reading.value) == str(header.value)
    return str(reading.value)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("made", FILES, ids=lambda made: made.__name__)
def test_a_bomb_is_refused_by_its_header(
    tmp_path: Path, made: Callable[[int, int], bytes], width: int, height: int
) -> None:
    why = said(tmp_path / "bomb", made(width, height))
    assert f"{width}×{height}, {width * height / 1e6:.0f} megapixels" in why
    assert "raise --max-pixels" in why


def test_what_would_be_too_large_is_said_to_be_the_result(tmp_path: Path) -> None:
    why = said(tmp_path / "a", png_file(9000, 8000), Limits(scale=8))
    assert "the picture is 9000×8000, its result would be 72000×64000, 4608 megapixels" in why
    assert "more than the 4000 allowed: raise --max-pixels or choose a smaller scale" in why


@pytest.mark.filterwarnings("ignore:Tag data larger")
@pytest.mark.parametrize("kind", [2, 3, 4, 5, 12, 16])
def test_a_tiff_of_absurd_counts_takes_no_memory(tmp_path: Path, kind: int) -> None:
    absurd = [(tag, kind, 0xFFFFFFFF, 8) for tag in (270, 305, 33432, 700, 34675, 324, 325)]
    (tmp_path / "a.tif").write_bytes(tiff_file(10, 10, *absurd))
    assert read_picture(tmp_path / "a.tif").frames[0][0].shape == (10, 10, 3)
    assert read_header(tmp_path / "a.tif", Limits()) == headers.Header(10, 10)


def test_a_tiff_whose_tags_all_hold_the_whole_file_is_refused(tmp_path: Path) -> None:
    size = 1 << 20
    greedy = [(tag, 7, size, 8) for tag in range(40_000, 44_000)]
    assert "lists more than it holds" in said(
        tmp_path / "a", tiff_file(10, 10, *greedy) + bytes(size)
    )


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt", b"iTXt"])
def test_what_inflates_to_gigabytes_is_left_out(tmp_path: Path, name: bytes) -> None:
    packer = zlib.compressobj(9)
    start_of_stream = packer.compress(bytes(1 << 10)) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 22)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = start_of_stream + 512 * piece  # of which each can be followed by any other
    start = {b"iCCP": b"icc\0\0", b"zTXt": b"Raw profile type iptc\0\0"}
    body = start.get(name, b"XML:com.adobe.xmp\0\1\0\0\0") + packed
    (tmp_path / "a.png").write_bytes(png_file(10, 10, (name, body)))
    ((_, carry),) = read_picture(tmp_path / "a.png").frames
    assert (carry.icc, carry.xmp, carry.iptc) == (b"", b"", b"")


def test_an_animation_of_a_million_frames_is_refused(tmp_path: Path) -> None:
    counts = (b"acTL", struct.pack(">II", 1_000_000, 0))
    assert "1000000 frames, more than the 100000" in said(tmp_path / "a", png_file(1, 1, counts))


@pytest.mark.parametrize("suffix", sorted(WRITABLE))
def test_a_header_says_what_reading_finds(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a").write_bytes(encode_image(np.zeros((19, 27, 3), np.uint8), Carry(), suffix))
    assert read_header(tmp_path / "a", Limits()) == headers.Header(27, 19)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_a_header_counts_frames(tmp_path: Path, suffix: str) -> None:
    frames = [(np.full((19, 27, 3), 40 * n, np.uint8), Carry()) for n in range(4)]
    with (tmp_path / "a").open("w+b") as file:
        write_picture(file, Picture(frames, Timing((50,) * 4)), suffix)
    assert read_header(tmp_path / "a", Limits()) == headers.Header(27, 19, 4)


def test_headers_of_real_files_are_those_of_their_pictures(data: Path) -> None:
    read = 0
    for file in sorted((data / "odd_images").rglob("*.*")):
        try:
            picture = read_picture(file)
        except ItemError:
            continue
        header = read_header(file, Limits())
        height, width = picture.frames[0][0].shape[:2]
        assert sorted((header.width, header.height)) == sorted((width, height)), file
        assert header.frames == len(picture.frames), file
        read += 1
    assert read > 100


def test_no_picture_has_the_same_reason_in_both(tmp_path: Path) -> None:
    for data, reason in ((b"", "empty"), (b"text", "not a picture"), (b"%PDF-1.4", "a PDF")):
        assert reason in said(tmp_path / "a", data)


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".gif"])
def test_the_limit_of_pillow_does_not_rule(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(encode_image(np.zeros((90, 90, 3), np.uint8), Carry(), suffix))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_image(tmp_path / "a")[0].shape == (90, 90, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_jpeg_full_of_rubbish_is_refused_at_once(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x04ab" + bytes(50_000_000))
    began = time.process_time()
    with pytest.raises(ItemError, match="damaged"):
        read_header(tmp_path / "a.jpg", Limits())
    assert time.process_time() - began < 1

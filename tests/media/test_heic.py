"""Laws of HEIC, where the extra that reads it is installed."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from gantool.errors import ItemError
from gantool.media import exif, headers
from gantool.media.headers import read_header
from gantool.media.images import SUFFIXES, ending, output_suffix, read_picture
from gantool.media.picture import Limits

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">kept</x:xmpmeta>'
Y, X = np.mgrid[:64, :96]
PHOTO = np.dstack([2 * X, 3 * Y, 255 - X - Y]).astype(np.uint8)


def heic(pixels: Any, mode: str = "RGB", **told: Any) -> bytes:
    file = io.BytesIO()
    size = (pixels.shape[1], pixels.shape[0])
    image = pillow_heif.from_bytes(mode=mode, size=size, data=pixels.tobytes())
    for key in ("icc_profile", "exif", "xmp"):
        if key in told:
            image.info[key] = told.pop(key)
    image.save(file, quality=-1, **told)
    return file.getvalue()


def exif_block(orientation: int) -> bytes:
    block = Image.Exif()
    block[271], block[274] = "Maker", orientation
    return b"Exif\0\0" + exif.block(block.tobytes())


def read(folder: Path, data: bytes) -> Any:
    (folder / "a.heic").write_bytes(data)
    return read_picture(folder / "a.heic").frames[0]


def test_pixels_and_metadata_are_read(tmp_path: Path) -> None:
    data = heic(PHOTO, icc_profile=SRGB, exif=exif_block(1), xmp=XMP)
    frame, carry = read(tmp_path, data)
    assert frame.dtype == np.uint8
    assert np.abs(frame.astype(int) - PHOTO).mean() < 2
    assert (carry.icc, carry.xmp, carry.alpha, carry.grey) == (SRGB, XMP, None, False)
    assert b"Maker" in carry.exif
    assert read_header(tmp_path / "a.heic", Limits()) == headers.Header(96, 64)
    assert ending(data) == ".heic"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_exactly_once(tmp_path: Path, orientation: int) -> None:
    """The encoder writes the turn as HEIC's own boxes; readers must not follow EXIF's as well."""
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(PHOTO)).save(
        file, exif=exif_block(orientation), quality=-1
    )
    other = pillow_heif.open_heif(file).to_pillow()
    frame, carry = read(tmp_path, file.getvalue())
    assert np.abs(frame.astype(int) - np.asarray(other)).max() == 0
    assert exif.orientation(carry.exif) == 1
    assert frame.shape[:2] in ((64, 96), (96, 64))


def test_alpha_and_grey_are_read(tmp_path: Path) -> None:
    alpha = (4 * Y)[..., None].astype(np.uint8)
    _, carry = read(tmp_path, heic(np.dstack([PHOTO, alpha]), "RGBA"))
    assert carry.alpha is not None
    assert np.abs(carry.alpha.astype(int) - alpha[..., 0]).max() <= 2
    _, carry = read(tmp_path, heic(PHOTO[..., 0], "L"))
    assert carry.grey


def test_ten_bits_become_sixteen_of_full_range(tmp_path: Path) -> None:
    deep = (np.dstack([X, X, X]) * 65535 // 95).astype(np.uint16)
    frame, _ = read(tmp_path, heic(deep, "RGB;16"))
    assert frame.dtype == np.uint16
    assert len(np.unique(frame[..., 1])) > 90
    assert (int(frame.min()), int(frame.max())) == (0, 65535)
    assert np.abs(frame.astype(int) - deep).mean() < 200


def test_a_cut_or_damaged_file_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = heic(noise)
    for cut in (40, 200, len(data) // 2, len(data) - 50):
        with pytest.raises(ItemError):
            read(tmp_path, data[:cut])


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    data = bytearray(heic(PHOTO))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = b"\0\0\xff\xff" * 2
    with pytest.raises(ItemError, match="65535×65535.*--max-pixels"):
        read(tmp_path, bytes(data))


def test_results_are_jpegs_by_default() -> None:
    for suffix in (".heic", ".HEIF", ".hif"):
        assert output_suffix(suffix) == ".jpg"
        assert suffix.lower() in SUFFIXES


def test_of_several_pictures_the_main_one_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    every = pillow_heif.from_pillow(Image.fromarray(PHOTO[::2, ::2]))
    every.add_from_pillow(Image.fromarray(PHOTO))
    every.save(file, quality=-1, primary_index=1)
    (tmp_path / "a.heic").write_bytes(file.getvalue())
    picture = read_picture(tmp_path / "a.heic")
    assert picture.frames[0][0].shape == PHOTO.shape
    assert picture.notes == ("1 more picture of the file left out: the main one is read",)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.heic").write_bytes(heic(PHOTO))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for reading in (read_picture, read_header):
        with pytest.raises(ItemError, match=r'a HEIC picture: pip install "gantool\[heif\]"'):
            reading(tmp_path / "a.heic", Limits())

"""A header tells the size that decoding gives; what is hidden is no picture."""

import numpy as np
import pytest
from PIL import Image

from gantool.errors import GantoolError, ItemError
from gantool.media.images import SUFFIXES, read_image
from gantool.training.picture_files import below, first_below, pictures, sampled, size


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.ppm"])
def test_a_header_gives_width_and_height(tmp_path, name):
    Image.new("RGB", (9, 5)).save(tmp_path / name)
    assert size(tmp_path / name) == (9, 5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_have_their_upright_size(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (9, 5)).save(tmp_path / "a.jpg", exif=exif)
    frame, _ = read_image(tmp_path / "a.jpg")
    assert size(tmp_path / "a.jpg") == frame.shape[1::-1]


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ItemError, match=r"a\.png"):
        size(tmp_path / "a.png")


def test_headers_of_odd_pictures_agree_with_their_pixels(data):
    odd = [path for path in below(data / "odd_images") if path.suffix.lower() in SUFFIXES]
    for path in odd:
        try:
            frame, _ = read_image(path)
        except GantoolError:
            continue
        assert size(path) == frame.shape[1::-1], path


def test_hidden_files_and_folders_are_no_pictures(tmp_path):
    for name in ("b.PNG", "a.jpg", "._a.jpg", "notes.txt", "c.png/d.png", ".thumbs/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in pictures(tmp_path)] == ["a.jpg", "b.PNG"]
    names = [str(path.relative_to(tmp_path)) for path in below(tmp_path)]
    assert names == ["a.jpg", "b.PNG", "notes.txt", "c.png/d.png"]
    assert first_below(tmp_path / ".thumbs") == tmp_path / ".thumbs" / "e.png"
    assert first_below(tmp_path / "c.png").name == "d.png"


@pytest.mark.parametrize("number", [0, 1, 4, 5, 99, 1000])
def test_a_sample_is_small_and_begins_at_the_first(number):
    some = sampled(range(number))
    assert len(some) < 10
    assert list(some[:1]) == list(range(number))[:1]
    assert np.all(np.diff(some) == np.diff(some)[:1])

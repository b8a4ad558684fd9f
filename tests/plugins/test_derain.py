"""Laws of the task derain: the choice of models, strength, pictures of every kind, no seams."""

import hashlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

import gantool_derain
from gantool import UsageError, api
from gantool.media.images import read_image
from gantool.outcomes import Done
from gantool.runtime.session import Session
from gantool.training.metrics import psnr_rgb
from gantool.training.weather import Rain, Snow, weathered
from gantool_derain import derain, likely, mixed

CATALOGUE = {model.name: model for model in gantool_derain.gantool_models()}
RAIN, SNOW = "derain/rain", "derain/snow"
FALLS = {
    RAIN: Rain(12.0, 1.0, 34.0, 0.8, 0.15, 0.55),
    SNOW: Snow(-20.0, 3.0, 3.0, 0.06, 0.8, 0.3),
}


def picture(height: int, width: int, depth: type = np.uint8) -> NDArray:
    """Noise that was blurred: detail of every size."""
    values = np.random.default_rng(height * width).random((height, width, 3))
    return (cv2.GaussianBlur(values, (0, 0), 1) * np.iinfo(depth).max).astype(depth)


def darker(by: int, frame: NDArray) -> NDArray:
    """Stands for a model that takes light off."""
    return frame - np.minimum(frame, np.iinfo(frame.dtype).max // 255 * by)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Session]:
    """The models of the catalogue, opened."""
    return {name: Session(Path(model.source)) for name, model in CATALOGUE.items()}


def test_options_go_into_names_and_models():
    assert (derain().models, derain().label) == ((RAIN,), "rain")
    assert (derain("snow").models, derain("snow").label) == ((SNOW,), "snow")
    assert (derain("auto").models, derain("auto").label) == ((RAIN, SNOW), "auto")
    assert derain("snow", 0.5).label == "snow-strength-0.5"
    assert derain(model="mine.onnx").models == ("mine.onnx",)
    assert derain().kind == "enhanced"
    assert CATALOGUE.keys() == {RAIN, SNOW}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weather": "hail"}, "--weather hail: there are rain, snow, auto"),
        ({"strength": 1.5}, "--strength 1.5: must be from 0 to 1"),
        ({"strength": -0.1}, "--strength -0.1: must be from 0 to 1"),
        ({"strength": float("nan")}, "--strength nan: must be from 0 to 1"),
        ({"weather": "auto", "model": "mine.onnx"}, "--weather auto: not with --model"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        derain(**options)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_strength_is_the_share_of_the_residual_that_goes(strength, depth):
    frame = picture(9, 7, depth)
    cleared = darker(40, frame)
    share = strength * likely(frame, cleared)
    exact = frame - share * (frame.astype(float) - cleared)
    result = derain("rain", strength).process(frame, partial(darker, 40))
    assert result.dtype == depth
    assert np.abs(result - exact).max() <= 0.501
    assert np.array_equal(result, mixed(frame, cleared, share))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_much_is_taken_off_whole_and_little_is_held_back(depth):
    frame = np.full((8, 8, 3), np.iinfo(depth).max // 2, depth)
    level = np.iinfo(depth).max // 255
    shares = [likely(frame, darker(off, frame)) for off in (0, 1, 2, 30)]
    assert shares == pytest.approx([0, 1 / 4, 4 / 7, 900 / 903])
    result = derain().process(frame, partial(darker, 2))
    assert np.abs((frame - result.astype(float)) / level - 2 * 4 / 7).max() <= 0.5


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_auto_keeps_what_took_more_off(depth):
    frame, process = picture(9, 7, depth), derain("auto").process
    little, much = partial(darker, 5), partial(darker, 50)
    wanted = derain().process(frame, much)
    assert np.array_equal(process(frame, little, much), wanted)
    assert np.array_equal(process(frame, much, little), wanted)


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_has_the_hash_of_the_file(name):
    data = Path(CATALOGUE[name].source).read_bytes()
    assert hashlib.sha256(data).hexdigest() == CATALOGUE[name].sha256
    assert len(data) < 2_000_000


@pytest.mark.parametrize("name", CATALOGUE)
def test_file_says_the_same_as_the_catalogue(name, shipped):
    contract, entry = shipped[name].contract, CATALOGUE[name]
    assert (f"{contract.task}/{contract.name}", contract.task) == (name, entry.task)
    assert (contract.licence, contract.statistics) == (entry.licence, "local")
    assert contract.halo <= 64


@pytest.mark.parametrize("tile", [pytest.param(16, marks=pytest.mark.slow), 64])
@pytest.mark.parametrize(("depth", "most"), [(np.uint8, 1), (np.uint16, 15)])
@pytest.mark.parametrize("name", CATALOGUE)
def test_tiles_equal_the_whole(name, tile, depth, most):
    path = Path(CATALOGUE[name].source)
    frame = picture(67, 91, depth)
    whole, tiles = (Session(path, tile=size)(frame).astype(int) for size in (None, tile))
    assert np.abs(whole - tiles).max() <= most


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("side", [(1, 1), (1, 7), (5, 3), (37, 53)])
@pytest.mark.parametrize("name", CATALOGUE)
def test_pictures_of_any_size_and_depth_keep_them(name, side, depth, shipped):
    frame = picture(*side, depth)
    result = shipped[name](frame)
    assert (result.shape, result.dtype) == (frame.shape, depth)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("name", CATALOGUE)
def test_flat_pictures_stay_as_they_are(name, level, shipped):
    """Black, grey, white: at most four levels off."""
    frame = np.full((40, 60, 3), level, np.uint8)
    assert np.abs(shipped[name](frame).astype(int) - level).max() <= 4


@pytest.mark.parametrize("name", CATALOGUE)
def test_16_bit_is_8_bit_and_more(name, shipped):
    frame = picture(37, 53)
    fine = shipped[name](frame.astype(np.uint16) * 257) / 257
    assert np.abs(fine - shipped[name](frame)).max() <= 0.51


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("photo", ["chelsea", "coffee"])
def test_weather_goes_and_clean_photographs_stay(name, photo, shipped):
    """Photographs that no training has seen; weather that none has drawn."""
    clean = np.ascontiguousarray(getattr(skimage.data, photo)()[:256, :320])
    seen, behind = weathered(clean, FALLS[name], np.random.default_rng(5))
    gain = psnr_rgb(shipped[name](seen), behind) - psnr_rgb(seen, behind)
    assert gain >= 5
    assert psnr_rgb(shipped[name](clean), clean) >= 38


@pytest.mark.parametrize("name", CATALOGUE)
def test_auto_knows_rain_from_snow(name, shipped):
    clean = np.ascontiguousarray(skimage.data.chelsea()[:160, :200])
    seen, _ = weathered(clean, FALLS[name], np.random.default_rng(6))
    predicts = shipped[RAIN], shipped[SNOW]
    wanted = derain().process(seen, shipped[name])
    assert np.array_equal(derain("auto").process(seen, *predicts), wanted)


def done(file: Path) -> list[Done]:
    return [each for each in api.run("derain", [file]) if isinstance(each, Done)]


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16"])
def test_files_of_every_kind_stay_what_they_are(mode, tmp_path):
    """Grey stays grey, alpha and depth are kept; CMYK becomes colours as anywhere."""
    file = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    values = picture(20, 30)
    if mode == "I;16":
        Image.fromarray(values[..., 0].astype(np.uint16) * 257).save(file)
    else:
        Image.fromarray(values).convert(mode).save(file)
    (output,) = [path for each in done(file) for path in each.outputs]
    with Image.open(output) as result:
        assert result.size == (30, 20)
        assert result.mode == {"CMYK": "RGB"}.get(mode, mode)
    assert read_image(output)[0].dtype == (np.uint16 if mode == "I;16" else np.uint8)

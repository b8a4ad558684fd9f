"""Laws of the task superres: exact sizes, tiles without seams, better pictures than bicubic."""

import hashlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import gantool_superres
import models
from gantool import Frames
from gantool.errors import ItemError, UsageError
from gantool.runtime.session import Session
from gantool_superres import PHOTO, X2, X4, enlarging, superres
from gantool_superres.enlarging import COARSE, PLAIN, blended, enlarge, plain_share, reduce

CATALOGUE = {model.name: model for model in gantool_superres.gantool_models()}
SIDES = [(1, 1), (1, 7), (5, 3), (37, 53)]


def times(factor: int, frame: NDArray) -> NDArray:
    """Stands for a model: every pixel becomes a block."""
    return frame.repeat(factor, 0).repeat(factor, 1)


STAND_INS = {PHOTO: partial(times, 4), X4: partial(times, 4), X2: partial(times, 2)}


def picture(height: int, width: int, depth: type = np.uint8) -> NDArray:
    """Noise that was blurred: detail of every size."""
    values = np.random.default_rng(height * width).random((height, width, 3))
    return (cv2.GaussianBlur(values, (0, 0), 1) * np.iinfo(depth).max).astype(depth)


def run(scale: int, frame: NDArray, predicts) -> NDArray:
    pipeline = superres(scale)
    return pipeline.process(frame, *(predicts[name] for name in pipeline.models))


@pytest.fixture(scope="module")
def shipped() -> dict[str, Session]:
    """The models of the catalogue, opened."""
    return {name: Session(Path(model.source)) for name, model in CATALOGUE.items()}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_result_is_exactly_so_many_times_as_large(scale, side):
    result = run(scale, picture(*side), STAND_INS)
    assert result.shape == (side[0] * scale, side[1] * scale, 3)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_shipped_models_give_these_sizes_at_once_and_in_the_same_depth(scale, depth, shipped):
    for side in ((1, 1), (11, 7)):
        result = run(scale, picture(*side, depth), shipped)
        assert (result.shape, result.dtype) == ((side[0] * scale, side[1] * scale, 3), depth)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_flat_colour_stays_where_it_is(scale):
    frame = np.full((5, 7, 3), (10, 100, 250), np.uint8)
    assert (run(scale, frame, STAND_INS) == frame[0, 0]).all()


@pytest.mark.parametrize(("factor", "turns"), [(2, 3), (3, 2), (8, 1)])
def test_any_model_is_repeated_until_it_is_enough(factor, turns):
    calls: list[tuple[int, ...]] = []

    def predict(frame):
        calls.append(frame.shape)
        return times(factor, frame)

    assert enlarge(picture(3, 5), 8, (predict,)).shape == (24, 40, 3)
    assert len(calls) == turns


def test_model_that_does_not_enlarge_fails_the_item():
    with pytest.raises(ItemError, match="--model"):
        superres(4, 1).process(picture(5, 3), lambda frame: frame)


def test_scale_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="--scale 5"):
        superres(5)


def test_options_go_into_names_and_models():
    assert [superres(scale).label for scale in (2, 8)] == ["x2", "x8"]
    assert superres(4, model="my.onnx").models == ("my.onnx",)
    assert {name for scale in (2, 3, 4, 8) for name in superres(scale).models} <= CATALOGUE.keys()
    assert superres(4, 0.5).label == "x4-denoise-0.5"
    assert superres(8, 0).label == "x8-denoise-0"
    assert superres(2, 1).label == "x2-denoise-1"


def weights(frame: NDArray) -> NDArray:
    """Y′ of Rec.601, H×W."""
    return frame.astype(float) @ (0.299, 0.587, 0.114)


def colour(frame: NDArray) -> NDArray:
    """What is left without the luma."""
    return frame - weights(frame)[..., None]


def test_specks_of_the_sharp_model_do_not_come_through_its_colours_do():
    """A speck in one channel moves the result's colour by less than a twentieth."""
    frame = np.full((20, 20, 3), 100, np.uint8)
    true = times(4, frame)
    speck, tint = true.copy(), true + np.array([20, 0, 0], np.uint8)
    speck[40, 40, 2] = 200
    for sharp, place, least, most in ((speck, (40, 40), 0, 5), (tint, (40, 40), 19, 22)):
        result = blended((lambda _, sharp=sharp: sharp, lambda _: true.copy()), 0.5, frame)
        moved = np.ptp(colour(result)[place])
        assert least <= moved <= most


def two_answers(scale: int, depth: type) -> tuple[NDArray, NDArray]:
    """What a sharp ×4 model and a true one give of a picture; nothing of it is near an end."""
    small = picture(5, 7, depth) // 3 + np.iinfo(depth).max // 3
    true = 4 if scale != 2 else 2
    return times(4, np.flip(small)), times(true, small)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_the_blend_has_the_luma_of_both_and_only_coarse_colour_of_the_sharp_model(
    share, scale, depth
):
    frame, (sharp, true) = picture(5, 7, depth), two_answers(scale, depth)
    plain = cv2.resize(frame, true.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    cubic = plain_share(share)
    parts = share, cubic, 1 - share - cubic
    lumas = weights(reduce(sharp, *true.shape[:2])), weights(plain), weights(true)
    exact_luma = sum(part * luma for part, luma in zip(parts, lumas, strict=True))
    pipeline = superres(scale, share)
    answers = {PHOTO: sharp, (X2 if scale == 2 else X4): true.copy()}
    predicts = [lambda _, name=name: answers[name] for name in pipeline.models[:2]]
    first = superres(2 if scale == 2 else 4, share).process(frame, *predicts)
    assert first.dtype == depth
    assert np.abs(weights(first) - exact_luma).max() <= 0.501
    given, ours = (colour(each) for each in (reduce(sharp, *true.shape[:2]), true))
    wanted = ours + min(1, 2 * share) * cv2.GaussianBlur(given - ours, (0, 0), COARSE)
    assert np.abs(colour(first) - wanted).max() <= 1.01
    answers[pipeline.models[1]] = true.copy()
    others = [partial(times, 2)] if scale == 8 else []
    result = pipeline.process(frame, *predicts, *others)
    wanted = {3: lambda: reduce(first, 15, 21), 8: lambda: times(2, first)}
    assert np.array_equal(result, wanted.get(scale, lambda: first)())


def test_a_blend_in_strips_equals_one_in_a_piece(monkeypatch):
    frame, (sharp, true) = picture(5, 7), two_answers(2, np.uint8)
    results = []
    for strip in (1, 3, 1000):
        monkeypatch.setattr(enlarging, "STRIP", strip)
        answers = (lambda _: sharp), (lambda _: true.copy())
        results.append(superres(2).process(frame, *answers))
    assert all(np.array_equal(results[0], each) for each in results)


def test_no_part_of_a_blend_is_negative_and_its_ends_are_the_models():
    shares = np.linspace(0, 1, 101)
    cubic = np.array([plain_share(share) for share in shares])
    assert cubic[[0, 100]].tolist() == [0, 0]
    assert cubic.max() == cubic[50] == PLAIN
    assert (1 - shares - cubic).min() >= 0
    frame, (sharp, true) = picture(5, 7), two_answers(4, np.uint8)
    answers = (lambda _: sharp), (lambda _: true.copy())
    assert np.array_equal(blended(answers, 0, frame), true)
    apart = weights(blended(answers, 1, frame)) - weights(sharp)
    assert np.abs(apart).max() <= 0.501


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_luma_of_a_blend_is_between_those_it_is_made_of(depth):
    frame, (sharp, true) = picture(5, 7, depth), two_answers(4, depth)
    plain = cv2.resize(frame, true.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    lumas = np.array([weights(each) for each in (sharp, true, plain)])
    for share in (0.1, 0.5, 0.9, 0.99):
        answers = (lambda _: sharp), (lambda _: true.copy())
        luma = weights(blended(answers, share, frame))
        assert (luma >= lumas.min(0) - 0.501).all()
        assert (luma <= lumas.max(0) + 0.501).all()


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_default_keeps_the_grey_of_grey_answers(scale):
    """Red, green and blue are shifted alike, so that no colour comes in."""
    frame = picture(9, 11)[..., :1].repeat(3, 2)
    result = run(scale, frame, STAND_INS)
    assert np.ptp(result, axis=2).max() == 0


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("depth", "most"), [(np.uint8, 1), (np.uint16, 15)])
def test_tiles_of_the_default_equal_the_whole(scale, depth, most, shipped):
    frame, pipeline = picture(90, 75, depth), superres(scale)
    tiled = [Session(Path(CATALOGUE[name].source), tile=33) for name in pipeline.models]
    cut = pipeline.process(frame, *tiled).astype(int)
    assert np.abs(cut - run(scale, frame, shipped)).max() <= most


def test_by_default_pictures_are_blended_half_and_half():
    for scale in (2, 3, 4, 8):
        assert superres(scale).models == superres(scale, 0.5).models
    frame = picture(5, 7)
    default, half = (
        superres(4, share).process(frame, *[partial(times, 4)] * 2) for share in (None, 0.5)
    )
    assert np.array_equal(default, half)


@pytest.mark.parametrize(("scale", "alone"), [(2, X2), (3, PHOTO), (4, PHOTO), (8, PHOTO)])
def test_in_films_one_model_works_alone_unless_told_otherwise(scale, alone):
    frames, pipeline = [picture(5, 7), picture(7, 5)], superres(scale)
    seen = []

    def watched(name):
        return lambda frame: seen.append(name) or STAND_INS[name](frame)

    made = list(pipeline.stream(Frames(frames), *map(watched, pipeline.models)))
    assert [each.shape for each in made] == [(5 * scale, 7 * scale, 3), (7 * scale, 5 * scale, 3)]
    assert set(seen) == {alone, *([X2] if scale == 8 else [])}
    assert superres(scale, 0.5).stream is None
    assert superres(scale, model="my.onnx").stream is None


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_at_the_ends_of_denoise_there_is_only_one_model(scale):
    rest = (X2,) if scale == 8 else ()
    assert superres(scale, 1).models == (PHOTO, *rest)
    assert superres(scale, 0).models == ((X2,) if scale == 2 else (X4, *rest))
    frame = picture(5, 7)
    assert np.array_equal(superres(4, 0).process(frame, partial(times, 4)), times(4, frame))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"denoise": 1.5}, "--denoise 1.5: must be from 0 to 1"),
        ({"denoise": -0.1}, "--denoise -0.1: must be from 0 to 1"),
        ({"denoise": float("nan")}, "--denoise nan: must be from 0 to 1"),
    ],
)
def test_denoise_that_cannot_be_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        superres(**options)


def test_a_model_of_your_own_is_told_how_much_noise_is_to_go():
    told = []

    def predict(frame, **conditions):
        told.append(conditions)
        return times(4, frame)

    for denoise in (0.3, None):
        superres(4, denoise, "my.onnx").process(picture(5, 7), predict)
    assert told == [{"denoise": 0.3}, {}]


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_has_the_hash_of_the_file(name):
    data = Path(CATALOGUE[name].source).read_bytes()
    assert hashlib.sha256(data).hexdigest() == CATALOGUE[name].sha256


@pytest.mark.parametrize("name", CATALOGUE)
def test_file_says_the_same_as_the_catalogue(name, shipped):
    contract, entry = shipped[name].contract, CATALOGUE[name]
    assert (f"{contract.task}/{contract.name}", contract.task) == (name, entry.task)
    assert contract.licence == entry.licence


@pytest.mark.parametrize("name", [PHOTO, X4])
@pytest.mark.parametrize("tile", [16, 33, 64])
@pytest.mark.parametrize(("depth", "most"), [(np.uint8, 1), (np.uint16, 15)])
def test_tiles_of_the_shipped_model_equal_the_whole(name, tile, depth, most):
    path = Path(CATALOGUE[name].source)
    frame = picture(67, 91, depth)
    whole, tiles = (Session(path, tile=size)(frame).astype(int) for size in (None, tile))
    assert np.abs(whole - tiles).max() <= most


def test_16_bit_is_8_bit_and_more(shipped):
    frame = picture(37, 53)
    fine = shipped[X4](frame.astype(np.uint16) * 257) / 257
    assert np.abs(fine - shipped[X4](frame)).max() <= 0.51


def luma(frame: NDArray) -> NDArray:
    """Y of BT.601 in 16–235, as papers on super-resolution measure."""
    return frame @ np.array([65.481, 128.553, 24.966]) / 255 + 16


def psnr_y(result: NDArray, original: NDArray, border: int) -> float:
    inner = (slice(border, -border), slice(border, -border))
    error = (luma(result) - luma(original))[inner]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


@pytest.mark.parametrize("name", [X4, X2])
@pytest.mark.parametrize("photo", ["astronaut", "chelsea"])
def test_shipped_models_beat_bicubic(name, photo, shipped):
    data = pytest.importorskip("skimage.data")
    from PIL import Image

    scale = shipped[name].contract.scale
    original = getattr(data, photo)()
    height, width = (side - side % scale for side in original.shape[:2])
    original = original[:height, :width]
    small = Image.fromarray(original).resize((width // scale, height // scale), Image.BICUBIC)
    bicubic = np.asarray(small.resize((width, height), Image.BICUBIC))
    ours = shipped[name](np.asarray(small))
    gain = psnr_y(ours, original, scale) - psnr_y(bicubic, original, scale)
    assert gain >= 0.8


def test_own_model_file_is_a_model_too(tmp_path):
    session = Session(models.bilinear(tmp_path / "mine.onnx", scale=3))
    assert superres(4, model="mine.onnx").process(picture(5, 3), session).shape == (20, 12, 3)

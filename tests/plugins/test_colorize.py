"""Task colorize: the luma stays, colours follow its edges, and what has colours is left alone."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

import gantool
from gantool import ItemError, UsageError
from gantool_colorize import chroma, palette, tone
from gantool_colorize.task import LARGEST, SIDE, Colouring, colorize, found, moods, reduced

FORCED = Colouring(1.0, force=True)


def grey(frame: np.ndarray) -> np.ndarray:
    top = np.iinfo(frame.dtype).max
    return np.repeat(np.round(chroma.luma(frame) * top).astype(frame.dtype)[..., None], 3, axis=2)


def noise(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    """Grey, every level of it."""
    top = np.iinfo(dtype).max + 1
    levels = np.random.default_rng(0).integers(0, top, (height, width, 1), dtype)
    return np.repeat(levels, 3, axis=2)


def off_luma(result: np.ndarray, frame: np.ndarray) -> float:
    """In levels of 255."""
    return float(np.abs(chroma.luma(result) - chroma.luma(frame)).max() * 255)


def red_above(frame, z=None):
    """A predict: the upper half red, the lower blue, of the luma it is given; or as z says."""
    y = chroma.luma(frame)[..., None]
    colours = np.zeros((*frame.shape[:2], 2), np.float32)
    half = len(frame) // 2
    colours[:half, :, 1], colours[half:, :, 0] = 0.2, 0.2
    if z is not None:
        colours[...] = 0.05 * np.asarray(z)[0, :2]
    return np.round(chroma.in_gamut(y, colours) * 65535).astype(np.uint16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("intensity", [0.5, 1.0, 4.0])
def test_the_luma_stays_whatever_the_colours(dtype, intensity):
    frame = noise(70, 90, dtype)
    result = Colouring(intensity, force=True).paint(frame, red_above)
    assert (result.shape, result.dtype) == (frame.shape, dtype)
    assert off_luma(result, frame) <= 0.75
    assert not np.array_equal(result, frame)


def test_without_intensity_nothing_is_coloured():
    frame = noise(40, 50)
    assert np.array_equal(Colouring(0.0).paint(frame, red_above), frame)


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_have_no_colours(level):
    frame = np.full((40, 50, 3), level, np.uint8)
    assert np.array_equal(FORCED.paint(frame, red_above), frame)


def test_chroma_out_of_gamut_is_scaled_and_keeps_its_hue():
    y = np.linspace(0, 1, 256, dtype=np.float32)[:, None, None]
    wanted = np.broadcast_to(np.float32([0.3, 0.4]), (256, 1, 2))
    colours = chroma.in_gamut(y, wanted)
    assert colours.min() >= 0
    assert colours.max() <= 1
    weighted = colours @ np.float32(chroma.LUMA)
    assert np.abs(weighted - y[..., 0]).max() < 1e-6
    kept = (colours[..., 2] - y[..., 0]) / 1.772, (colours[..., 0] - y[..., 0]) / 1.402
    assert np.abs(kept[0] * 0.4 - kept[1] * 0.3).max() < 1e-6


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (3, 2), (40, 400), (30, 3000)])
def test_every_size_works(size):
    frame = noise(*size)
    result = FORCED.paint(frame, red_above)
    assert result.shape == frame.shape
    assert off_luma(result, frame) <= 0.75


@pytest.mark.parametrize(
    ("size", "seen"),
    [((512, 768), (288, 432)), ((100, 120), (288, 346)), ((1200, 400), (864, 288))],
)
def test_the_model_sees_a_reduced_frame(size, seen):
    assert reduced(np.zeros((*size, 3), np.uint8)).shape[:2] == seen


def test_the_looks_are_of_the_same_place():
    """What the model finds at one side of the frame is there, mirrored for it or not."""
    y = np.full((SIDE, 400), 0.5, np.float32)
    y[:, :100] = 0.55

    def of_the_luma(frame):
        near = np.abs(chroma.luma(frame) - 0.55) < 0.02
        return red_above(frame) * near[..., None] + frame * ~near[..., None]

    colours = np.abs(found(y, of_the_luma)).sum(2)
    assert colours[:, :90].min() > 0.1
    assert colours[:, 110:].max() < 0.001


def test_a_strip_is_not_enlarged_without_end():
    height, width = reduced(np.zeros((4, 40_000, 3), np.uint8)).shape[:2]
    assert height * width <= LARGEST * 1.2
    assert height < SIDE


def test_colours_end_where_the_luma_has_its_edge():
    """The model's colours are blurred over the edge; in the result they are not."""
    frame = np.full((512, 512, 3), 215, np.uint8)
    frame[256:] = 30

    def blurred(small):
        import cv2

        return cv2.GaussianBlur(red_above(small), (0, 0), 3)

    colours = chroma.chroma(FORCED.paint(frame, blurred))
    across = (colours[..., 1] - colours[..., 0]).mean(1)  # red above, blue below
    assert across[255] > 0 > across[256]
    assert across[255] - across[256] > 0.5 * (across[100] - across[400])


def test_strips_are_the_whole(monkeypatch):
    frame, fit = noise(97, 61), np.random.default_rng(1).random((20, 13, 4)).astype(np.float32)
    whole = chroma.merged(frame, fit - 0.5, 1.0)
    monkeypatch.setattr(chroma, "STRIP", 61 * 5)
    assert np.array_equal(chroma.merged(frame, fit - 0.5, 1.0), whole)


def test_a_photograph_in_colours_is_left_alone_unless_forced():
    photo = skimage.data.astronaut()
    with pytest.raises(ItemError, match="it has colours already: --force"):
        Colouring(1.0).paint(photo, red_above)
    assert off_luma(FORCED.paint(photo, red_above), photo) <= 1


def toned(photo: np.ndarray) -> np.ndarray:
    """A brown print of it, faded, with the grain of a scan."""
    y = chroma.luma(photo)[..., None]
    tint = np.float32([0.45, 0.35, 0.2]) + y * np.float32([0.5, 0.5, 0.45])
    grain = np.random.default_rng(0).normal(0, 0.02, photo.shape)
    return np.round((tint + grain).clip(0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_sepia_counts_as_grey_and_leaves_no_tint(name):
    print_ = toned(getattr(skimage.data, name)())
    assert not tone.is_coloured(reduced(print_))
    result = Colouring(0.0).paint(print_, red_above)
    assert np.array_equal(result[..., 0], result[..., 2])
    assert off_luma(result, print_) <= 0.75


def test_the_model_sees_a_faded_print_with_full_contrast():
    y = np.linspace(0.4, 0.7, 1000, dtype=np.float32).reshape(20, 50)
    assert np.ptp(tone.stretched(y)) > 0.89
    full, flat = np.linspace(0, 1, 1000, dtype=np.float32), np.full(1000, 0.5, np.float32)
    assert tone.stretched(full) is full
    assert tone.stretched(flat) is flat


def test_samples_are_named_differ_and_repeat_bit_for_bit():
    frame = noise(60, 80)
    sampled = Colouring(1.0, samples=3, seed=5)
    first, again = (sampled.paint(frame, red_above) for _ in range(2))
    assert list(first) == list(sampled.names) == ["1", "2", "3"]
    for name in first:
        assert np.array_equal(first[name], again[name])
        assert off_luma(first[name], frame) <= 0.75
    assert len({picture.tobytes() for picture in first.values()}) == 3
    other = Colouring(1.0, samples=3, seed=6).paint(frame, red_above)
    assert not np.array_equal(other["1"], first["1"])


def test_more_samples_begin_with_those_of_fewer():
    few, many = moods(2, 9), moods(5, 9)
    assert all(np.array_equal(*pair) for pair in zip(few, many, strict=False))


@pytest.fixture
def evening(tmp_path):
    """A photograph whose dark is blue and whose bright is orange."""
    y = np.random.default_rng(3).random((90, 120, 1)).astype(np.float32)
    colours = chroma.in_gamut(y, np.concatenate([0.1 - 0.2 * y, 0.2 * y - 0.05], 2))
    path = tmp_path / "evening.png"
    Image.fromarray(np.round(colours * 255).astype(np.uint8)).save(path)
    return path


def test_the_palette_is_that_of_the_reference(evening):
    random, wanted = np.random.default_rng(1), palette.read(evening)
    y = random.random((80, 100)).astype(np.float32)
    colours = random.normal(0.02, 0.03, (80, 100, 2)).astype(np.float32)
    got = palette.measured(y, palette.moved(colours, y, wanted))
    assert np.abs(got.means - wanted.means).max() < 0.02
    assert np.abs(got.spread - wanted.spread).max() < 0.2 * wanted.spread.max() + 1e-4


def test_a_reference_changes_the_colours_and_not_the_luma(evening):
    frame = noise(60, 80)
    plain = FORCED.paint(frame, red_above)
    after = Colouring(1.0, colours=palette.read(evening)).paint(frame, red_above)
    assert off_luma(after, frame) <= 0.75
    assert not np.array_equal(after, plain)


def test_a_reference_that_is_no_picture_is_named(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    with pytest.raises(UsageError, match=r"--reference .*notes.txt: cannot be read"):
        colorize(reference=text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"intensity": -1}, "--intensity -1"),
        ({"intensity": 5}, "--intensity 5"),
        ({"samples": 0}, "--samples 0"),
        ({"samples": 65}, "--samples 65"),
        ({"seed": 1}, "--seed 1"),
    ],
)
def test_options_that_there_are_not(options, said):
    with pytest.raises(UsageError, match=said):
        colorize(**options)


def test_names_tell_the_options(tmp_path, evening):
    assert colorize().label == ""
    assert colorize(intensity=0.8).label == "intensity-0.8"
    assert colorize(samples=2, seed=7).label == "samples-seed-7"
    assert colorize(reference=evening).label == "as-evening"
    assert colorize(samples=2).results == ("1", "2")
    assert colorize().models == ("colorize/photo",)
    assert colorize(samples=2).models == ("colorize/diverse",)
    assert colorize(model="my.onnx").models == ("my.onnx",)


@pytest.fixture(scope="module")
def photo_model():
    return gantool.load("colorize/photo", device="cpu")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_shipped_model_keeps_the_luma_of_its_input(photo_model, dtype):
    frame = grey(skimage.data.chelsea()).astype(dtype) * (257 if dtype == np.uint16 else 1)
    result = photo_model(frame)
    assert off_luma(result, frame) <= 0.75
    assert not np.array_equal(result, frame)


@pytest.mark.parametrize("mode", ["L", "I;16", "LA"])
def test_grey_files_become_colour_files(tmp_path, mode):
    levels = grey(skimage.data.chelsea())[..., 0]
    picture = Image.fromarray(levels if mode != "I;16" else levels.astype(np.uint16) * 257)
    source = tmp_path / "cat.png"
    (picture.convert("LA") if mode == "LA" else picture).save(source)
    (done,) = gantool.run("colorize", [source], output=tmp_path / "out")
    with Image.open(done.outputs[0]) as made:
        assert made.mode in ("RGB", "RGBA")
        assert made.size == picture.size


def test_samples_of_the_shipped_model_differ_and_repeat(tmp_path):
    source = tmp_path / "cat.png"
    Image.fromarray(grey(skimage.data.chelsea())[..., 0]).save(source)
    made = []
    for folder in ("one", "two"):
        (done,) = gantool.run("colorize", [source], samples=3, seed=4, output=tmp_path / folder)
        assert [path.name for path in done.outputs] == [f"cat-{n}.png" for n in (1, 2, 3)]
        made.append([path.read_bytes() for path in done.outputs])
    assert made[0] == made[1]
    assert len(set(made[0])) == 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_film_keeps_its_luma_and_begins_as_a_picture_does(dtype):
    frames = [np.roll(noise(64, 80, dtype), number, axis=1) for number in range(4)]
    results = list(FORCED.film(gantool.Frames(frames), red_above))
    first = FORCED.paint(frames[0], red_above).astype(int)
    assert np.abs(results[0] - first).max() <= 2 * (np.iinfo(dtype).max // 255)
    for frame, result in zip(frames, results, strict=True):
        assert result.dtype == dtype
        assert off_luma(result, frame) <= 1


def test_a_film_that_has_colours_is_left_alone():
    coloured = np.tile(np.array([200, 40, 30], np.uint8), (64, 80, 1))
    coloured[:, 40:] = 20, 90, 200
    with pytest.raises(ItemError, match="--force"):
        list(Colouring(1.0).film(gantool.Frames([coloured]), red_above))


def test_samples_are_made_frame_by_frame():
    assert colorize(samples=2).stream is None
    assert colorize(temporal=False).stream is None
    assert colorize().stream is not None

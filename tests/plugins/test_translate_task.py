"""Task translate: the working side, the mixture, the choice of a model, one look for a film."""

from pathlib import Path

import numpy as np
import pytest

import gantool
from gantool import Answer, Frames, UsageError
from gantool_translate.task import ENLARGER, Brush, translate

STYLE = "edges2cats"


def picture(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    """A smooth one, so that reducing and enlarging leave it as it is, nearly."""
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    planes = (rows + 0 * columns, columns + 0 * rows, rows * columns)
    return (np.stack(planes, 2) * np.iinfo(dtype).max).astype(dtype)


def inverted(frame):
    return np.iinfo(frame.dtype).max - frame


class Watched:
    """A predict that remembers the sizes it was given."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, frame):
        self.sizes.append(frame.shape[:2])
        return inverted(frame)


@pytest.mark.parametrize(
    ("size", "detail", "seen"),
    [
        ((300, 400), 120, (120, 160)),
        ((400, 300), 120, (160, 120)),
        ((100, 130), 120, (100, 130)),  # smaller ones are not enlarged for it
        ((300, 400), 0, (300, 400)),
    ],
)
def test_the_model_works_at_the_side_that_was_asked_for(size, detail, seen):
    predict = Watched()
    result = Brush(detail, 1.0).paint(picture(*size), predict)
    assert predict.sizes == [seen]
    assert result.shape == (*size, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("detail", [0, 100])
def test_the_result_is_the_models_picture_at_full_size(dtype, detail):
    frame = picture(310, 420, dtype)
    result = Brush(detail, 1.0).paint(frame, inverted)
    assert result.dtype == dtype
    off = np.abs(result.astype(float) - inverted(frame)) / np.iinfo(dtype).max
    assert off[8:-8, 8:-8].max() < 0.01


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strength_mixes_with_the_input(dtype):
    frame = picture(80, 90, dtype)
    for strength in (0.0, 0.3, 1.0):
        wanted = strength * inverted(frame).astype(float) + (1 - strength) * frame
        result = Brush(0, strength).paint(frame, inverted)
        assert np.abs(result - wanted).max() <= 0.5 + 1e-6, strength


class Global(Watched):
    """A predict with statistics: the brightness of the first frame since they were forgotten."""

    def steady(self, memory):
        def followed(frame):
            if "scene.level" not in memory:
                memory["scene.level"] = np.array(float(frame.mean()))
            return np.full_like(self(frame), round(float(memory["scene.level"])))

        return followed


def test_a_film_has_steady_statistics_until_its_cut():
    one, other = textured(1), textured(2)
    results = list(Brush(100, 1.0).film(Frames([one, one, other, other]), Global()))
    levels = [round(float(Brush(100, 1.0).reduced(frame).mean())) for frame in (one, other)]
    assert levels[0] != levels[1]
    assert [int(each[0, 0, 0]) for each in results] == [levels[0]] * 2 + [levels[1]] * 2


def textured(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200 + 20 * seed, (20, 30, 3), np.uint8)
    return np.kron(coarse, np.ones((10, 10, 1), np.uint8))


def test_a_film_flickers_less_than_its_frames_do():
    random = np.random.default_rng(0)

    def restless(frame):
        return np.clip(inverted(frame) + random.normal(0, 12, 3), 0, 255).astype(np.uint8)

    def flicker(frames):
        return np.abs(np.diff([frame.astype(float) for frame in frames], axis=0)).mean()

    still = [textured(1)] * 6
    steadied = list(translate(style=STYLE).stream(Frames(still), restless))
    assert flicker(steadied) < 0.5 * flicker(
        [Brush(512, 1.0).paint(each, restless) for each in still]
    )


def test_without_temporal_each_frame_is_a_picture_of_its_own():
    pipeline = translate(style=STYLE, temporal=False)
    frames = [textured(seed) for seed in (1, 2)]
    made = list(pipeline.stream(Frames(frames), inverted, Watched()))
    alone = [pipeline.process(frame, inverted) for frame in frames]
    assert all(np.array_equal(*pair) for pair in zip(made, alone, strict=True))


def test_strokes_are_enlarged_by_superres_where_the_picture_is_much_larger():
    """Not in films, not where the working side is the picture's own."""
    frame, enlarge = picture(300, 400), Enlarger()
    result = Brush(100, 1.0).paint(frame, inverted, enlarge)
    assert (enlarge.sizes, result.shape) == ([(100, 133)], (300, 400, 3))
    Brush(0, 1.0).paint(frame, inverted, enlarge)
    Brush(250, 1.0).paint(frame, inverted, enlarge)
    list(Brush(100, 1.0).film(Frames([frame]), inverted, enlarge))
    assert len(enlarge.sizes) == 1
    assert translate(style=STYLE).models[1:] == (ENLARGER,)
    assert translate(style=STYLE, detail=0).models[1:] == ()


class Enlarger(Watched):
    """Four times the size, by repetition."""

    def __call__(self, frame):
        self.sizes.append(frame.shape[:2])
        return frame.repeat(4, 0).repeat(4, 1)


def test_the_style_names_the_model_and_the_results():
    pipeline = translate(style=STYLE)
    assert pipeline.models[0] == f"translate/{STYLE}"
    assert pipeline.label == STYLE
    assert pipeline.grey == "colour"
    own = translate(model="folder/my.onnx")
    assert (own.models[0], own.label) == ("folder/my.onnx", "my")


def test_the_way_back_is_the_second_model_of_a_cyclegan(tmp_path):
    there = tmp_path / "zebra-generator.onnx"
    back = tmp_path / "zebra-generator-back.onnx"
    with pytest.raises(UsageError, match="leads one way only"):
        translate(model=str(there), direction="back")
    back.touch()
    pipeline = translate(model=str(there), direction="back")
    assert (pipeline.models[0], pipeline.label) == (str(back), "zebra-generator-back")


def test_styles_are_listed_with_what_they_are():
    with pytest.raises(Answer) as answer:
        translate(list_styles=True)
    lines = str(answer.value).splitlines()
    assert [line.split()[0] for line in lines] == [
        model.name.removeprefix("translate/") for model in gantool.models("translate")
    ]
    assert any(line.startswith(STYLE) and len(line) > 30 for line in lines)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "choose one of --style and --model"),
        ({"style": STYLE, "model": "a.onnx"}, "choose one of"),
        ({"style": "edges2cat"}, 'No style "edges2cat". Did you mean edges2cats[?] There are'),
        ({"style": "qqq"}, 'No style "qqq". There are .*edges2cats'),
        ({"style": STYLE, "strength": 1.5}, "--strength 1.5: must be 0 to 1"),
        ({"style": STYLE, "detail": 20}, "--detail 20: must be 64 or more, or 0"),
        ({"style": STYLE, "direction": "up"}, "--direction up: there are forward, back"),
        ({"style": STYLE, "direction": "back"}, "leads one way only"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        translate(**options)


def test_a_grey_photograph_may_become_a_coloured_painting(tmp_path):
    from PIL import Image

    Image.fromarray(picture(70, 90)[..., 0]).save(tmp_path / "grey.png")
    (done,) = gantool.run("translate", [tmp_path / "grey.png"], style=STYLE, device="cpu")
    (output,) = done.outputs
    assert output == tmp_path / f"grey-translate-{STYLE}.png"
    with Image.open(Path(output)) as image:
        assert (image.mode, image.size) == ("RGB", (90, 70))

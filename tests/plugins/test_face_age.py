"""Task face-age: its options, which faces are changed and how, all else bit for bit as it was."""

import cv2
import numpy as np
import pytest
import skimage.data
from onnx import TensorProto, helper
from PIL import Image

import gantool
from gantool import ItemError, UsageError
from gantool.pipeline import noting
from gantool.runtime.contract import KEY, Contract
from gantool_face_age.ageing import Ageing, Goal, changed, read
from gantool_face_age.crops import Face, cut, laid, of_crop, window
from gantool_face_age.task import face_age

OLDER = [Goal(65)]


def brighter(crop, age):
    """A predict: by 1/200 of the range for each year over 40."""
    step = (float(np.asarray(age)[0, 0]) - 40) / 200 * 65535
    return np.round(crop + step).clip(0, 65535).astype(np.uint16)


def same(crop, age):
    return crop


def reads(age: float):
    """An estimator that gives all faces this age."""
    return lambda crop: np.full_like(crop, round(age / 100 * 65535))


def finds(*faces: Face):
    return lambda frame: list(faces)


def grey(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    """Noise about the middle of the range, with room above and below."""
    top = np.iinfo(dtype).max
    levels = np.random.default_rng(0).integers(top // 4, top // 2, (height, width, 3))
    return levels.astype(dtype)


def crop_mask(frame: np.ndarray, *faces: Face) -> np.ndarray:
    """H×W: where the crops of the faces are, a pixel more about them."""
    mask = np.zeros(frame.shape[:2], np.uint8)
    for face in faces:
        corners = [face.inner(place) for place in (0, 1, 1 + 1j, 1j)]
        cv2.fillPoly(mask, [np.array([[z.real, z.imag] for z in corners]).round().astype(int)], 1)
    return cv2.dilate(mask, np.ones((3, 3))) > 0


TILTED = of_crop(60 + 40j, 150 * np.exp(0.4j))
SMALL = of_crop(230 + 150j, 40 + 0j)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_outside_the_crops_every_pixel_stays(dtype):
    frame = grey(300, 320, dtype)
    result = Ageing(OLDER, finds(TILTED, SMALL)).paint(frame, brighter, reads(40))
    inside = crop_mask(frame, TILTED, SMALL)
    assert (result.shape, result.dtype) == (frame.shape, dtype)
    assert np.array_equal(result[~inside], frame[~inside])
    assert (result[inside] != frame[inside]).mean() > 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("face", [TILTED, SMALL, of_crop(-60 - 50j, 200 + 0j)])
def test_in_the_middle_of_a_face_the_whole_change_is_added(dtype, face):
    frame, top = grey(300, 320, dtype), np.iinfo(dtype).max
    result = Ageing(OLDER, finds(face)).paint(frame, brighter, reads(40))
    x, y = round(face.centre.real), round(face.centre.imag)
    around = slice(y - 4, y + 4), slice(x - 4, x + 4)
    added = result[around].astype(float) - frame[around]
    assert np.abs(added / top - 25 / 200).max() < 1 / 250


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_generator_that_does_nothing_gives_the_picture_back(dtype):
    frame = grey(300, 320, dtype)
    result = Ageing(OLDER, finds(TILTED, SMALL)).paint(frame, same, reads(40))
    assert np.array_equal(result, frame)
    assert result is not frame


def test_the_detail_of_a_large_face_is_kept():
    """What is added is smooth, however fine the picture is."""
    frame = grey(900, 900)
    result = Ageing(OLDER, finds(of_crop(50 + 50j, 800 + 0j))).paint(frame, brighter, reads(40))
    added = result.astype(int) - frame
    assert np.abs(np.diff(added[300:600, 300:600], axis=1)).max() <= 1


def test_faces_that_meet_share_what_is_added():
    """It is never twice the change of one."""
    frame = grey(300, 400)
    near = [of_crop(80 + 80j, 120 + 0j), of_crop(150 + 90j, 120 + 0j)]
    both = Ageing(OLDER, finds(*near)).paint(frame, brighter, reads(40)).astype(int) - frame
    assert both.max() <= round(25 / 200 * 255) + 1
    assert both.min() >= 0


def test_a_crop_is_the_mean_of_what_it_covers_and_goes_back_to_its_place():
    frame = cv2.GaussianBlur(grey(640, 640, np.uint16), (0, 0), 6)
    face = of_crop(100 + 100j, 384 * np.exp(0.1j))
    crop = cut(frame, face)
    assert (crop.shape, crop.dtype) == ((128, 128, 3), np.uint16)
    black = np.zeros_like(frame)
    back = laid(black, [face], [crop.astype(np.float32) / 65535])
    flat = laid(black, [face], [np.ones((128, 128, 3), np.float32)]).astype(float) / 65535
    within = flat.min(2) > 0.999
    assert within.mean() > 0.1
    assert np.abs(back.astype(float) - frame)[within].max() < 65535 / 100


def test_crops_of_eight_and_sixteen_bits_are_the_same():
    frame = grey(200, 200)
    assert np.array_equal(cut(frame, SMALL), cut(frame.astype(np.uint16) * 257, SMALL))


def test_the_window_is_nothing_at_the_border_and_all_within():
    soft = window()
    assert soft[:2].max() == soft[-2:].max() == soft[:, :2].max() == soft[:, -2:].max() == 0
    assert soft[32:-32, 32:-32].min() == 1
    assert np.abs(np.diff(soft, axis=0)).max() < 0.08


def test_a_reading_is_the_grey_of_the_estimators_answer():
    crop = np.zeros((128, 128, 3), np.uint16)
    assert read(crop, reads(37.5)) == pytest.approx(37.5, abs=0.01)
    assert read(crop, lambda crop: np.full((128, 128, 3), 51, np.uint8)) == pytest.approx(20)


def test_a_change_is_what_the_generator_adds():
    crop = np.full((128, 128, 3), 30_000, np.uint16)
    assert changed(crop, 60, brighter) == pytest.approx(0.1, abs=1e-4)
    assert changed(crop, 30, brighter) == pytest.approx(-0.05, abs=1e-4)


def test_a_model_of_another_kind_is_refused():
    crop = np.zeros((128, 128, 3), np.uint16)
    with pytest.raises(ItemError, match="another size"):
        changed(crop, 60, lambda crop, age: np.repeat(np.repeat(crop, 2, 0), 2, 1))


@pytest.mark.parametrize(
    ("goal", "present", "shown"),
    [
        (Goal(65), 30, 65),
        (Goal(20, relative=True), 30, 50),
        (Goal(-20, relative=True), 50, 30),
        (Goal(20, relative=True), 70, 80),
        (Goal(-20, relative=True), 25, 18),
    ],
)
def test_years_are_shown_as_such_or_added_within_what_the_models_know(goal, present, shown):
    assert goal.of(present) == shown


def test_each_face_goes_by_its_own_age():
    frame, asked = grey(300, 320), []

    def watched(crop, age):
        asked.append(float(age[0, 0]))
        return crop

    ages = iter([0.3, 0.55])
    years = lambda crop: np.full_like(crop, round(next(ages) * 65535))  # noqa: E731
    Ageing([Goal(10, relative=True)], finds(TILTED, SMALL)).paint(frame, watched, years)
    assert asked == pytest.approx([40, 65], abs=0.01)


def test_no_face_is_said():
    with pytest.raises(ItemError, match="no face found"):
        Ageing(OLDER, finds()).paint(grey(40, 40), brighter, reads(40))


def test_faces_read_as_minors_are_left_alone():
    frame = grey(300, 320)
    with pytest.raises(ItemError, match="a face is read as under 20.*left alone"):
        Ageing(OLDER, finds(SMALL)).paint(frame, brighter, reads(12))
    with pytest.raises(ItemError, match="2 faces are each read as under 20.*left alone"):
        Ageing(OLDER, finds(SMALL, TILTED)).paint(frame, brighter, reads(19.9))


def test_a_minor_among_adults_is_left_alone():
    frame, ages = grey(300, 320), iter([0.15, 0.4])
    years = lambda crop: np.full_like(crop, round(next(ages) * 65535))  # noqa: E731
    with noting() as said:
        result = Ageing(OLDER, finds(TILTED, SMALL)).paint(frame, brighter, years)
    assert said == ["a face is read as under 20, which may be a minor: left alone"]
    others = ~crop_mask(frame, SMALL)
    assert np.array_equal(result[others], frame[others])
    assert not np.array_equal(result, frame)


def test_the_largest_face_alone():
    frame = grey(300, 320)
    result = Ageing(OLDER, finds(SMALL, TILTED), largest=True).paint(frame, brighter, reads(40))
    others = ~crop_mask(frame, TILTED)
    assert np.array_equal(result[others], frame[others])
    assert not np.array_equal(result, frame)


def test_several_ages_are_several_results_or_one_strip():
    frame, goals = grey(300, 320), [Goal(20), Goal(45), Goal(70)]
    each = Ageing(goals, finds(SMALL)).paint(frame, brighter, reads(40))
    assert list(each) == ["20", "45", "70"]
    means = [result.mean() for result in each.values()]
    assert means == sorted(means)
    strip = Ageing(goals, finds(TILTED), as_strip=True).paint(frame, brighter, reads(40))
    assert strip.shape == (300 + 40, 3 * 320 + 2 * 8, 3)
    each = Ageing(goals, finds(TILTED)).paint(frame, brighter, reads(40))
    for place, result in enumerate(each.values()):
        left = place * (320 + 8)
        assert np.array_equal(strip[:300, left : left + 320], result)
        foot = strip[300:, left : left + 320]
        assert foot.min() < 100 < 240 < foot.max()  # ink on paper


def test_a_strip_shows_the_faces_and_what_is_about_them():
    frame = grey(700, 1400)
    strip = Ageing([Goal(20), Goal(70)], finds(SMALL), as_strip=True).paint(frame, same, reads(40))
    height, width = strip.shape[0] - 40, (strip.shape[1] - 8) // 2
    assert height == pytest.approx(2.5 * 40, abs=3)
    assert width == pytest.approx(2.5 * 40, abs=3)
    assert np.array_equal(strip[:height, :width], frame[119 : 119 + height, 199 : 199 + width])


def test_a_strip_of_a_large_picture_is_reduced_and_keeps_its_depth():
    frame, wide = grey(700, 1400, np.uint16), of_crop(200 + 0j, 700 + 0j)
    strip = Ageing([Goal(20), Goal(70)], finds(wide), as_strip=True).paint(frame, same, reads(40))
    assert strip.shape == (256 + 40, 2 * 512 + 8, 3)
    assert strip.dtype == np.uint16
    assert strip[256:].max() > 60_000


@pytest.mark.parametrize(
    ("options", "label", "results"),
    [
        ({"age": 65}, "65", ("",)),
        ({"by": 20}, "by+20", ("",)),
        ({"by": -10}, "by-10", ("",)),
        ({"to": "20..70"}, "20-70", ("20", "30", "40", "50", "60", "70")),
        ({"to": "70..20"}, "70-20", ("70", "60", "50", "40", "30", "20")),
        ({"to": "30..32"}, "30-32", ("30", "31", "32")),
        ({"to": "20..70", "strip": True}, "20-70-strip", ("",)),
    ],
)
def test_names_tell_the_ages(options, label, results):
    pipeline = face_age(**options)
    assert (pipeline.label, pipeline.results) == (label, results)
    assert pipeline.models == ("face-age/base", "face-age/years")
    assert pipeline.kind == "composite"


def test_a_model_of_ones_own_is_asked_for_faces_and_the_shipped_one_for_ages():
    assert face_age(age=65, model="my.onnx").models == ("my.onnx", "face-age/years")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "choose one of --age"),
        ({"age": 65, "by": 20}, "choose one of --age"),
        ({"age": 17}, "--age 17: ages are from 18 to 80: adults only"),
        ({"age": 81}, "--age 81: ages are from 18 to 80"),
        ({"to": "10..70"}, r"--to 10\.\.70: ages are from 18 to 80"),
        ({"to": "20..99"}, r"--to 20\.\.99: ages are from 18 to 80"),
        ({"to": "20-70"}, "--to 20-70: two ages"),
        ({"to": "20..20"}, r"--to 20\.\.20: two ages"),
        ({"age": 65, "strip": True}, "--strip: shows the ages of --to"),
        ({"age": 65, "faces": "some"}, "--faces some: there are all, largest"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        face_age(**options)


def model_file(path, nodes, inputs, **conditions):
    """An ONNX file from `x`, and `age` where it is asked for, to `y`."""
    shape = ["n", 3, "h", "w"]
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "model",
        [picture, *inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor("hundred", TensorProto.FLOAT, [1], [100.0]),
            helper.make_tensor("middle", TensorProto.FLOAT, [1], [0.4]),
            helper.make_tensor("none", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    contract = Contract("face-age", multiple=128, conditions=conditions)
    model.metadata_props.add(key=KEY, value=contract.to_json())
    path.write_bytes(model.SerializeToString())
    return str(path)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Stands for the distribution of the models: x + age/100 − 0.4, and 40 years for all."""
    age = helper.make_tensor_value_info("age", TensorProto.FLOAT, [1, 1])
    add = [
        helper.make_node("Div", ["age", "hundred"], ["share"]),
        helper.make_node("Sub", ["share", "middle"], ["step"]),
        helper.make_node("Add", ["x", "step"], ["y"]),
    ]
    flat = [
        helper.make_node("Mul", ["x", "none"], ["black"]),
        helper.make_node("Add", ["black", "middle"], ["y"]),
    ]
    files = (
        model_file(tmp_path / "base.onnx", add, [age], age={"shape": [1]}),
        model_file(tmp_path / "years.onnx", flat, []),
    )
    monkeypatch.setattr("gantool_face_age.task.BASE", files[0])
    monkeypatch.setattr("gantool_face_age.task.YEARS", files[1])
    return files


def test_a_photograph_goes_through_models_and_files(tmp_path, weights):
    """One with a face is changed in it and nowhere else; one without says so."""
    portrait, cat = skimage.data.astronaut()[:256, 60:400], skimage.data.chelsea()
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    Image.fromarray(cat).save(tmp_path / "cat.png")
    sources = [tmp_path / "portrait.png", tmp_path / "cat.png"]
    done, failed = gantool.run("face-age", sources, age=60, device="cpu")
    (made,) = done.outputs
    assert made == tmp_path / "portrait-face-age-60.png"
    assert failed.reason == f"{sources[1]}: no face found"
    with Image.open(made) as image:
        added = np.asarray(image).astype(int) - portrait
    assert abs(np.median(added[90:120, 150:180]) - 0.2 * 255) <= 1
    assert not added[190:].any()
    assert not added[:, :100].any()


def test_alpha_and_grey_stay(tmp_path, weights):
    portrait = Image.fromarray(skimage.data.astronaut()[:256, 60:400])
    grey_one = portrait.convert("LA")
    grey_one.putalpha(Image.linear_gradient("L").resize(portrait.size))
    grey_one.save(tmp_path / "grey.png")
    (done,) = gantool.run("face-age", [tmp_path / "grey.png"], by=+10, device="cpu")
    assert done.outputs == (tmp_path / "grey-face-age-by+10.png",)
    with Image.open(done.outputs[0]) as image:
        assert image.mode == "LA"
        assert np.array_equal(image.getchannel("A"), grey_one.getchannel("A"))


def test_one_file_for_each_age(tmp_path, weights):
    Image.fromarray(skimage.data.astronaut()[:256, 60:400]).save(tmp_path / "one.png")
    (done,) = gantool.run("face-age", [tmp_path / "one.png"], to="20..70", device="cpu")
    names = [path.name for path in done.outputs]
    assert len(names) == 6
    assert names[0].endswith("20.png")

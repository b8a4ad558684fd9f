"""Faces of face-age: all that are there are found, tilted and cut off ones too, and no others."""

import functools

import cv2
import numpy as np
import pytest
import skimage.data
from onnx import TensorProto, helper, numpy_helper

from gantool import UsageError
from gantool_face_age import finding, yunet
from gantool_face_age.crops import EYES, Face, of_crop
from gantool_face_age.finding import Guess, find, same, together

LEFT, RIGHT = 202 + 101j, 248 + 103j
"""The eyes of skimage.data.astronaut(), read off it."""
HEAD = slice(0, 230), slice(110, 340)


@functools.cache
def astronaut() -> np.ndarray:
    return skimage.data.astronaut()


def off(found: Face, left: complex, right: complex) -> float:
    """The larger distance of an eye from its place, in shares of the distance of the eyes."""
    return max(abs(found.left - left), abs(found.right - right)) / abs(right - left)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_eyes_are_found_at_their_place(dtype):
    frame = astronaut().astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype)
    (face,) = find(frame)
    assert off(face, LEFT, RIGHT) < 0.05


@pytest.mark.parametrize("degrees", [-40, -25, -12, 12, 25, 40])
def test_tilted_faces_are_found_with_their_tilt(degrees):
    centre = (LEFT + RIGHT) / 2
    turn = np.exp(1j * np.radians(degrees))
    way = cv2.getRotationMatrix2D((centre.real, centre.imag), -degrees, 1)
    turned = cv2.warpAffine(astronaut(), way, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    (face,) = find(turned)
    left, right = (centre + turn * (eye - centre) for eye in (LEFT, RIGHT))
    assert off(face, left, right) < 0.1


@pytest.mark.parametrize("scale", [0.35, 0.6, 1.6])
def test_faces_of_any_size_are_found(scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    (face,) = find(cv2.resize(astronaut(), None, fx=scale, fy=scale, interpolation=how))
    assert off(face, LEFT * scale, RIGHT * scale) < 0.1


@pytest.mark.parametrize("cut", [(0, 190), (90, 0), (0, 175)])
def test_a_face_that_the_border_cuts_is_found(cut):
    """Its crop reaches beyond the picture."""
    rows, columns = cut
    (face,) = find(np.ascontiguousarray(astronaut()[rows:, columns:]))
    assert off(face, LEFT - complex(columns, rows), RIGHT - complex(columns, rows)) < 0.1
    assert min(face.corner.real, face.corner.imag) < 0


def test_a_face_that_fills_its_picture_is_found():
    wanted = LEFT - (172 + 66j), RIGHT - (172 + 66j)
    (face,) = find(np.ascontiguousarray(astronaut()[66:180, 172:286]))
    assert off(face, *wanted) < 0.1


def test_twelve_faces_are_twelve():
    """Of different sizes and tilts, mirrored and darker."""
    canvas = np.full((3 * 260, 4 * 260, 3), (150, 160, 170), np.uint8)
    places = []
    for number in range(12):
        row, column = divmod(number, 4)
        side = 150 + 9 * number
        head = cv2.resize(astronaut()[HEAD], (side, side), interpolation=cv2.INTER_AREA)
        if number % 2:
            head = head[:, ::-1]
        top, left = row * 260, column * 260
        canvas[top : top + side, left : left + side] = head * (1 - 0.03 * number)
        middle = ((LEFT + RIGHT) / 2 - 110) * side / 230
        middle = side - middle.conjugate() if number % 2 else middle
        places.append(middle + complex(left, top))
    faces = find(canvas)
    assert len(faces) == 12
    for place in places:
        assert min(abs((face.left + face.right) / 2 - place) for face in faces) < 8


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "retina"])
def test_what_is_no_face_is_not_found(name):
    assert find(getattr(skimage.data, name)()) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 3), (20, 30), (64, 4000)])
def test_pictures_of_any_size_are_searched(size):
    levels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert find(levels) == []


def test_the_same_picture_has_the_same_faces():
    first = find(astronaut())
    for threads in (1, 3):
        cv2.setNumThreads(threads)
        assert find(astronaut()) == first
    cv2.setNumThreads(-1)


def test_guesses_of_one_face_are_one_with_the_tilt_of_all():
    straight, tilted = of_crop(0, 100 + 0j), of_crop(5 + 2j, 100 * np.exp(0.4j))
    other = of_crop(300 + 0j, 90 + 0j)
    found = together([Guess(tilted, 10), Guess(other, 5), Guess(straight, 30)])
    assert [guess.boxes for guess in found] == [40, 5]
    first, second = (guess.face for guess in found)
    assert abs(first.centre - straight.centre) < 1e-9
    assert 0.05 < np.angle(first.side) < 0.2
    assert same(second, other)


def test_faces_side_by_side_are_two():
    assert not same(of_crop(0, 100 + 0j), of_crop(80 + 0j, 100 + 0j))
    assert same(of_crop(0, 100 + 0j), of_crop(8 + 8j, 85 + 0j))


def test_a_crop_has_its_eyes_where_the_models_want_them():
    face = of_crop(10 + 20j, 50 + 5j)
    assert face.inner(EYES[0]) == pytest.approx(face.left)
    assert face.inner(EYES[1]) == pytest.approx(face.right)
    assert (face.corner, face.side) == (pytest.approx(10 + 20j), pytest.approx(50 + 5j))


def test_a_detector_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"--detector .*none\.onnx: no such file"):
        yunet.finder(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match=r"--detector .*bad\.onnx: OpenCV cannot read it"):
        yunet.finder(tmp_path / "bad.onnx")


def detector_file(path, stride: int = 32):
    """A file in the form of YuNet that takes what is white for a face, in squares of a stride."""
    shapes = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    corner = [0.5, 0.5, 0.0, 0.0]  # of bbox: the middle, and the size as a logarithm
    points = [0.2, 0.4, 0.8, 0.4, 0.5, 0.6, 0.3, 0.8, 0.7, 0.8]
    nodes, constants, outputs = [], [], []
    for side in (8, 16, 32):
        for name, length in shapes.items():
            white = 1 / (255 * 3 * side**2) if name in ("cls", "obj") and side == stride else 0
            bias = {"bbox": corner, "kps": points}.get(name, [0.0])
            this, shape = f"{name}_{side}", np.array([1, -1, length])
            weight = np.full((length, 3, side, side), white, np.float32)
            constants += [
                numpy_helper.from_array(weight, f"w_{this}"),
                numpy_helper.from_array(np.float32(bias), f"b_{this}"),
                numpy_helper.from_array(shape, f"s_{this}"),
            ]
            inputs = ["input", f"w_{this}", f"b_{this}"]
            nodes += [
                helper.make_node("Conv", inputs, [f"c_{this}"], strides=[side] * 2),
                helper.make_node("Transpose", [f"c_{this}"], [f"t_{this}"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"t_{this}", f"s_{this}"], [this]),
            ]
            outputs.append(helper.make_tensor_value_info(this, TensorProto.FLOAT, [1, "n", length]))
    order = [f"{name}_{side}" for name in shapes for side in (8, 16, 32)]
    outputs.sort(key=lambda each: order.index(each.name))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 320, 320])
    graph = helper.make_graph(nodes, "yunet", [picture], outputs, constants)
    opset = [helper.make_opsetid("", 13)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    )
    return path


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_detector_from_a_file_finds_what_it_is_made_for(tmp_path, scale, dtype):
    """In a picture that is reduced for it, too."""
    find_white = yunet.finder(detector_file(tmp_path / "white.onnx"))
    frame = np.zeros((320 * scale, 480 * scale, 3), dtype)
    frame[96 * scale : 128 * scale, 128 * scale : 160 * scale] = np.iinfo(dtype).max
    if scale > 1:  # 4000 wide, so that the copy has the squares at the same places
        frame = np.pad(frame, ((0, 0), (0, 4000 - frame.shape[1]), (0, 0)))
        assert finding.reduced(frame).shape[:2] == (320, 1000)
    (face,) = find_white(frame)
    left, right = (scale * 32 * place for place in (4.2 + 3.4j, 4.8 + 3.4j))
    assert off(face, left, right) < 0.01
    assert find_white(np.zeros_like(frame)) == find_white(frame[:1, :1]) == []


def test_a_profile_is_left_alone_by_the_detector_too():
    row = np.zeros(15, np.float32)
    row[:4] = 10, 10, 100, 120
    row[4:8] = 35, 50, 85, 52
    assert yunet.face_of(row, 2.0) == Face(70 + 100j, 170 + 104j)
    row[6] = 50
    assert yunet.face_of(row, 2.0) is None


def test_every_cascade_is_there():
    for name in (*finding.JUDGES, *finding.EYE_JUDGES):
        assert not finding._cascade(name).empty()

"""Laws of networks for features: what form a file must have, and what it gives."""

import numpy as np
import pytest
from onnx import helper

import feature_networks
from gantool.errors import ItemError, ModelError
from gantool.runtime.features import SIDE, Features


def frame(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("sides", "size"), [((8, 12), (8, 12)), (("h", "w"), (SIDE, SIDE)), ((8, "w"), (8, SIDE))]
)
def test_size_is_that_of_the_file_or_the_usual_one(tmp_path, sides, size):
    assert Features(feature_networks.mean_colour(tmp_path / "f.onnx", sides)).size == size


@pytest.mark.parametrize("flat", [True, False], ids=["N×d", "N×d×1×1"])
@pytest.mark.parametrize("count", ["n", 1])
def test_vector_is_what_the_network_gives_for_levels_from_0_to_1(tmp_path, flat, count):
    network = Features(
        feature_networks.mean_colour(tmp_path / "f.onnx", (8, 12), flat=flat, count=count)
    )
    vector = network(frame(8, 12))
    assert (vector.shape, vector.dtype) == ((3,), np.float32)
    assert vector == pytest.approx(frame(8, 12).mean(axis=(0, 1)) / 255, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "found"), [(("n", 1, 8, 8), "n×1×8×8"), ((4, 3, 8, 8), "4×3×8×8"), (("n", 3), "n×3")]
)
def test_other_inputs_are_refused_with_what_was_found(tmp_path, shape, found):
    path = feature_networks.save(
        tmp_path / "f.onnx", [helper.make_node("Identity", ["x"], ["y"])], shape
    )
    with pytest.raises(ModelError, match=rf"takes tensor\(float\) {found}; needed are"):
        Features(path)


def test_pictures_for_features_are_refused_with_what_was_found(tmp_path):
    path = feature_networks.save(
        tmp_path / "f.onnx", [helper.make_node("Identity", ["x"], ["y"])], ("n", 3, 8, 8)
    )
    with pytest.raises(ModelError, match="gives 1×3×8×8; needed are"):
        Features(path)


def test_no_model_file_is_refused_by_name(tmp_path):
    (tmp_path / "f.onnx").write_text("I am no model")
    with pytest.raises(ModelError, match=r"f\.onnx: not an ONNX model file"):
        Features(tmp_path / "f.onnx")
    with pytest.raises(ModelError, match=r"none\.onnx: cannot be read"):
        Features(tmp_path / "none.onnx")


def test_what_is_not_a_number_is_an_error_of_the_picture(tmp_path):
    nodes = [
        helper.make_node("Log", ["x"], ["logarithm"]),
        helper.make_node("GlobalAveragePool", ["logarithm"], ["y"]),
    ]
    network = Features(feature_networks.save(tmp_path / "f.onnx", nodes, ("n", 3, 4, 4)))
    with pytest.raises(ItemError, match="not finite"):
        network(np.zeros((4, 4, 3), np.uint8))

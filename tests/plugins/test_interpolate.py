"""Models between two: every weight lies between, and the file says what it is."""

import json
from pathlib import Path

import onnx
import pytest
import torch

import gantool_superres
from gantool.errors import UsageError
from gantool.runtime.session import Session
from gantool.training import weights
from gantool_superres import interpolate

PATHS = {model.name: Path(model.source) for model in gantool_superres.gantool_models()}
PHOTO, X4, X2 = (
    PATHS[f"superres/{name}"] for name in ("photo-x4", "photo-x4-fidelity", "photo-x2-fidelity")
)


def test_weights_are_mixed_by_their_share():
    one, other = {"a": torch.tensor([0.0, 4.0])}, {"a": torch.tensor([8.0, 0.0])}
    for share, wanted in ((0.0, [0, 4]), (0.25, [2, 3]), (1.0, [8, 0])):
        assert interpolate.between(one, other, share)["a"].tolist() == wanted


def test_networks_that_differ_are_refused():
    with pytest.raises(UsageError, match="one architecture"):
        interpolate.between(weights.stored(X2), weights.stored(PHOTO), 0.5)


def test_models_of_another_recipe_are_refused(tmp_path):
    with pytest.raises(UsageError, match="not made by srgan"):
        interpolate.interpolate(PHOTO, X4, 0.5, tmp_path / "x.onnx", facts={})
    assert not (tmp_path / "x.onnx").exists()


def test_the_file_holds_what_lies_between_and_says_so(tmp_path):
    path = tmp_path / "between.onnx"
    interpolate.main([str(X4), str(PHOTO), "0.25", str(path), "--licence", "CC-BY-SA-4.0"])
    found, wanted = (
        weights.stored(path),
        interpolate.between(weights.stored(X4), weights.stored(PHOTO), 0.25),
    )
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert torch.allclose(value, wanted[name], atol=1e-3, rtol=1e-3)
    contract = Session(path).contract
    assert (contract.name, contract.scale, contract.licence) == ("between", 4, "CC-BY-SA-4.0")
    assert contract.recipe["interpolated"] == 0.25
    assert weights.options(path)[0] == "srgan"


def test_floats_that_were_trained_for_integers_are_mixed_as_floats(tmp_path):
    model = onnx.load(PHOTO)
    (entry,) = model.metadata_props
    said = json.loads(entry.value)
    said["recipe"]["options"]["quantise"] = "int8"
    entry.value = json.dumps(said)
    onnx.save(model, tmp_path / "trained.onnx")
    path = tmp_path / "between.onnx"
    interpolate.interpolate(X4, tmp_path / "trained.onnx", 0.5, path, facts={})
    assert Session(path).contract.precision == "fp32"

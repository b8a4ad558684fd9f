"""A model's further inputs, from the network in training to the runtime."""

import numpy as np
import pytest
import torch
from torch import nn

from gantool import api
from gantool.errors import ItemError
from gantool.export import export
from gantool.runtime.conditions import filled
from gantool.runtime.contract import Contract
from gantool.training.system import Export


class Shifted(nn.Module):
    """x + the sum of z, which is nothing where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2, 1), 0.125))

    def forward(self, x, z=None):
        return x if z is None else x + (z @ self.weight)[:, :, None, None]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    conditions = {"z": {"shape": [2], "default": 0.0}}
    path = tmp_path_factory.mktemp("models") / "shifted.onnx"
    wanted = Export("shifted", Contract("any", conditions=conditions), lambda network: network)
    export(Shifted(), wanted, path, facts={})
    return api.load(str(path), device="cpu")


def test_they_reach_the_network(model):
    frame = np.full((20, 30, 3), 64, np.uint8)
    bright = model(frame, z=np.ones((1, 2), np.float32))
    assert set(bright.ravel()) == {128}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_that_nobody_gives_has_its_default(model, dtype):
    frame = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype)
    assert np.array_equal(model(frame), frame)


def test_a_number_stands_for_all_of_one(model):
    frame = np.full((20, 30, 3), 64, np.uint8)
    assert np.array_equal(model(frame, z=1), model(frame, z=np.ones((1, 2), np.float32)))


def test_what_onnxruntime_refuses_is_the_failure_of_that_item(model):
    with pytest.raises(ItemError, match=r"shifted.onnx fails on 30×20"):
        model(np.zeros((20, 30, 3), np.uint8), z=np.ones((1, 3), np.float32))


def test_tiles_are_given_them_too(model):
    frame = np.full((900, 1000, 3), 64, np.uint8)
    assert set(model(frame, z=np.ones((1, 2), np.float32)).ravel()) == {128}


def test_one_that_the_model_has_not_is_told(model):
    with pytest.raises(ItemError, match="takes no age: its conditions are z"):
        model(np.zeros((20, 30, 3), np.uint8), age=np.zeros((1, 1), np.float32))


def test_what_has_no_default_must_be_given():
    contract = Contract("any", conditions={"age": {}, "z": {"shape": [2, 3], "default": 0.5}})
    values = filled(contract, {"age": 1})
    assert values.keys() == {"age", "z"}
    assert values["z"].shape == (1, 2, 3)
    assert (values["z"] == 0.5).all()

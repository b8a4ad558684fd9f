"""Laws of the contract inside a model file."""

import dataclasses
import json

import pytest

from gantool.errors import ModelError
from gantool.runtime.contract import FORMAT, Contract

FULL = Contract(
    task="superres",
    name="photo é 日本",
    scale=4,
    multiple=8,
    align=4,
    minimum=16,
    window=(64, 96),
    batch=1,
    side=286,
    halo=12,
    statistics="global",
    precision="int8",
    value_range=(-1.0, 1.0),
    conditions={"age": {"from": 0, "to": 100}},
    licence="CC0-1.0",
    data="photos",
    recipe={"name": "superres-fidelity", "options": {"scale": 4}, "steps": 10, "seed": 1},
    metrics={"psnr_y_crop4@set5": 30.5},
    parity=0.01,
)


def text(**changed: object) -> str:
    return json.dumps({"format": FORMAT, "task": "superres"} | changed)


@pytest.mark.parametrize("contract", [FULL, Contract("blur")])
def test_what_is_written_is_read(contract):
    assert Contract.from_json(contract.to_json()) == contract


def test_every_field_is_tried():
    plain = dataclasses.asdict(Contract("superres"))
    full = dataclasses.asdict(FULL)
    assert [key for key in plain if plain[key] == full[key]] == ["task"]


def test_defaults_are_not_written():
    assert json.loads(Contract("blur").to_json()) == {"format": 1, "task": "blur"}


def test_absent_keys_take_their_defaults():
    assert Contract.from_json(text()) == Contract("superres")


def test_unknown_keys_are_ignored():
    assert Contract.from_json(text(scale=2, later="word")) == Contract("superres", scale=2)


@pytest.mark.parametrize("bad", ["", "{", "null", "[]", "3", '"text"', '{"task": "superres"}'])
def test_what_is_no_contract_is_refused(bad):
    with pytest.raises(ModelError, match="contract"):
        Contract.from_json(bad)


def test_a_task_is_needed():
    with pytest.raises(ModelError, match="task"):
        Contract.from_json(json.dumps({"format": FORMAT}))


def test_another_format_is_named():
    with pytest.raises(ModelError, match="contract format 2; this gantool reads format 1"):
        Contract.from_json(text(format=2))


@pytest.mark.parametrize("key", ["scale", "multiple", "align", "minimum"])
@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, [2]])
def test_lengths_are_whole_numbers_from_1(key, bad):
    with pytest.raises(ModelError, match=key):
        Contract.from_json(text(**{key: bad}))


@pytest.mark.parametrize("bad", [-1, 1.5, "2", None])
def test_halo_is_a_whole_number_from_0(bad):
    with pytest.raises(ModelError, match="halo"):
        Contract.from_json(text(halo=bad))


@pytest.mark.parametrize(
    "bad", [[64], [64, 0], [0, 64], [-64, -64], [26, 64], [64, 9999], "ab", 5, None, [1e400, 64]]
)
def test_the_window_is_a_size_that_its_halo_leaves_something_of(bad):
    assert Contract.from_json(text(window=[28, 64], halo=12)).window == (28, 64)
    with pytest.raises(ModelError):
        Contract.from_json(text(window=bad, halo=13))


@pytest.mark.parametrize(
    "bad", [[1, 0], [0, 0], [0], [0, 1, 2], "ab", 5, None, [None, 1], [float("nan"), 1], [0, 1e400]]
)
def test_the_value_range_is_two_rising_numbers(bad):
    with pytest.raises(ModelError):
        Contract.from_json(text(value_range=bad))


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("task", 5),
        ("name", ["a"]),
        ("statistics", "batch"),
        ("precision", "int4"),
        ("conditions", []),
        ("recipe", "x"),
    ],
)
def test_values_of_another_kind_are_refused(key, bad):
    with pytest.raises(ModelError, match=key):
        Contract.from_json(text(**{key: bad}))

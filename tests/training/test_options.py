"""Laws of a recipe's options: defaults, under the preset, under what is given."""

import json
import math
from typing import Literal

import pytest

from gantool.errors import UsageError
from gantool.training.options import Limits, ModelFile, names_model, parameter, resolve
from gantool.training.system import System

PRESETS = {"fast": {"steps": 100}, "tiny": {"steps": 10, "channels": 4}}


def recipe(*, channels: int = 64, rate: float = 1e-3, mirror: bool = True, loss: str = "l1"):
    """Stands for a function that returns a System; only its signature counts."""
    raise NotImplementedError


recipe.__annotations__["return"] = System


def given(preset: str = "fast", **texts: str) -> dict[str, object]:
    return resolve(recipe, PRESETS, preset, texts)


def test_defaults_then_preset_then_given():
    plain = {"channels": 64, "rate": 1e-3, "mirror": True, "loss": "l1", "steps": 100}
    assert given() == plain
    assert given("tiny") == plain | {"channels": 4, "steps": 10}
    assert given("tiny", channels="8") == plain | {"channels": 8, "steps": 10}


def test_presets_are_not_changed():
    given("tiny", channels="8", steps="3")
    assert PRESETS["tiny"] == {"steps": 10, "channels": 4}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("steps", "7", 7),
        ("rate", "2e-4", 2e-4),
        ("rate", "1", 1.0),
        ("mirror", "false", False),
        ("mirror", "True", True),
        ("loss", "l2", "l2"),
    ],
)
def test_text_takes_the_type_of_the_option(key, text, value):
    got = given(**{key: text})[key]
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "text"), [("channels", "many"), ("channels", "1.5"), ("rate", "fast"), ("mirror", "1")]
)
def test_a_bad_value_is_named_with_its_key(key, text):
    with pytest.raises(UsageError, match=f"{key}={text}: must be"):
        given(**{key: text})


def test_an_unknown_option_gets_a_suggestion():
    with pytest.raises(UsageError, match="no option chanels .* did you mean channels"):
        given(chanels="8")


def test_an_unknown_option_like_no_other_gets_the_list():
    with pytest.raises(UsageError, match="there are channels, rate, mirror, loss, steps"):
        given(zzz="8")


def test_an_unknown_preset_gets_the_list():
    with pytest.raises(UsageError, match="--preset huge: there are fast, tiny"):
        given("huge")


def test_dashes_and_underscores_are_the_same():
    def dashed(*, first_rate: float = 0.1) -> System:
        raise NotImplementedError

    values = resolve(dashed, PRESETS, "fast", {"first-rate": "0.5"})
    assert values == {"first_rate": 0.5, "steps": 100}


def test_a_keyword_is_given_without_its_underscore():
    def made(*, from_: str = "", lambda_: float = 1.0, batch: int = 1) -> System:
        raise NotImplementedError

    values = resolve(made, PRESETS, "fast", {"from": "edges", "lambda": "2"})
    assert values == {"from_": "edges", "lambda_": 2.0, "batch": 1, "steps": 100}
    with pytest.raises(UsageError, match="no option form .* did you mean from"):
        resolve(made, PRESETS, "fast", {"form": "edges"})
    assert [parameter(key) for key in ("from", "made-from", "batch")] == [
        "from_",
        "made_from",
        "batch",
    ]


def test_options_of_a_start_lie_between_the_preset_and_those_given():
    start = {"channels": 16, "rate": 0.5, "unknown": 3}
    values = resolve(recipe, PRESETS, "tiny", {"rate": "0.1"}, start=start)
    assert (values["channels"], values["rate"], values["steps"]) == (16, 0.1, 10)
    assert "unknown" not in values


@pytest.mark.parametrize("text", ["0", "-3"])
def test_whole_numbers_begin_at_one(text):
    with pytest.raises(UsageError, match=f"channels={text}: must be a whole number from 1"):
        given(channels=text)


@pytest.mark.parametrize("text", ["-0.1", "nan", "inf"])
def test_numbers_begin_at_zero_and_end(text):
    with pytest.raises(UsageError, match=f"rate={text}: must be a number from 0"):
        given(rate=text)


def test_limits_are_none_until_they_are_set():
    limits = Limits()
    assert (limits.max_steps, limits.max_seconds, limits.stop()) == (None, math.inf, False)


def test_on_collapse_is_one_of_two():
    for known in ("stop", "warn"):
        assert Limits(on_collapse=known).on_collapse == known
    with pytest.raises(UsageError, match="--on-collapse panic: there are stop and warn"):
        Limits(on_collapse="panic")


def test_unions_and_literals_are_understood():
    def recipe(*, note: str | None = None, norm: Literal["batch", "none"] = "batch") -> None: ...

    presets = {"fast": {"steps": 3}}
    given = {"note": "x", "norm": "none"}
    assert resolve(recipe, presets, "fast", given) == {**given, "steps": 3}
    with pytest.raises(UsageError, match="norm=batsh: there are batch, none"):
        resolve(recipe, presets, "fast", {"norm": "batsh"})


def test_an_option_may_name_a_model():
    def taught(*, teacher: ModelFile | None = None, other: ModelFile, name: str = "") -> System:
        raise NotImplementedError

    named = [name for name in ("teacher", "other", "name", "none") if names_model(taught, name)]
    assert named == ["teacher", "other"]
    values = resolve(taught, PRESETS, "fast", {"teacher": "superres/photo-x4", "other": "a.onnx"})
    assert (values["teacher"], values["other"]) == ("superres/photo-x4", "a.onnx")
    assert json.loads(json.dumps(values["teacher"])) == "superres/photo-x4"

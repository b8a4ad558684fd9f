"""Law: one class per exit code, as the drawing at the top of `gantool.errors` shows."""

import re

import pytest

from gantool import errors

DRAWN = re.findall(r"─ (\w+) +(\d+) ", errors.__doc__)
CLASSES = {
    name: thing
    for name, thing in vars(errors).items()
    if isinstance(thing, type) and thing is not errors.GantoolError
}


def test_drawing_shows_every_class_with_its_exit_code():
    assert {name: int(code) for name, code in DRAWN} == {
        name: each.exit_code for name, each in CLASSES.items()
    }


def test_exit_codes_are_distinct():
    assert len({each.exit_code for each in CLASSES.values()}) == len(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_everything_raised_on_purpose_is_a_gantool_error(name):
    assert issubclass(CLASSES[name], errors.GantoolError)


@pytest.mark.parametrize("name", CLASSES)
def test_no_error_means_success(name):
    assert CLASSES[name].exit_code != 0

"""What is read from a recipe's source is what its function really has; nothing is imported."""

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoint

import pytest

from gantool import api, recipe_notes
from gantool.errors import PluginError

RECIPES = sorted(api.registry().recipes)


@pytest.mark.parametrize("name", RECIPES)
def test_notes_are_the_functions_own(name):
    notes, entry = api.recipe_notes(name), api.registry().recipes[name]
    function = entry.load()
    parameters = inspect.signature(function).parameters
    assert [option.name for option in notes.options] == list(parameters)
    assert [option.default for option in notes.options] == [
        repr(each.default) for each in parameters.values()
    ]
    assert notes.presets == import_module(entry.module).PRESETS
    assert all(notes.chosen("steps"))
    assert notes.summary
    assert all(option.name in notes.explanation for option in notes.options)


def test_listing_imports_no_torch():
    code = "import sys; from gantool.cli.app import start; start(['recipes'])"
    code += "; sys.exit(bool({'torch', 'numpy', 'onnx'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0
    assert all(name in done.stdout.decode() for name in RECIPES)


@pytest.mark.parametrize("value", ["gantool.nowhere:x", "gantool.errors:no_such_recipe"])
def test_a_recipe_that_is_not_there_is_a_broken_plugin(value):
    with pytest.raises(PluginError, match="haze"):
        recipe_notes.read(EntryPoint("haze", value, "gantool.recipes"))

"""Law: what `gantool` says it gives, what it gives, and what type checkers see are the same."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import gantool


def seen_by_type_checkers() -> dict[str, str]:
    """Name → module, from the imports under `if TYPE_CHECKING`."""
    tree = ast.parse(Path(gantool.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {name.name: node.module or "" for node in imports for name in node.names}


def test_all_equals_the_table_of_lazy_imports():
    assert gantool.__all__ == sorted(gantool._HOME)


def test_type_checkers_see_the_same_names_in_the_same_modules():
    table = {name: f"gantool.{module}" for name, module in gantool._HOME.items()}
    assert seen_by_type_checkers() == table


@pytest.mark.parametrize("name", gantool.__all__)
def test_every_name_is_the_one_of_its_module(name):
    home = import_module(f"gantool.{gantool._HOME[name]}")
    assert getattr(gantool, name) is getattr(home, name)


def test_star_import_gives_every_name():
    names: dict[str, object] = {}
    exec("from gantool import *", names)
    assert set(gantool.__all__) <= names.keys()


def test_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="no_such_thing"):
        gantool.no_such_thing  # noqa: B018  # looking it up is the test

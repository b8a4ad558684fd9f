"""What is read from a recipe's source is what its function really has; nothing is imported."""

import inspect
import re
import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from gantool import api, recipe_notes
from gantool.errors import PluginError

RECIPES = sorted(api.registry().recipes)
SOURCE = '''
"""Recipe haze: what is behind it.

Ræv & Ørn, «Haze, seen twice in 1984», 2020, arXiv:2006.11239. More of it.

Not the citation.
"""
from typing import Annotated, Literal
import a_module_that_is_not_there

Air = Literal["clear", "", "thick"]
PRESETS = {"tiny": {"steps": 5, "mirror": False, "note": ""}, "full": {"steps": 1_000}}
COST = {"tiny": "2 min", "full": "1 day"}

def haze(
    depth: int, first: float = 2e-4, *, from_: "str" = "sky", to: Air = "clear",
    mirror: bool = True, note: str | None = None, side: "int | None" = 2**3, odd: list[int] = [1],
) -> "System":
    """Learn to see: near
    and far. Data: A/ and B/, v1.5 too. It is quick.

    Two nets. Note: they fight. depth: of the net. It counts
    from 1. first, from_: where it begins, e.g. rate: the rate. steps: of the
    whole run.

    to: clear or thick, for each side: pixels.
    """
'''


@pytest.fixture
def read(tmp_path, monkeypatch):
    """The notes of the recipe `haze` in a module of this source."""
    monkeypatch.syspath_prepend(tmp_path)

    def notes(source: str) -> recipe_notes.Notes:
        (tmp_path / "a_recipe_module.py").write_text(source, encoding="utf-8")
        return recipe_notes.read(EntryPoint("haze", "a_recipe_module:haze", "gantool.recipes"))

    return notes


def shown(default: object) -> str:
    """As options are written."""
    return str(default).lower() if isinstance(default, bool) else str(default) or recipe_notes.EMPTY


@pytest.mark.parametrize("name", RECIPES)
def test_notes_are_the_functions_own(name):
    pytest.importorskip("torch")
    notes, entry = api.recipe_notes(name), api.registry().recipes[name]
    parameters = inspect.signature(entry.load()).parameters
    assert [option.name for option in notes.options] == list(parameters)
    assert [option.default or "None" for option in notes.options] == [
        shown(each.default) for each in parameters.values()
    ]
    choices = {
        name: "|".join(filter(None, get_args(hint)))
        for name, hint in get_type_hints(entry.load()).items()
        if name != "return" and get_origin(hint) is Literal
    }
    kinds = {option.name: option.kind for option in notes.options}
    assert choices == {name: kind for name, kind in kinds.items() if name in choices or "|" in kind}
    assert notes.presets == import_module(entry.module).PRESETS


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_recipes_say_everything(name):
    notes = api.recipe_notes(name)
    assert notes.summary.endswith(".")
    assert notes.data
    assert re.fullmatch(r"[A-Z][\w .&-]{,30} (19|20)\d\d", notes.paper)
    assert [option.name for option in notes.options if not option.meaning] == []
    assert notes.cost.keys() == notes.presets.keys() >= {"tiny", "fast", "full"}
    assert all(notes.cost.values())
    assert all(notes.chosen("steps"))
    known = {option.name for option in notes.options} | {"steps"}
    assert known >= {key for values in notes.presets.values() for key in values}


def test_conventions_are_read_from_source_that_cannot_be_imported(read):
    notes = read(SOURCE)
    assert notes.summary == "Learn to see: near and far. It is quick."
    assert notes.data == "A/ and B/, v1.5 too"
    assert notes.citation.startswith("Ræv & Ørn, «Haze")
    assert notes.citation.endswith("More of it.")
    assert notes.paper == "Ræv & Ørn 2020"
    assert notes.cost == {"tiny": "2 min", "full": "1 day"}
    assert notes.presets["full"] == {"steps": 1000}
    assert "a_recipe_module" not in sys.modules


def test_options_are_written_as_on_the_command_line(read):
    written = [(option.flag, option.kind, option.default) for option in read(SOURCE).options]
    assert written == [
        ("--depth", "N", ""),
        ("--first", "X", "0.0002"),
        ("--from", "str", "sky"),
        ("--to", "clear|thick", "clear"),
        ("--mirror", "bool", "true"),
        ("--note", "str", ""),
        ("--side", "N", "2 ** 3"),
        ("--odd", "list[int]", "[1]"),
    ]
    assert read(SOURCE).chosen("mirror") == ["false", ""]
    assert read(SOURCE).chosen("note") == ['""', ""]


@pytest.mark.parametrize("spelled", ["from_", "from"])
def test_each_meaning_goes_to_its_options(read, spelled):
    notes = read(SOURCE.replace("first, from_:", f"first, {spelled}:"))
    assert {option.name: option.meaning for option in notes.options if option.meaning} == {
        "depth": "of the net. It counts from 1",
        "first": "where it begins, e.g. rate: the rate",
        "from_": "where it begins, e.g. rate: the rate",
        "to": "clear or thick, for each side: pixels",
    }
    assert notes.steps == "of the whole run"
    assert notes.explanation == "Two nets. Note: they fight."


def test_a_recipe_may_say_nothing(read):
    notes = read("def haze(*, depth=3): ...")
    said = (notes.summary, notes.data, notes.paper, notes.citation, notes.explanation, notes.steps)
    assert not any(said)
    assert (notes.presets, notes.cost) == ({}, {})
    assert notes.options == (recipe_notes.Option("depth", "", "3"),)


@pytest.mark.parametrize(
    ("citation", "paper"),
    [
        ("A nice idea, without a year.", ""),
        ("Without authors 2017.", ""),
        ("In 2017, they began.", ""),
        ("Li, 2017.", "Li 2017"),
    ],
)
def test_a_paper_has_authors_and_a_year(read, citation, paper):
    assert read(f'"""Recipe.\n\n{citation}\n"""\ndef haze(): ...').paper == paper


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def haze(:", "invalid syntax"),
        ("\0", "null bytes"),
        ("# coding: no-such", "no-such"),
        ("from elsewhere import haze", "no function haze"),
        ("PRESETS = {**BASE}\ndef haze(): ...", "PRESETS must be written out"),
        ("COST = 'long'\ndef haze(): ...", "COST is no mapping"),
        ("PRESETS = {'tiny': 5}\ndef haze(): ...", "preset tiny"),
        ("def haze(air: 'not a type'): ...", "invalid syntax"),
        ("A = A\ndef haze(air: A): ...", "recursion"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_names_it(read, source, said):
    with pytest.raises(PluginError, match=f"^recipe haze cannot be read: [^\n]*{said}[^\n]*$"):
        read(source)


@pytest.mark.parametrize(
    "value",
    ["gantool.nowhere:x", "gantool.no.where:x", "gantool.errors:no_such_recipe", "no module", ""],
)
def test_a_recipe_that_is_not_there_is_a_broken_plugin(value):
    with pytest.raises(PluginError, match="^recipe haze cannot be read: "):
        recipe_notes.read(EntryPoint("haze", value, "gantool.recipes"))


def test_the_package_around_a_recipe_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "haze_package" / "deep").mkdir(parents=True)
    (tmp_path / "haze_package" / "__init__.py").write_text("raise SystemExit")
    (tmp_path / "haze_package" / "deep" / "recipe.py").write_text("def haze(*, depth=3): ...")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("haze", "haze_package.deep.recipe:haze", "gantool.recipes")
    assert [option.flag for option in recipe_notes.read(entry).options] == ["--depth"]


def test_names_of_one_function_are_one_title():
    values = {
        "haze": "a.haze:best", "haze-plain": "a.haze:plain", "haze-best": "a.haze : best",
        "face-age": "a.face:face", "one": "a.one:one", "two": "a.one:one",
    }  # fmt: skip
    recipes = {name: EntryPoint(name, value, "gantool.recipes") for name, value in values.items()}
    assert recipe_notes.titles(recipes, ["haze", "face-age", "superres"]) == {
        "haze-best": "haze-best (haze)",
        "haze-plain": "haze-plain",
        "face-age": "face-age",
        "one": "one, two",
    }


def test_choices_may_come_from_another_module(read, tmp_path):
    (tmp_path / "an_air.py").write_text(
        "from typing import Literal\nraise SystemExit\nAir = Literal['clear', 'thick']\n"
    )
    (tmp_path / "between.py").write_text("from an_air import Air as Weather\n")
    notes = read(
        "from itertools import count\nfrom pathlib import Path\nfrom nowhere import Lost\n"
        "from between import Weather as Sky\n"
        "def haze(*, sky: Sky = 'clear', a: Path, b: count, c: Lost): ..."
    )
    assert [option.kind for option in notes.options] == ["clear|thick", "Path", "count", "Lost"]

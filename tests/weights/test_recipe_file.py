"""Laws of recipe files: what is shipped is complete and fits; what is wrong is one clear line."""

import tomllib
from pathlib import Path

import pytest

pytest.importorskip("torch")

from builder import recipe_file as files
from builder.options import resolve_options
from gantool import api
from gantool.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
NAMES = sorted(path.stem for path in files.RECIPES.glob("*.toml"))
RECIPES = {name: files.read_recipe(files.RECIPES / f"{name}.toml") for name in NAMES}


def test_every_shipped_file_has_a_recipe():
    shipped = {
        str(path.relative_to(ROOT))
        for folder in ("plugins", "weights")
        for path in (ROOT / folder).rglob("*.onnx")
    }
    assert {recipe.ships for recipe in RECIPES.values()} >= shipped


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_names_its_model_and_its_card_names_the_recipe(name):
    recipe = RECIPES[name]
    assert recipe.model.replace("/", "-") == name
    if not (ROOT / recipe.ships).exists():
        return  # its training goes on
    known = api.registry().models[recipe.model]
    assert known.licence == recipe.licence
    if known.source:  # the non-commercial ones are another distribution
        assert Path(known.source).samefile(ROOT / recipe.ships)
    card = (ROOT / recipe.card).read_text()
    assert f"/recipes/{name}.toml)" in card
    assert recipe.licence in card


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [lambda recipe: recipe, files.for_gpu, files.for_trial])
def test_recipes_and_options_of_all_phases_are_installed_ones(name, change):
    recipe = change(RECIPES[name])
    for phase in recipe.phases:
        if phase.train:
            assert phase.train in api.registry().recipes
            assert resolve_options(recipe, phase)["steps"] >= phase.stop


@pytest.mark.parametrize("name", NAMES)
def test_scripts_of_gates_and_figures_are_there(name):
    for text in (*RECIPES[name].gates, *RECIPES[name].figures.values()):
        script = text.split()[0]
        assert script in ("gantool", "python") or (ROOT / script).is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("licence =", "license =", "no key license: did you mean licence?"),
        ("hours = 0.01", 'hours = "long"', "hours = 'long': must be a number"),
        ("stop = 4", "stop = true", "phases: stop = True: must be a whole number"),
        ("hours = 0.01", "", "hours is missing"),
        ("times = 2", "time = 2", "photos: no key time: did you mean times?"),
        ("times = 2", 'by = "size"', "must be order or hash"),
        ('on = "photos"', 'on = "photo"', "on photo is not there: did you mean photos?"),
        ('name = "sharp"', 'name = "warm"', "phase warm: must have a name of its own"),
        ('name = "sharp"', 'name = "model"', "phase model: must have a name of its own"),
        ('init = "warm"', 'run = "true"', "phase sharp: must have one of train and run"),
        ('init = "warm"', 'init = "war.onnx"', "phase war is not there: did you mean warm?"),
        ('init = "warm"', 'init = "sharp.onnx"', "phase sharp is not there: there are warm"),
        ("[gpu.phases.sharp]", "[gpu.phases.shar]", "gpu: phase shar is not there"),
        ("options = { steps = 80 }", "batch = 3", "gpu: sharp: no key batch"),
        ("{model}", "{modell}", "placeholder modell is not there: did you mean model?"),
        ("[folders]", "[folders", "tiny.toml: "),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(recipe_file, old, new, said):
    with pytest.raises(UsageError) as refused:
        files.read_recipe(recipe_file((old, new)))
    assert said in str(refused.value)
    assert "tiny.toml: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_name_gets_the_nearest_and_a_models_name_will_do():
    with pytest.raises(UsageError, match="no model recipe .*: did you mean translate-monet"):
        files.find_recipe("translate-monett")
    assert files.find_recipe("translate/monet").stem == "translate-monet"


def test_the_section_for_a_gpu_stands_over_the_phases(recipe_file):
    recipe = files.for_gpu(files.read_recipe(recipe_file()))
    assert [phase.options["steps"] for phase in recipe.phases] == [6, 80]
    assert [phase.options["batch"] for phase in recipe.phases] == [3, 3]
    assert recipe.phases[0].options["channels"] == 16


def test_a_trial_stops_where_the_training_would_go_on(recipe_file):
    recipe = files.for_trial(files.read_recipe(recipe_file()))
    assert [(phase.stop, phase.options["steps"]) for phase in recipe.phases] == [(3, 4), (0, 4)]


def test_files_of_phases_are_those_that_others_start_from(recipe_file):
    recipe = files.read_recipe(recipe_file(('init = "warm"', 'init = "warm.onnx"')))
    assert [files.needed_files(phase, recipe) for phase in recipe.phases] == [set(), {"warm"}]


def test_recipe_files_are_utf8_with_a_card_in_their_first_line():
    for name in NAMES:
        text = (files.RECIPES / f"{name}.toml").read_text(encoding="utf-8")
        assert text.startswith(f"# Card: {tomllib.loads(text)['card']}")

"""Laws of `gantool plugins`: a new project is whole and said, a check has a line for each law."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gantool import plugin_manager
from gantool.cli.app import start

MODEL = """
from pathlib import Path
from gantool import Model, Pipeline, hookimpl

def fog() -> Pipeline:
    "Take the fog off."
    return Pipeline(("fog/tiny",))

@hookimpl
def gantool_tasks():
    return [fog]

@hookimpl
def gantool_models():
    file = str(Path(__file__).with_name("tiny.onnx"))
    none = Model("fog/none", "fog", "", "", "MIT", "no")
    return [Model("fog/tiny", "fog", file, "", "MIT"), none]
"""
POINT = '[project]\nname = "x"\n[project.entry-points.gantool]\nfog = "plug_fog"\n'


@pytest.fixture
def gantool(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return start(list(arguments)), *capfd.readouterr()

    yield run
    for name in set(sys.modules) - before:
        if name.startswith(("plug_", "gantool_haze")):
            del sys.modules[name]


def rows(out: str) -> dict[tuple[str, str], str]:
    """What a check says, by subject and law."""
    words = [line.split(maxsplit=2) for line in out.splitlines()]
    return {(subject, law): said for subject, law, said in words}


def test_new_writes_a_project_and_says_what_to_do(gantool):
    code, out, err = gantool("plugins", "new", "haze")
    assert (code, out, err.count("\n")) == (0, "gantool-haze\n", 1)
    assert "gantool-haze/src/gantool_haze/__init__.py" in err
    assert "pip install -e" in err
    assert Path("gantool-haze/pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["haze"], "gantool-haze: there already"),
        (["superres"], "superres: gantool or a plugin has this name"),
        (["pix2pix"], "pix2pix: gantool or a plugin has this name"),
        (["train"], "train: gantool or a plugin has this name"),
        (["../up"], "../up: no name for a plugin"),
        (["fog", "--task", "--recipe"], "--task, --recipe: one of them"),
    ],
)
def test_new_refuses_in_a_line(arguments, said, gantool):
    Path("gantool-haze").mkdir()
    code, out, err = gantool("plugins", "new", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert [path.name for path in Path().iterdir()] == ["gantool-haze"]


def test_check_of_a_new_project_holds_before_it_is_installed(gantool):
    gantool("plugins", "new", "haze")
    paths = list(sys.path)
    code, out, err = gantool("plugins", "check", "gantool-haze")
    assert (code, err) == (0, "")
    said = rows(out)
    assert {law for _, law in said} >= {"loads", "import", "pipeline", "sizes", "alpha"}
    assert set(said.values()) == {
        "holds",
        "it has no model file that could be cut",
        "every frame of a film is on its own",
    }
    assert sys.path == paths


def test_check_of_a_new_recipe(gantool):
    pytest.importorskip("torch")
    gantool("plugins", "new", "haze", "--recipe")
    assert rows(gantool("plugins", "check", "gantool-haze/")[1]) == {("haze", "recipe"): "holds"}
    source = Path("gantool-haze/src/gantool_haze/__init__.py")
    source.write_text(source.read_text().replace("rate: of Adam.", ""))
    code, out, _ = gantool("plugins", "check", "gantool-haze/")
    assert (code, rows(out)["haze", "recipe"]) == (
        6,
        "BROKEN: its docstring does not say what rate means",
    )


def test_check_looks_at_models_too(gantool, tiny_model):
    Path("pyproject.toml").write_text(POINT)
    Path("plug_fog.py").write_text(MODEL)
    tiny_model("fog").rename("tiny.onnx")
    code, out, _ = gantool("plugins", "check", ".")
    said = rows(out)
    assert code == 0
    assert (said["fog/tiny", "model"], said["fog", "seams"]) == ("holds", "holds")
    assert said["fog/none", "model"] == "not installed: no"
    tiny_model("mist").rename("tiny.onnx")
    code, out, err = gantool("plugins", "check", ".")
    assert (code, err) == (6, "gantool: 1 law of 16 broken\n")
    assert rows(out)["fog/tiny", "model"] == "BROKEN: its file says that it is for mist"


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("", "it has no entry points"),
        ("[project", "not a plugin's"),
        ("[project]\nentry-points = 7", "not a plugin's"),
        ("[project.entry-points.other]\na = 'b'", "no entry points in the groups"),
        ("[project.entry-points]\ngantool = 7", "not a plugin's"),
    ],
)
def test_check_of_a_folder_that_is_no_plugins(project, said, gantool):
    Path("pyproject.toml").write_text(project)
    code, out, err = gantool("plugins", "check", ".")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_check_of_what_is_not_there(gantool):
    code, out, err = gantool("plugins", "check", "fog")
    assert (code, out) == (2, "")
    assert "fog: no such plugin; there are colorize, derain" in err
    code, out, err = gantool("plugins", "check")
    assert (code, out) == (2, "")
    assert "no plugin but gantool's own is installed" in err


def test_list_has_distributions_that_bring_recipes_alone(gantool, monkeypatch):
    entries = plugin_manager._entries
    mine = EntryPoint("fog-gan", "plug_fog:fog", "gantool.recipes")
    vars(mine)["dist"] = type("Dist", (), {"name": "gantool-fog", "version": "1.2"})()
    more = {"gantool.recipes": [mine]}
    monkeypatch.setattr(
        plugin_manager, "_entries", lambda group: [*entries(group), *more.get(group, [])]
    )
    plugin_manager.load.cache_clear()
    _, out, _ = gantool("plugins", "list")
    plugin_manager.load.cache_clear()
    (row,) = (line.split() for line in out.splitlines() if "fog" in line)
    assert row == ["fog-gan", "gantool-fog", "1.2", "0", "a", "recipe"]
    assert "pix2pix" not in out

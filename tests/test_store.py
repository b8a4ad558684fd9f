"""Laws of finding the file of a model, and of the user's own models."""

import json
from pathlib import Path

import pytest

from gantool import store
from gantool.errors import ModelError, OutputError, UsageError
from gantool.pipeline import Model


@pytest.fixture
def catalogue(tmp_path):
    """Two models: one with its file, one whose file is gone."""
    (tmp_path / "here.onnx").write_bytes(b"model")
    return {
        f"haze/{name}": Model(f"haze/{name}", "haze", str(tmp_path / f"{name}.onnx"), "", "MIT")
        for name in ("here", "gone")
    }


def test_name_of_the_catalogue_gives_its_file(catalogue, tmp_path):
    assert store.locate("haze/here", catalogue) == tmp_path / "here.onnx"


def test_path_gives_the_file_itself(tmp_path):
    file = tmp_path / "own model"
    file.write_bytes(b"model")
    assert store.locate(str(file), {}) == file


def test_name_of_the_catalogue_comes_before_a_file_of_the_same_path(
    catalogue, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "haze").mkdir()
    (tmp_path / "haze" / "here").write_bytes(b"another")
    assert store.locate("haze/here", catalogue).read_bytes() == b"model"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("haze/gone", "haze/gone: its file .*gone.onnx is missing"),
        ("missing.onnx", "missing.onnx: no such model file"),
        ("haze/heer", "Did you mean haze/here?"),
        ("haze/hree", 'no model "haze/hree"'),
    ],
)
def test_what_is_not_there_is_refused_by_name(model, said, catalogue):
    with pytest.raises(ModelError, match=said):
        store.locate(model, catalogue)


def test_folder_is_no_model_file(tmp_path):
    with pytest.raises(ModelError, match="a folder, not a model file"):
        store.locate(str(tmp_path), {})


def test_nothing_is_suggested_where_nothing_is_near(catalogue):
    with pytest.raises(ModelError) as refusal:
        store.locate("zzz", catalogue)
    assert "Did you mean" not in str(refusal.value)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The folder of the user's own models, which is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "gantool" / "models"


def kept(name: str) -> Model:
    """A model of the user's own, listed."""
    file = store.own_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"model")
    model = Model(name, name.split("/")[0], str(file), "12ab", "MIT", "imported from x.pth")
    store.keep(model, {"source": "x.pth", "source_sha256": "34cd"})
    return model


def test_without_a_folder_there_are_no_own_models(home):
    assert store.own() == ({}, ())
    assert not home.exists()


def test_kept_models_are_found_as_they_were_kept(home):
    models = {name: kept(name) for name in ("haze/b", "haze/v1.2_a-b", "fog/a")}
    assert store.own() == (models, ())
    assert store.locate("haze/b", models) == home / "haze" / "b.onnx"


def test_where_a_model_came_from_is_kept(home):
    kept("haze/b")
    note = json.loads((home / "haze" / "b.json").read_text())
    assert (note["source"], note["source_sha256"]) == ("x.pth", "34cd")


def test_folder_without_the_variable_is_in_the_home(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.folder() == tmp_path / ".local/share/gantool/models"


NOTE = '{"sha256": "", "licence": "MIT", "note": ""}'
DAMAGES = {
    "no note": lambda home: (home / "bad.json").unlink(),
    "no file": lambda home: (home / "bad.onnx").unlink(),
    "cut note": lambda home: (home / "bad.json").write_text(NOTE[:20]),
    "empty note": lambda home: (home / "bad.json").write_text(""),
    "note that is a list": lambda home: (home / "bad.json").write_text("[]"),
    "note without licence": lambda home: (home / "bad.json").write_text('{"sha256": ""}'),
    "note with a number": lambda home: (home / "bad.json").write_text(NOTE.replace('""', "7")),
    "note that is no text": lambda home: (home / "bad.json").write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_model_switches_off_itself_only_and_is_named(damage, home):
    good = kept("haze/good")
    kept("haze/bad")
    damage(home / "haze")
    models, (line,) = store.own()
    assert models == {"haze/good": good}
    assert line.startswith("model haze/bad is off: ")
    assert "gantool models rm haze/bad" in line
    store.remove("haze/bad", {})
    assert store.own() == ({"haze/good": good}, ())


def test_other_files_in_the_folder_are_no_models(home):
    kept("haze/good")
    for name in (".gantool-x7.onnx", "README", "Notes.json", "good.png"):
        (home / "haze" / name).write_text("x")
    models, problems = store.own()
    assert (list(models), problems) == (["haze/good"], ())


def test_removed_model_leaves_nothing(home):
    kept("haze/b")
    assert store.remove("haze/b", store.own()[0]) == home / "haze" / "b.onnx"
    assert list((home / "haze").iterdir()) == []


def test_only_own_models_are_removed(home, catalogue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="haze/here: comes with a plugin"):
        store.remove("haze/here", catalogue)
    with pytest.raises(ModelError, match="Did you mean haze/here?"):
        store.remove("haze/her", catalogue)
    with pytest.raises(UsageError, match="here.onnx: a file"):
        store.remove("here.onnx", catalogue)
    assert (tmp_path / "here.onnx").is_file()


def test_model_that_cannot_be_removed_is_an_output_error(home):
    kept("haze/b")
    (home / "haze" / "b.onnx").unlink()
    (home / "haze" / "b.onnx").mkdir()
    with pytest.raises(OutputError, match="haze/b: cannot be removed"):
        store.remove("haze/b", {})


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../b", "A", "a b", "é", "-a", "a\\b", "a\n"]
)
def test_names_that_could_be_other_files_are_refused(name, home):
    with pytest.raises(UsageError, match="--name"):
        store.refuse_name(f"haze/{name}", {}, overwrite=True)


def test_name_in_use_is_refused(home, catalogue):
    kept("haze/b")
    with pytest.raises(UsageError, match="haze/b: there already: --overwrite"):
        store.refuse_name("haze/b", store.own()[0], overwrite=False)
    with pytest.raises(UsageError, match="haze/here: a plugin's model"):
        store.refuse_name("haze/here", catalogue, overwrite=True)
    store.refuse_name("haze/b", store.own()[0], overwrite=True)
    store.refuse_name("haze/c", catalogue, overwrite=False)

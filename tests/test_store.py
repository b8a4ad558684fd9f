"""Laws of finding the file of a model."""

import pytest

from gantool import store
from gantool.errors import ModelError
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

"""Laws of the second distribution: it lists what it holds, and nothing of it is in the first."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gantool import api
from gantool.runtime import pixel_io
from gantool.runtime.session import sha256

weights = pytest.importorskip("gantool_weights_noncommercial")  # not in source distributions
ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "weights" / "noncommercial"
ABOUT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
PACKAGE = weights.__name__
FILES = sorted(weights.FOLDER.glob("*.onnx"))


def test_every_file_in_the_folder_is_listed():
    assert {Path(model.source) for model in weights.gantool_models()} == set(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_model_is_the_one_that_is_listed_and_says_its_licence(file):
    (model,) = (each for each in weights.gantool_models() if each.source == str(file))
    assert sha256(file) == model.sha256
    assert pixel_io.read_model(file)[1].licence == model.licence == weights.LICENCE
    assert Path(model.terms).read_text().splitlines()[0] == model.licence


def test_only_files_that_are_there_are_listed(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    assert weights.gantool_models() == []
    for file, (name, digest, _) in weights.MODELS.items():
        (tmp_path / file).touch()
        model = weights.gantool_models()[-1]
        assert (model.name, model.sha256, model.source) == (name, digest, str(tmp_path / file))
    assert [model.name for model in weights.gantool_models()] == [
        name for name, _, _ in weights.MODELS.values()
    ]


@pytest.mark.parametrize("text", ["gantool_weights_noncommercial/LICENCE.txt", "README.md"])
def test_texts_name_every_model_and_the_licence(text):
    words = (PROJECT / text).read_text()
    assert weights.LICENCE in words
    assert all(name in words for name, _, _ in weights.MODELS.values())


def test_its_models_are_in_the_catalogue_and_can_be_used(noncommercial):
    (plugin,) = (each for each in api.registry().plugins if each.name == "weights")
    assert not plugin.problem
    listed = api.registry().models
    for model in noncommercial.gantool_models():
        assert listed[model.name] == model
        assert api.is_accepted(model)
        assert api.model_info(model.name)["terms"].endswith("LICENCE.txt")


def test_distribution_says_the_same_licence_as_its_models():
    assert ABOUT["project"]["license"] == f"LicenseRef-{weights.LICENCE}"


def test_it_is_under_the_same_checks_as_plugins():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert PACKAGE in tools["mypy"]["packages"]
    assert PACKAGE in tools["importlinter"]["root_packages"]
    contracts = {each["name"]: each for each in tools["importlinter"]["contracts"]}
    assert PACKAGE in contracts["the core does not know its plugins"]["forbidden_modules"]
    face = contracts["plugins use the public face, recipes the training room"]
    assert PACKAGE in face["source_modules"]


def test_first_distribution_holds_nothing_that_must_be_accepted():
    ours = [p for p in api.registry().plugins if p.distribution == "gantool"]
    held = [model for plugin in ours for model in plugin.models if model.source]
    assert held
    assert not [model.name for model in held if model.terms]
    assert not {sha256(Path(model.source)) for model in held} & {sha256(each) for each in FILES}


def test_installed_it_is_a_plugin_like_others(tmp_path):
    pytest.importorskip("pip")
    pytest.importorskip("hatchling")
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-build-isolation"]
    options = ["--no-deps", "--disable-pip-version-check", "--quiet", "--target", str(tmp_path)]
    subprocess.run([*pip, *options, str(PROJECT)], check=True, capture_output=True)
    package = tmp_path / PACKAGE
    assert (package / "LICENCE.txt").is_file()
    assert {file.name for file in package.glob("*.onnx")} == {file.name for file in FILES}
    path = os.pathsep.join([str(tmp_path), *sys.path])
    listed = subprocess.run(
        [sys.executable, "-m", "gantool", "plugins", "list"],
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row.split()[0]: " ".join(row.split()[1:]) for row in listed.stdout.splitlines()}
    wanted = f"{ABOUT['project']['name']} {ABOUT['project']['version']} {len(FILES)}"
    assert rows["weights-noncommercial"].startswith(wanted)
    assert rows["weights-noncommercial"].endswith(" works")

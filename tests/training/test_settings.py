"""Laws of a run's settings: read(write(x)) is x, and what is no run is named."""

import json

import pytest
import torch

from gantool.errors import UsageError
from gantool.training.settings import Settings

PLAIN = {"recipe": "toy", "options": {}, "dataset": "noise", "steps": 9}


def test_settings_come_back_as_they_were_written(tmp_path):
    settings = Settings(
        "toy",
        {"rate": 0.1, "scale": 2, "from_": "edges"},
        "noise",
        9,
        seed=3,
        precision="bf16",
        accumulate=4,
        init="photo-x4",
    )
    settings.write(tmp_path / "new" / "run")
    assert Settings.read(tmp_path / "new" / "run") == settings
    assert settings.versions["torch"] == torch.__version__


def test_a_run_from_before_an_option_existed_has_its_default(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(PLAIN | {"versions": {}}))
    assert Settings.read(tmp_path) == Settings("toy", {}, "noise", 9, versions={})


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"recipe": "toy", "unknown": 1}'])
def test_a_folder_that_is_no_run_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=f"{tmp_path}: not the folder of a training run"):
        Settings.read(tmp_path)

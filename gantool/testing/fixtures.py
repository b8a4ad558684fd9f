"""Fixtures for the tests of plugins; pytest finds them where gantool is installed."""

from pathlib import Path

import pytest

from gantool.testing.command_line import CommandLine, isolated
from gantool.testing.tiny import TinyModel
from gantool.testing.tiny import tiny_model as _written


@pytest.fixture
def tiny_model(tmp_path: Path) -> TinyModel:
    """Makes the file of a model for a task, 3×3 means enlarged `scale` times."""

    def make(task: str = "tiny", *, scale: int = 1) -> Path:
        return _written(tmp_path / f"{task}-x{scale}.onnx", task, scale=scale)

    return make


@pytest.fixture
def odd_pictures(tmp_path: Path) -> Path:
    """A folder of pictures: tiny, thin, deep, grey, transparent, turned; all can be read."""
    from gantool.testing.pictures import write_odd

    return write_odd(tmp_path / "odd pictures")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of six pictures of 96×192, each an input beside its target."""
    from gantool.testing.pictures import write_pairs

    return write_pairs(tmp_path / "pairs")


@pytest.fixture
def command_line(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """`command_line("haze", "photos/")` runs gantool in a process of its own, in `tmp_path`.

    Nothing of the user's is seen or changed: caches, models and licences have folders of their own.
    """
    return isolated(tmp_path_factory.mktemp("home"), tmp_path)

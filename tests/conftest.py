"""Shared by all tests."""

import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gantool import licences, plugin_manager

pytest_plugins = ["gantool.testing.fixtures"]
sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "weights" / "noncommercial"))
from feature_networks import write_lite0  # noqa: E402 - found through the path above

DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Graphs and models made by the tests stay out of the user's folders."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def data():
    """The folder of real pictures beside the project; not everybody has it."""
    if not DATA.is_dir():
        pytest.skip("no ../shared/data beside the project")
    return DATA


@pytest.fixture(scope="session")
def scale():
    """How much of a slow suite is done: 1 is all of it; GANTOOL_SLOW=0.1 a tenth."""
    return float(os.environ.get("GANTOOL_SLOW", "1"))


@pytest.fixture
def noncommercial(monkeypatch):
    """The second distribution, as if it were installed and its licence accepted."""
    weights = pytest.importorskip("gantool_weights_noncommercial")
    entries, mine = plugin_manager._entries, EntryPoint("weights", weights.__name__, "gantool")
    more = {"gantool": [mine]}
    monkeypatch.setattr(
        plugin_manager, "_entries", lambda group: [*entries(group), *more.get(group, [])]
    )
    monkeypatch.setenv(licences.VARIABLE, weights.LICENCE)
    plugin_manager.load.cache_clear()
    yield weights
    plugin_manager.load.cache_clear()


@pytest.fixture(scope="session")
def lite0(tmp_path_factory):
    """A file with a feature network that has learnt nothing."""
    return write_lite0(tmp_path_factory.mktemp("features") / "lite0.safetensors")

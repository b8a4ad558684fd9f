"""Shared by all tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "weights" / "noncommercial"))
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

"""Shared by the laws of runs: where their children come from."""

import os

import pytest

import models
import nursery as nurseries
import trees


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """In which the tasks of `trees.PLUGIN` are installed."""
    site = trees.site(tmp_path_factory.mktemp("site"))
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture(scope="module")
def nursery(environment, tmp_path_factory):
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    with nurseries.opened(tmp_path_factory.mktemp("logs"), environment) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return models.bilinear(tmp_path_factory.mktemp("model") / "twofold.onnx")

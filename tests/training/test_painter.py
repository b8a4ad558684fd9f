"""The painting generator: noise drawn while training, a tile of it in a file, and tiles."""

import numpy as np
import pytest
import torch

from gantool import export
from gantool.runtime.session import Session
from gantool.training.networks.painter import PERIOD, Grain, PainterGenerator
from gantool.training.system import Contract, Export

torch.set_num_threads(1)


def tiny() -> PainterGenerator:
    torch.manual_seed(0)
    network = PainterGenerator(channels=8, blocks=1)
    torch.nn.init.normal_(network.last.weight, 0.0, 0.1)
    return network


def test_noise_is_drawn_anew_while_training_and_fixed_afterwards():
    network, x = tiny(), torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        assert not torch.equal(network(x), network(x))
        network.eval()
        assert torch.equal(network(x), network(x))


def test_fixed_noise_repeats_and_is_the_same_for_every_picture():
    grain = Grain(4, 8, seed=3).eval()
    noise = grain.noise(torch.zeros(2, 4, 20, 12))
    assert noise.shape == (2, 2, 20, 12)
    assert torch.equal(noise[0], noise[1])
    assert torch.equal(noise[..., 8:16, :], noise[..., :8, :])
    assert torch.equal(noise[..., 8:], noise[..., :4])


def test_a_flat_sky_is_given_something_to_paint():
    network = tiny().eval()
    with torch.no_grad():
        painted = network(torch.full((1, 3, 64, 64), 0.25))
    assert painted[..., 16:48, 16:48].std() > 1e-3


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Session:
    """A model file whose tiles are of one period."""
    path = tmp_path_factory.mktemp("painter") / "tiny.onnx"
    contract = Contract(
        task="translate", multiple=4, align=PERIOD, minimum=16, value_range=(-1.0, 1.0)
    )
    export.export(tiny(), Export("generator", contract, lambda each: each), path, facts={})
    return Session(path, tile=PERIOD)


@pytest.mark.slow
def test_tiles_equal_the_whole(model):
    """No statistics of the frame, and noise that fits together where tiles meet."""
    assert model.contract.statistics == "local"
    frame = np.random.default_rng(0).integers(0, 256, (150, 300, 3), np.uint8)
    whole = Session(model.path, tile=None)(frame)
    assert np.abs(model(frame).astype(int) - whole).max() <= 1


@pytest.mark.slow
def test_tiles_that_start_elsewhere_would_not(model):
    """The law above can fail: what a tile shows depends on where it starts."""
    frame = np.random.default_rng(0).integers(0, 256, (2 * PERIOD, 2 * PERIOD, 3), np.uint8)
    moved = PERIOD // 2
    part = model(np.ascontiguousarray(frame[moved:, moved:]))
    assert (
        np.abs(
            part[64:128, 64:128].astype(int) - model(frame)[moved:, moved:][64:128, 64:128]
        ).max()
        > 1
    )

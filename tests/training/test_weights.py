"""Law: the weights of a model file, put back into the network, make the file's picture."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import gantool_superres
from gantool.errors import UsageError
from gantool.export import export
from gantool.runtime.session import Session
from gantool.training import checkpoint, weights
from gantool.training.system import System
from gantool_superres.fidelity import superres_fidelity
from gantool_superres.srgan import srgan
from gantool_translate.pix2pix import pix2pix
from systems import differing, flip, hard_gan, newest, quiet_gan, trained, weights_of

SMALL = {"scale": 2, "channels": 8, "layers": 2}
SHIPPED = sorted((Path(gantool_superres.__file__).parent / "models").glob("*.onnx"))
SYSTEMS = {
    "superres": lambda: superres_fidelity(**SMALL),
    "unet": lambda: pix2pix(generator="unet-64", channels=4),
    "resnet": lambda: pix2pix(generator="resnet-6", channels=4),
}


def made(name: str, seed: int) -> System:
    torch.manual_seed(seed)
    system = SYSTEMS[name]()
    with torch.no_grad():  # as after a training, where no weight is where it has started
        for weight in system.networks["generator"].parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    return system


def model(name: str, path: Path, *, recipe: dict[str, object] | None = None) -> Path:
    """The model file of a system."""
    system = made(name, 0)
    (wanted,) = system.exports()
    export(system.networks["generator"], wanted, path, facts={"recipe": recipe or {}})
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A model file of superres-fidelity that says what made it."""
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    recipe = {"name": "superres-fidelity", "options": SMALL, "steps": 9}
    return model("superres", path, recipe=recipe)


@torch.no_grad()
def levels(system: System, frame: np.ndarray) -> np.ndarray:
    """What the generator makes of H×W×3 uint8, in levels of 255, unrounded."""
    (wanted,) = system.exports()
    low, high = wanted.contract.value_range
    x = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255 * (high - low) + low
    y = system.networks["generator"].eval()(x)[0].permute(1, 2, 0)
    return ((y - low) / (high - low) * 255).clamp(0, 255).numpy()


def off(system: System, path: Path, side: int = 64) -> float:
    """The largest difference between the network's picture and the file's, in levels."""
    frame = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    theirs = Session(path, tile=None).run(frame[None])[0].astype(np.float32)
    return float(np.abs(levels(system, frame) - theirs).max())


def test_weights_come_back_from_a_file(small):
    system = made("superres", 1)
    assert off(system, small) > 10
    weights.load(small, system)
    assert off(system, small) <= 0.51  # the file's picture is in whole levels


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "resnet"])
def test_weights_come_back_from_a_file_of_pix2pix(name, tmp_path):
    path, system = model(name, tmp_path / f"{name}.onnx"), made(name, 1)
    judge = weights_of({"d": system.networks["discriminator"]})
    assert off(system, path) > 10
    weights.load(path, system)
    assert off(system, path) <= 0.51
    assert differing(judge, weights_of({"d": system.networks["discriminator"]})) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_training_can_start_from_every_shipped_model(path):
    recipe, options = weights.options(path)
    system = {"superres-fidelity": superres_fidelity, "srgan": srgan}[recipe](**options)
    weights.load(path, system)
    assert off(system, path) <= 0.51


def test_models_are_shipped():
    """The law's own test: the one above is not about nothing."""
    assert len(SHIPPED) >= 2


def test_stored_weights_are_those_of_the_exported_network(small):
    system = made("superres", 0)
    (wanted,) = system.exports()
    trained_ones = wanted.prepare(system.networks["generator"]).state_dict()
    stored = weights.stored(small)
    assert stored.keys() == trained_ones.keys()
    for name, tensor in stored.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, trained_ones[name].half().float())


def test_weights_from_a_file_can_be_trained_on(small):
    system = made("superres", 1)
    weights.load(small, system)
    batch = {"low": torch.rand(2, 3, 8, 8), "high": torch.rand(2, 3, 16, 16)}
    sum(system.loss(system.phases()[0], batch, 0.0).values()).backward()
    grown = [each.grad is not None for each in system.networks["generator"].parameters()]
    assert all(grown)


@pytest.mark.parametrize("option", [("scale", 4), ("channels", 6), ("layers", 1), ("layers", 3)])
def test_a_file_of_another_shape_is_refused_and_changes_nothing(small, option):
    system = superres_fidelity(**SMALL | dict([option]))
    before = weights_of(system.networks)
    with pytest.raises(UsageError, match=r"small\.onnx: does not fit the networks") as had:
        weights.load(small, system)
    assert "\n" not in str(had.value)
    assert differing(weights_of(system.networks), before) == []


def test_a_file_of_another_kind_of_network_is_refused(small):
    system = made("unet", 0)
    before = weights_of(system.networks)
    with pytest.raises(UsageError, match="does not fit the networks of this recipe") as had:
        weights.load(small, system)
    assert "\n" not in str(had.value)
    assert differing(weights_of(system.networks), before) == []


def test_a_file_says_what_made_it(small, tmp_path):
    assert weights.options(small) == ("superres-fidelity", SMALL)
    silent = onnx.load(small)
    contract = silent.metadata_props[0]
    contract.value = contract.value.replace("superres-fidelity", "")
    onnx.save(silent, tmp_path / "silent.onnx")
    assert weights.options(tmp_path / "silent.onnx")[0] == ""


def test_a_run_gives_its_averages_and_its_options(tmp_path):
    going = trained(tmp_path / "run", 3)
    system = hard_gan()
    weights.load(tmp_path / "run", system)
    assert differing(weights_of(system.networks), weights_of(going.ema.networks)) == []
    assert differing(weights_of(system.networks), weights_of(going.system.networks))
    assert weights.options(tmp_path / "run") == ("toy", {"rate": 1e-2})


def test_a_run_of_another_shape_is_refused_in_one_line(tmp_path):
    trained(tmp_path / "run", 1)
    with pytest.raises(UsageError, match="made by toy .*run.onnx$") as had:
        weights.load(tmp_path / "run", quiet_gan())
    assert "\n" not in str(had.value)


def test_a_run_without_a_whole_checkpoint_is_refused(tmp_path):
    going = trained(tmp_path / "run", 1)
    flip(newest(going) / "ema.safetensors")
    with pytest.raises(UsageError, match="run: no whole checkpoint to start from"):
        weights.load(tmp_path / "run", hard_gan())
    shutil.rmtree(tmp_path / "run" / checkpoint.FOLDER)
    with pytest.raises(UsageError, match="run: no whole checkpoint to start from"):
        weights.load(tmp_path / "run", hard_gan())

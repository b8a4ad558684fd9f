"""Laws of the importer of super-resolution checkpoints, with a stand-in for spandrel, and with it.

spandrel is not installed with the tests: it brings torchvision, which loads beside a torch of its
own build alone. `pip install --target DIR --no-deps spandrel einops`, and DIR before
tests/stand_ins on PYTHONPATH, runs what is skipped here.
"""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from gantool import export
from gantool.api.probes import probes
from gantool.errors import GantoolError, ModelError, PluginError
from gantool.runtime.session import Session
from gantool.training import foreign
from gantool_superres import checkpoints

torch.set_num_threads(1)


def described(**changes: object) -> SimpleNamespace:
    """What spandrel says of a checkpoint."""
    need = SimpleNamespace(minimum=0, multiple_of=1, square=False)
    said = {
        "architecture": SimpleNamespace(name="Fine"),
        "purpose": "SR",
        "input_channels": 3,
        "output_channels": 3,
        "scale": 2,
        "tags": ["64nf", "6nb"],
        "size_requirements": need,
        "model": nn.Identity(),
        "_call_fn": lambda model, x: model(x),
    }
    return SimpleNamespace(**{**said, **changes})


@pytest.fixture
def spandrel(monkeypatch) -> ModuleType:
    """A stand-in that recognises whatever is put into `found`, or raises it."""
    module = ModuleType("spandrel")

    def load(weights: object) -> object:
        if isinstance(module.found, Exception):
            raise module.found
        return module.found

    module.found = described()
    module.UnsupportedModelError = type("UnsupportedModelError", (Exception,), {})
    module.ModelLoader = lambda: SimpleNamespace(load_from_state_dict=load)
    monkeypatch.setitem(sys.modules, "spandrel", module)
    return module


def test_contract_says_what_spandrel_says(spandrel):
    spandrel.found.size_requirements.multiple_of, spandrel.found.size_requirements.minimum = 4, 16
    _, wanted = checkpoints.read({})
    contract = wanted.contract
    assert (contract.task, contract.scale, contract.value_range) == ("superres", 2, (0.0, 1.0))
    assert (contract.multiple, contract.align, contract.minimum) == (4, 4, 16)
    assert contract.recipe == {"name": "Fine", "options": {"scale": 2, "size": "64nf-6nb"}}


REFUSED = {
    "faces": (described(purpose="FaceSR"), "Fine is for facesr: expected one that enlarges"),
    "mask": (described(purpose="Inpainting"), "Fine is for inpainting: expected one"),
    "grey": (described(input_channels=1, output_channels=1), "Fine with 1 and 1 channels"),
    "squares": (
        described(size_requirements=SimpleNamespace(minimum=0, multiple_of=1, square=True)),
        "Fine takes squares alone",
    ),
    "misfit": (RuntimeError("size mismatch\n for conv"), "fits no architecture: size mismatch for"),
}


@pytest.mark.parametrize(("found", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_for_something_else_is_refused_by_name(found, said, spandrel):
    spandrel.found = found
    with pytest.raises(ModelError) as refusal:
        checkpoints.read({})
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_unknown_architecture_is_refused(spandrel):
    spandrel.found = spandrel.UnsupportedModelError()
    with pytest.raises(ModelError, match="unknown architecture: expected one that enlarges"):
        checkpoints.read({})


MISSING = {
    "import spandrel_is_not_here": "cannot load",
    "import torchvision_is_not_here.transforms": "torchvision that belongs to this torch",
    "raise RuntimeError('operator torchvision::nms\\n does not exist')": "torchvision::nms does",
}


@pytest.mark.parametrize(("source", "said"), MISSING.items())
def test_torchvision_that_does_not_load_is_one_line_with_the_remedy(
    source, said, tmp_path, monkeypatch
):
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    (tmp_path / "spandrel.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as refusal:
        checkpoints.read({})
    assert said in str(refusal.value)
    assert torch.__version__ in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_without_spandrel_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(PluginError, match=r'needs spandrel: pip install "gantool\[import\]"'):
        checkpoints.read({})


@pytest.fixture
def real() -> ModuleType:
    """spandrel itself."""
    sys.modules.pop("spandrel", None)
    try:
        return checkpoints._spandrel()
    except GantoolError as error:
        pytest.skip(str(error))


def compact(channels: int = 3) -> dict[str, torch.Tensor]:
    """Weights as those of a small Compact ×2."""
    torch.manual_seed(0)
    sizes = [(8, channels), (8, 8), (4 * channels, 8)]
    weights: dict[str, torch.Tensor] = {}
    for index, (wide, narrow) in enumerate(sizes):
        weights[f"body.{2 * index}.weight"] = torch.randn(wide, narrow, 3, 3) / 20
        weights[f"body.{2 * index}.bias"] = torch.randn(wide) / 50
        if index < 2:
            weights[f"body.{2 * index + 1}.weight"] = torch.full((wide,), 0.25)
    return weights


@pytest.mark.usefixtures("real")
def test_compact_becomes_a_model_that_gives_what_torch_gives(tmp_path):
    torch.save({"params": compact(), "epoch": 3}, tmp_path / "x.pt")
    weights = foreign.weights(tmp_path / "x.pt", "gantool_superres.checkpoints:read")
    network, wanted = checkpoints.read(weights)
    path = tmp_path / "x.onnx"
    contract = export.export(network, wanted, path, facts={}, pictures=probes())
    assert (contract.scale, contract.halo, contract.recipe["name"]) == (2, 3, "RealESRGAN Compact")
    assert contract.parity <= 1
    frame = probes()[0]
    with torch.no_grad():
        x = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        by_torch = (network.eval()(x)[0].permute(1, 2, 0) * 255).clamp(0, 255).round().numpy()
    near = 2 * contract.halo
    given = Session(path)(frame).astype(np.float32)
    assert np.abs(by_torch - given)[near:-near, near:-near].max() <= 1


@pytest.mark.usefixtures("real")
def test_grey_compact_is_refused_by_name():
    with pytest.raises(ModelError, match=r"RealESRGAN Compact with 1 and 1 channels"):
        checkpoints.read(compact(channels=1))


@pytest.mark.slow
@pytest.mark.usefixtures("real")
@pytest.mark.parametrize(
    ("file", "name", "halos"),
    [
        ("realesr-animevideov3.pth", "RealESRGAN Compact", (18, 18)),
        ("RealESRGAN_x4plus_anime_6B.pth", "ESRGAN", (32, 64)),
    ],
)
def test_checkpoints_of_the_world_are_imported(file, name, halos, tmp_path):
    path = Path(os.environ.get("GANTOOL_CHECKPOINTS", "checkpoints"), file)
    if not path.is_file():
        pytest.skip(f"no {file} in the folder that GANTOOL_CHECKPOINTS names")
    network, wanted = checkpoints.read(foreign.weights(path))
    contract = export.export(network, wanted, tmp_path / "x.onnx", facts={}, pictures=probes())
    assert contract.recipe["name"] == name
    assert halos[0] <= contract.halo <= halos[1]
    assert contract.parity <= 1
    frame = probes()[2]
    whole = Session(tmp_path / "x.onnx", tile=None)(frame).astype(int)
    assert np.abs(whole - Session(tmp_path / "x.onnx", tile=80)(frame)).max() <= 1

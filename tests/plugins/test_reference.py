"""Laws of importing the reference repository's generators: what it gives is what gantool gives."""

import numpy as np
import pytest
import torch
from torch import nn

import gantool
import reference_networks as theirs
from gantool import api
from gantool.errors import ModelError
from gantool.runtime.tiling import mirrored
from gantool_translate import reference

torch.set_num_threads(1)  # in networks this small threads only wait for each other
SMALL = {
    "resnet-9": (theirs.resnet(4, 9), 4, 256),
    "resnet-6": (theirs.resnet(3, 6), 4, 256),
    "resnet-6 batch": (theirs.resnet(3, 6, "batch"), 4, 256),
    "resnet-9 dropout": (theirs.resnet(3, 9, dropout=True), 4, 256),
    "resnet-6 batch dropout": (theirs.resnet(3, 6, "batch", dropout=True), 4, 256),
    "unet-256": (theirs.unet(2, 8), 256, 256),
    "unet-256 batch": (theirs.unet(2, 8, "batch"), 256, 256),
    "unet-128": (theirs.unet(3, 7), 128, 128),
    "unet-128 batch": (theirs.unet(3, 7, "batch"), 128, 128),
}
CASES = pytest.mark.parametrize(("name", "made"), SMALL.items(), ids=SMALL)
PUBLISHED = {
    "resnet-9": lambda: theirs.resnet(64, 9),
    "unet-256": lambda: theirs.unet(64, 8, "batch"),
}


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def fitting(frame: np.ndarray, multiple: int) -> np.ndarray:
    """`frame` made wider by its mirror image, to sides that the network takes."""
    height, width = (-(-side // multiple) * multiple for side in frame.shape[:2])
    rows, columns = mirrored(np.arange(height), len(frame)), np.arange(width)
    return frame[rows][:, mirrored(columns, frame.shape[1])]


@CASES
@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_recognised_network_gives_the_same(name, made, old):
    network, multiple, _ = made
    theirs.trained(network)
    ours, _ = reference.read(theirs.state(network, old=old))
    frame = noise(256, 256)
    wanted, given = theirs.tested(network, frame), theirs.tested(ours, frame)
    assert wanted.std() > 10
    assert np.abs(given - wanted).max() < 0.05


@CASES
def test_contract_says_what_it_was_trained_for(name, made):
    network, multiple, side = made
    _, export = reference.read(theirs.state(network))
    said = export.contract
    assert (said.task, said.multiple, said.align, said.side) == (
        "translate",
        multiple,
        multiple,
        side,
    )
    assert (said.value_range, said.minimum) == ((-1.0, 1.0), max(16, multiple))
    channels = next(network.parameters()).shape[0]
    recipe = {"name": f"reference-{name.split()[0]}", "options": {"channels": channels}}
    assert said.recipe == recipe


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size_is_recognised_without_being_copied(name):
    with torch.device("meta"):
        weights = theirs.state(PUBLISHED[name]())
    network, export = reference.read({key: torch.empty_like(each) for key, each in weights.items()})
    assert export.contract.recipe["name"] == f"reference-{name}"
    assert all(tensor.is_meta or tensor.numel() <= 512 for tensor in network.parameters())


def without(key: str, network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in theirs.state(network).items() if name != key}


REFUSED = {
    "discriminator": (lambda: theirs.state(theirs.discriminator(4)), "a discriminator"),
    "pixel discriminator": (lambda: {"net.0.weight": torch.ones(4, 3, 1, 1)}, "a discriminator"),
    "grey to colour": (
        lambda: theirs.state(theirs.resnet(2, 6, colours=(1, 3))),
        "channels in and out are 1 and 3",
    ),
    "colour to two channels": (
        lambda: theirs.state(theirs.resnet(2, 6, colours=(3, 2))),
        "channels in and out are 3 and 2",
    ),
    "U-Net of another depth": (
        lambda: theirs.state(theirs.unet(2, 5)),
        "a U-Net of 5 levels: expected a ResNet-9",
    ),
    "missing layer": (
        lambda: without("model.13.conv_block.5.weight", theirs.resnet(2, 9)),
        "model.13.conv_block.5.weight does not fit: expected a ResNet-9",
    ),
    "layer too many": (
        lambda: {**theirs.state(theirs.resnet(2, 6)), "model.99.weight": torch.ones(1)},
        "model.99.weight does not fit",
    ),
    "layer of another size": (
        lambda: {**theirs.state(theirs.resnet(2, 6)), "model.4.weight": torch.ones(9, 9, 3, 3)},
        "model.4.weight does not fit",
    ),
    "one normalisation without scale": (
        lambda: without("model.5.weight", theirs.resnet(2, 6, "batch")),
        "model.5.weight does not fit",
    ),
    "no normalisation": (
        lambda: {
            key: each
            for key, each in theirs.state(theirs.resnet(2, 6)).items()
            if each.dim() == 4 or key == "model.23.bias"
        },
        "without normalisation",
    ),
    "huge claim": (
        lambda: {
            **theirs.state(theirs.resnet(2, 6)),
            "model.1.weight": torch.ones(1).expand(2**20, 3, 7, 7),
        },
        "does not fit",
    ),
    "another network": (lambda: {"conv1.weight": torch.ones(64, 3, 7, 7)}, "expected a ResNet-9"),
    "odd first layer": (
        lambda: {"model.1.weight": torch.ones(1), "model.10.conv_block.1.weight": torch.ones(1)},
        "expected a ResNet-9",
    ),
}


@pytest.mark.parametrize(("weights", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_such_generator_is_refused_in_one_line(weights, said):
    with pytest.raises(ModelError, match=said) as refusal:
        reference.read(weights())
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet-9", "resnet-6 batch dropout", "unet-256 batch", "unet-128"]
)
def test_imported_model_gives_what_the_repository_gives(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    network, multiple, _ = SMALL[name]
    theirs.trained(network)
    path = tmp_path / "latest_net_G.pth"
    torch.save(theirs.state(network, old=True), path)
    api.import_model(path, task="translate", name="small")
    model = gantool.load("translate/small", device="cpu")
    assert model.contract.statistics == "global"
    for size in [(64, 64), (61, 83), (130, 47)] if multiple == 4 else [(256, 256), (200, 131)]:
        frame = noise(*size)
        wanted = theirs.tested(network, fitting(frame, multiple))[: size[0], : size[1]]
        assert np.abs(model(frame) - wanted).max() <= 0.51  # rounded to whole levels

"""The feature network of content losses: torchvision's layers, and files that do not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gantool.errors import ModelError
from gantool.training.networks.vgg import VggFeatures, read_vgg


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Of the first layers, as they are called in a file of the whole network."""
    torch.manual_seed(0)
    own = VggFeatures("conv2_2").state_dict()
    random = {name: torch.randn(value.shape) * 0.05 for name, value in own.items()}
    return random | {"classifier.0.weight": torch.zeros(2, 2)}


def test_layers_are_where_torchvision_counts_them():
    """«features.34» of VGG-19 is conv5_4, 512 maps of 512, the sixteenth convolution."""
    shapes = {
        name: tuple(value.shape) for name, value in VggFeatures("conv5_4").state_dict().items()
    }
    convolutions = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert [name for name in shapes if name.endswith("weight")] == [
        f"features.{place}.weight" for place in convolutions
    ]
    assert shapes["features.34.weight"] == (512, 512, 3, 3)
    assert shapes["features.7.weight"] == (128, 128, 3, 3)


def test_the_last_is_not_activated(weights, tmp_path):
    torch.save(weights, tmp_path / "vgg.pth")
    network = read_vgg(tmp_path / "vgg.pth", "conv2_2")
    found = network(torch.rand(1, 3, 16, 20))
    assert found.shape == (1, 128, 8, 10)
    assert found.min() < 0


def test_pictures_are_normalised_as_in_its_training(weights, tmp_path):
    torch.save(weights, tmp_path / "vgg.pth")
    network = read_vgg(tmp_path / "vgg.pth", "conv2_2")
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = torch.rand(1, 3, 8, 8)
    assert torch.allclose(network(x), network.features((x - mean) / deviation), atol=1e-6)


def test_both_kinds_of_file_give_the_same_fixed_network(weights, tmp_path):
    torch.save(weights, tmp_path / "vgg.pth")
    save_file(weights, tmp_path / "vgg.safetensors")
    networks = [read_vgg(tmp_path / name, "conv2_2") for name in ("vgg.pth", "vgg.safetensors")]
    for network in networks:
        assert not any(each.requires_grad for each in network.parameters())
        assert torch.equal(network.features[7].weight, weights["features.7.weight"])


def bad_files(folder: Path, weights: dict[str, torch.Tensor]) -> dict[str, Path]:
    """By what must be said of it."""
    files = {
        "no such file": folder / "missing.pth",
        "not a checkpoint of PyTorch": folder / "text.pth",
        "not a safetensors file": folder / "text.safetensors",
        "holds a list, not weights by name": folder / "list.pth",
        "no features.0.weight": folder / "other.pth",
        "features.2.weight is 64×3×3×3, not 64×64×3×3": folder / "shapes.pth",
    }
    for name in ("text.pth", "text.safetensors"):
        (folder / name).write_text("these are words, and no weights at all")
    torch.save([torch.zeros(1)], folder / "list.pth")
    torch.save({"conv.weight": torch.zeros(1)}, folder / "other.pth")
    torch.save(weights | {"features.2.weight": torch.zeros(64, 3, 3, 3)}, folder / "shapes.pth")
    return files


def test_files_that_do_not_fit_are_refused_in_one_line(weights, tmp_path):
    for said, path in bad_files(tmp_path, weights).items():
        with pytest.raises(ModelError) as caught:
            read_vgg(path, "conv2_2")
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert said in text
        assert "\n" not in text


def test_code_in_a_file_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match="refused, nothing of it was run"):
        read_vgg(tmp_path / "trap.pth", "conv2_2")
    assert not (tmp_path / "ran").exists()

"""The generators of pytorch-CycleGAN-and-pix2pix, written plainly: a second opinion for tests."""

import numpy as np
import torch
from torch import Tensor, nn

NORMS = {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d}


class Whole(nn.Module):
    """What is called `model.` in the names of weights."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Beside(Whole):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], 1)


class Block(nn.Module):
    def __init__(self, width: int, norm: str, *, dropout: bool) -> None:
        super().__init__()
        biased, normal = norm == "instance", NORMS[norm]
        first = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=biased), normal(width)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=biased), normal(width)]
        between = [nn.ReLU(True), nn.Dropout(0.5)] if dropout else [nn.ReLU(True)]
        self.conv_block = nn.Sequential(*first, *between, *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def resnet(
    channels: int,
    blocks: int,
    norm: str = "instance",
    *,
    dropout: bool = False,
    colours: tuple[int, int] = (3, 3),
) -> nn.Module:
    biased, normal, k = norm == "instance", NORMS[norm], channels
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(colours[0], k, 7, bias=biased)]
    layers += [normal(k), nn.ReLU(True)]
    for width in (k, 2 * k):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=biased)]
        layers += [normal(2 * width), nn.ReLU(True)]
    layers += [Block(4 * k, norm, dropout=dropout) for _ in range(blocks)]
    for width in (4 * k, 2 * k):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=biased)]
        layers += [normal(width // 2), nn.ReLU(True)]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(k, colours[1], 7), nn.Tanh()]
    return Whole(nn.Sequential(*layers))


def unet(channels: int, depth: int, norm: str = "instance") -> nn.Module:
    """LeakyReLU works in place there, so that what skips a level has been through it as well."""
    biased, normal = norm == "instance", NORMS[norm]
    widths = [channels, 2 * channels, 4 * channels, *[8 * channels] * (depth - 3)]
    inner: list[nn.Module] = []
    for level in range(depth - 1, 0, -1):
        outer, width = widths[level - 1], widths[level]
        down = [nn.LeakyReLU(0.2, True), nn.Conv2d(outer, width, 4, 2, 1, bias=biased)]
        taken = 2 * width if inner else width
        up = [nn.ReLU(True), nn.ConvTranspose2d(taken, outer, 4, 2, 1, bias=biased), normal(outer)]
        middle = [normal(width), *inner] if inner else []
        noise = [nn.Dropout(0.5)] if 4 <= level < depth - 1 else []
        inner = [Beside(nn.Sequential(*down, *middle, *up, *noise))]
    first = nn.Conv2d(3, channels, 4, 2, 1, bias=biased)
    last = [nn.ReLU(True), nn.ConvTranspose2d(2 * channels, 3, 4, 2, 1), nn.Tanh()]
    return Whole(Whole(nn.Sequential(first, *inner, *last)))


def discriminator(channels: int) -> nn.Module:
    first = [nn.Conv2d(3, channels, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    return Whole(nn.Sequential(*first, nn.Conv2d(channels, 1, 4, 1, 1)))


@torch.no_grad()
def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """With weights as a training may leave them: no scale 1, no shift and no bias 0.

    Half precision, in which model files store them, holds them exactly.
    """
    torch.manual_seed(seed)
    for name, tensor in network.named_parameters():
        about = 1.0 if tensor.dim() == 1 and name.endswith("weight") else 0.0
        tensor.copy_(torch.normal(about, 0.2, tensor.shape).half())
    return network


def state(network: nn.Module, *, old: bool = False) -> dict[str, Tensor]:
    """Its weights; `old` as before PyTorch 0.4, when InstanceNorm kept statistics, unused."""
    tensors = dict(network.state_dict())
    if old:
        for name, module in network.named_modules():
            if isinstance(module, nn.InstanceNorm2d):
                tensors[f"{name}.running_mean"] = torch.randn(module.num_features)
                tensors[f"{name}.running_var"] = torch.rand(module.num_features)
    return tensors


@torch.no_grad()
def tested(network: nn.Module, frame: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → levels as that repository's test script makes them, unrounded, without noise.

    It tests in training mode: batch normalisation of a single picture.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 127.5 - 1
    return ((network(x)[0].permute(1, 2, 0) + 1) * 127.5).numpy()

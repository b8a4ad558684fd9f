"""pix2pix and CycleGAN as one writes them down from the papers: what our training is held against.

Transposed convolutions, padding layers, contiguous memory, no averaged weights, nothing checked;
normalisation, biases and the order of a step as in the authors' own programs.
"""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

RATE, BETAS = 2e-4, (0.5, 0.999)


class Skip(nn.Module):
    """A level of the U-Net with BatchNorm; the outermost and the innermost are special."""

    def __init__(self, outer: int, width: int, inner: nn.Module | None, *, dropout: bool) -> None:
        super().__init__()
        down = [nn.LeakyReLU(0.2, True), nn.Conv2d(outer, width, 4, 2, 1, bias=False)]
        middle = [] if inner is None else [nn.BatchNorm2d(width), inner]
        before = width if inner is None else 2 * width
        up = [nn.ReLU(True), nn.ConvTranspose2d(before, outer, 4, 2, 1, bias=False)]
        last = [nn.BatchNorm2d(outer), *([nn.Dropout(0.5)] if dropout else [])]
        self.layers = nn.Sequential(*down, *middle, *up, *last)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


def unet(channels: int = 64, depth: int = 8) -> nn.Module:
    """The U-Net of pix2pix for pictures of 2^depth pixels."""
    widths = [min(channels * 2**level, channels * 8) for level in range(depth)]
    inner = None
    for level in reversed(range(1, depth)):
        dropout = depth - 4 <= level < depth - 1
        inner = Skip(widths[level - 1], widths[level], inner, dropout=dropout)
    first, last = nn.Conv2d(3, channels, 4, 2, 1), nn.ConvTranspose2d(2 * channels, 3, 4, 2, 1)
    return started(nn.Sequential(first, inner, nn.ReLU(True), last, nn.Tanh()))


class Block(nn.Module):
    """A residual block of CycleGAN's generator."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        one, other = (
            [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
            for _ in range(2)
        )
        self.layers = nn.Sequential(*one, nn.ReLU(True), *other)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def resnet(channels: int = 64, blocks: int = 9) -> nn.Module:
    """CycleGAN's generator with InstanceNorm."""
    k = channels
    return started(
        nn.Sequential(
            *(nn.ReflectionPad2d(3), nn.Conv2d(3, k, 7), nn.InstanceNorm2d(k), nn.ReLU(True)),
            *(nn.Conv2d(k, 2 * k, 3, 2, 1), nn.InstanceNorm2d(2 * k), nn.ReLU(True)),
            *(nn.Conv2d(2 * k, 4 * k, 3, 2, 1), nn.InstanceNorm2d(4 * k), nn.ReLU(True)),
            *(Block(4 * k) for _ in range(blocks)),
            *(nn.ConvTranspose2d(4 * k, 2 * k, 3, 2, 1, 1), nn.InstanceNorm2d(2 * k)),
            *(nn.ReLU(True), nn.ConvTranspose2d(2 * k, k, 3, 2, 1, 1), nn.InstanceNorm2d(k)),
            *(nn.ReLU(True), nn.ReflectionPad2d(3), nn.Conv2d(k, 3, 7), nn.Tanh()),
        )
    )


def patch_judge(inputs: int, channels: int, norm: type[nn.Module]) -> nn.Module:
    """The discriminator of 70×70 patches."""
    k, bias = channels, norm is nn.InstanceNorm2d
    layers: list[nn.Module] = [nn.Conv2d(inputs, k, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for before, after, stride in ((k, 2 * k, 2), (2 * k, 4 * k, 2), (4 * k, 8 * k, 1)):
        convolution = nn.Conv2d(before, after, 4, stride, 1, bias=bias)
        layers += [convolution, norm(after), nn.LeakyReLU(0.2, True)]
    return started(nn.Sequential(*layers, nn.Conv2d(8 * k, 1, 4, 1, 1)))


class Pool:
    """Fifty generated pictures; every other time an old one is given for a new one."""

    def __init__(self) -> None:
        self.pictures: list[Tensor] = []

    def query(self, fake: Tensor) -> Tensor:
        return torch.cat([self._one(picture[None]) for picture in fake.detach()])

    def _one(self, picture: Tensor) -> Tensor:
        if len(self.pictures) < 50:
            self.pictures.append(picture)
            return picture
        place = random.randrange(100)
        if place >= 50:
            return picture
        old, self.pictures[place] = self.pictures[place], picture.clone()
        return old


def pix2pix_steps(a: Tensor, b: Tensor, channels: int = 64, depth: int = 8) -> Iterator[None]:
    """Steps without end on one pair, N×3×H×W; the discriminator goes first."""
    generator, judge = unet(channels, depth), patch_judge(6, channels, nn.BatchNorm2d)
    for_generator, for_judge = adam([generator]), adam([judge])
    gan, l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
    while True:
        fake = generator(a)
        movable([judge], True)
        for_judge.zero_grad()
        false, true = judge(torch.cat([a, fake.detach()], 1)), judge(torch.cat([a, b], 1))
        loss = 0.5 * (gan(false, torch.zeros_like(false)) + gan(true, torch.ones_like(true)))
        loss.backward()
        for_judge.step()
        movable([judge], False)
        for_generator.zero_grad()
        false = judge(torch.cat([a, fake], 1))
        (gan(false, torch.ones_like(false)) + 100 * l1(fake, b)).backward()
        for_generator.step()
        yield


def cyclegan_steps(a: Tensor, b: Tensor, channels: int = 64, blocks: int = 9) -> Iterator[None]:
    """Steps without end on one picture of each kind, N×3×H×W; the generators go first."""
    there, back = resnet(channels, blocks), resnet(channels, blocks)
    judges = [patch_judge(3, channels, nn.InstanceNorm2d) for _ in range(2)]
    for_generators, for_judges = adam([there, back]), adam(judges)
    mse, l1, pools = nn.MSELoss(), nn.L1Loss(), (Pool(), Pool())
    while True:
        fakes = there(a), back(b)
        returned = back(fakes[0]), there(fakes[1])
        movable(judges, False)
        for_generators.zero_grad()
        loss = 10 * (l1(returned[0], a) + l1(returned[1], b))
        loss = loss + 5 * (l1(there(b), b) + l1(back(a), a))
        for judge, fake in zip(judges, fakes, strict=True):
            logits = judge(fake)
            loss = loss + mse(logits, torch.ones_like(logits))
        loss.backward()
        for_generators.step()
        movable(judges, True)
        for_judges.zero_grad()
        for judge, pool, fake, real in zip(judges, pools, fakes, (b, a), strict=True):
            true, false = judge(real), judge(pool.query(fake))
            loss = mse(true, torch.ones_like(true)) + mse(false, torch.zeros_like(false))
            (0.5 * loss).backward()
        for_judges.step()
        yield


def adam(networks: Sequence[nn.Module]) -> torch.optim.Adam:
    weights = itertools.chain.from_iterable(each.parameters() for each in networks)
    return torch.optim.Adam(weights, lr=RATE, betas=BETAS)


def movable(networks: Iterable[nn.Module], yes: bool) -> None:
    """Whether the weights of `networks` get gradients."""
    for network in networks:
        network.requires_grad_(yes)


def started(network: nn.Module) -> nn.Module:
    """Weights of convolutions from N(0, 0.02²), those of BatchNorm from N(1, 0.02²)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network

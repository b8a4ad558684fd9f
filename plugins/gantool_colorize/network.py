"""The network that gives grey pictures their colours, and what colours are to it."""

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from gantool_colorize.encoders import Encoder, LiteEncoder
from gantool_colorize.resnet import WIDTHS, ResNet18

LUMA = (0.299, 0.587, 0.114)
"""Y′ of Rec.601 out of R, G and B."""
OFFSETS = ((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0))
"""What Cb and Cr, in [−½, ½], add to Y′ in R, G and B."""
STRIDE = 32
"""Both sides must be multiples of it."""


class ColourNet(nn.Module):
    """N×3×H×W in [0, 1], whose luma alone is looked at → the same luma in colours.

    A U-Net of residual blocks at 1/4, 1/8, 1/16 and 1/32 of the side, without normalisation; what
    the frame is as a whole is added at the innermost. Chroma is found at 1/4 and enlarged.
    An `encoder` takes the place of all that leads down. With a ResNet-18 the way up has its
    channels, too; what an EfficientNet-Lite sees is brought to those of `channels`.
    """

    def __init__(
        self, channels: int = 32, *, outputs: int = 2, encoder: Encoder | None = None
    ) -> None:
        super().__init__()
        widths = (channels, 2 * channels, 3 * channels, 3 * channels)
        if isinstance(encoder, ResNet18):
            widths = WIDTHS
        elif isinstance(encoder, LiteEncoder):
            self.lateral = nn.ModuleList(
                nn.Conv2d(seen, width, 1)
                for seen, width in zip(encoder.widths, widths, strict=True)
            )
        else:
            self.first = nn.Conv2d(1, channels // 2, 3, stride=2, padding=1)
            self.down = nn.ModuleList(
                nn.Conv2d(before, after, 3, stride=2, padding=1)
                for before, after in zip((channels // 2, *widths), widths, strict=False)
            )
            self.inward = nn.ModuleList(Residual(width) for width in widths)
        self.context = nn.Sequential(
            nn.Linear(widths[-1], widths[-1]), nn.ReLU(), nn.Linear(widths[-1], widths[-1])
        )
        self.drop = nn.Dropout2d(0.1)
        self.up = nn.ModuleList(
            nn.Conv2d(before, after, 1) for after, before in zip(widths, widths[1:], strict=False)
        )
        self.outward = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0], outputs, 3, padding=1)
        _start(self)
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        return coloured(luma(x), self.chroma_of(self.found(x)))

    def found(self, x: Tensor) -> Tensor:
        """N×outputs×H/4×W/4."""
        return self.outwards(*self.inwards(x))

    def chroma_of(self, found: Tensor) -> Tensor:
        """N×2×H×W: Cb and Cr, whether there is such a colour of that luma or not."""
        return enlarged(found)

    def inwards(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """What is seen at each level, and what the frame is as a whole, N×3k."""
        levels = self._levels(luma(x))
        return levels, self.context(relu(levels[-1]).mean((2, 3)))

    def _levels(self, y: Tensor) -> list[Tensor]:
        if isinstance(self.encoder, LiteEncoder):
            return [
                lateral(seen) for lateral, seen in zip(self.lateral, self.encoder(y), strict=True)
            ]
        return self.encoder(y) if self.encoder else self._own_levels(4 * y - 2)

    def _own_levels(self, x: Tensor) -> list[Tensor]:
        y = self.first(x)
        levels = []
        for down, block in zip(self.down, self.inward, strict=True):
            y = block(down(relu(y)))
            levels.append(y)
        return levels

    def outwards(self, levels: list[Tensor], whole: Tensor) -> Tensor:
        """N×outputs×H/4×W/4, of what `inwards` gives."""
        *outer, y = levels
        y = self.drop(y + whole[:, :, None, None])
        for up, block in zip(reversed(self.up), reversed(self.outward), strict=True):
            y = block(outer.pop() + interpolate(up(relu(y)), scale_factor=2.0, mode="nearest"))
        result: Tensor = self.last(relu(y))
        return result


class DiverseNet(ColourNet):
    """A ColourNet with one colouring for each z, N×latent: N(0, 1) are those that fit the picture.

    Which codes fit is told by what the picture is as a whole: code = mean + deviation·z.
    """

    def __init__(self, channels: int = 32, *, latent: int = 8) -> None:
        super().__init__(channels)
        self.likely = nn.Linear(3 * channels, 2 * latent)
        self.chosen = nn.Linear(latent, 3 * channels)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        levels, whole = self.inwards(x)
        mean, deviation = self.prior(whole)
        code = mean if z is None else mean + deviation * z
        return coloured(luma(x), self.chroma_of(self.decoded(levels, whole, code)))

    def prior(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the codes that fit, N×latent each."""
        return normal(self.likely(whole))

    def decoded(self, levels: list[Tensor], whole: Tensor, code: Tensor) -> Tensor:
        """N×2×H/4×W/4, for one code per picture."""
        return self.outwards(levels, whole + self.chosen(code))


class ChromaEncoder(nn.Module):
    """N×3×H×W in colours → mean and deviation of its code, N×latent each."""

    def __init__(self, channels: int = 32, *, latent: int = 8) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 3 * channels)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU())
                for before, after in itertools.pairwise(widths)
            )
        )
        self.told = nn.Linear(widths[-1], 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        small = avg_pool2d(torch.cat([luma(x) - 0.5, 4 * chroma_of(x)], 1), 4)
        return normal(self.told(self.layers(small).mean((2, 3))))


def normal(told: Tensor) -> tuple[Tensor, Tensor]:
    """N×2l → mean and deviation, N×l each."""
    mean, scale = told.chunk(2, 1)
    return mean, scale.clamp(-6, 3).exp()


class Residual(nn.Module):
    """x + two 3×3 convolutions of what is positive."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


def luma(x: Tensor) -> Tensor:
    """N×3×H×W → N×1×H×W."""
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def chroma_of(x: Tensor) -> Tensor:
    """N×3×H×W → N×2×H×W: Cb and Cr in [−½, ½]."""
    y = luma(x)
    return torch.cat([(x[:, 2:] - y) / OFFSETS[2][0], (x[:, :1] - y) / OFFSETS[0][1]], 1)


def offsets(chroma: Tensor) -> Tensor:
    """N×2×H×W → N×3×H×W: what a chroma adds to the luma in R, G and B."""
    blue, red = chroma[:, :1], chroma[:, 1:]
    return torch.cat([blue * of_blue + red * of_red for of_blue, of_red in OFFSETS], 1)


def coloured(y: Tensor, chroma: Tensor) -> Tensor:
    """N×3×H×W in [0, 1] of exactly this luma; chroma out of gamut is scaled into it."""
    added = offsets(chroma)
    room = torch.where(added > 0, 1 - y, y)
    share = (room / added.abs().clamp_min(1e-6)).amin(1, keepdim=True).clamp(0, 1)
    return y + share * added


def enlarged(chroma: Tensor) -> Tensor:
    """From a quarter of the side to the whole."""
    return interpolate(chroma, scale_factor=4.0, mode="bilinear", align_corners=False)


def _start(network: ColourNet) -> None:
    """As He et al. 2015 for what comes of ReLUs; the colours nearly grey."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # all have one
    nn.init.normal_(network.last.weight, 0.0, 0.005)


def restore(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The weights of a model file; one without z leaves a DiverseNet what it has to do with z.

    Raises KeyError where others are missing.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in tensors]
    if any(not name.startswith(("likely.", "chosen.")) for name in missing):
        raise KeyError(", ".join(missing))
    network.load_state_dict({name: tensors.get(name, had) for name, had in own.items()})

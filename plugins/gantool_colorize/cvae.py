"""Recipe `cvae-colorize`: many colourings of one grey photograph.

After Deshpande et al., «Learning Diverse Image Colorization», 2017: a conditional variational
autoencoder of colour fields. The code of a picture is drawn from one normal distribution that the
grey picture gives, not from a mixture, and decoded together with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gantool.training.layouts import find
from gantool.training.system import Batch, Contract, Export, Memory, Phase
from gantool_colorize.colorize import check, cosine, picture_error
from gantool_colorize.crops import ColourCrops, read_crops
from gantool_colorize.network import STRIDE, ChromaEncoder, DiverseNet, restore
from gantool_colorize.task import LATENT

PRESETS: Mapping[str, Mapping[str, object]] = {
    "tiny": {"channels": 8, "crop": 64, "batch": 4, "steps": 400},
    "fast": {"steps": 6_000},
    "full": {"channels": 64, "crop": 256, "batch": 32, "steps": 100_000},
}
COST = {"tiny": "1 min", "fast": "1 h", "full": "1 month"}


@dataclass(frozen=True)
class CvaeColorize:
    """Encoder q(z | colours) and generator p(colours | grey, z): error + kl·KL(q ‖ p(z | grey))."""

    networks: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    crop: int
    batch: int
    kl: float
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def dataset(self, root: Path, split: str) -> ColourCrops:
        return read_crops(find(root, split), self.crop, self.batch)

    def phases(self) -> Sequence[Phase]:
        return [Phase("generator", self.optimizer, cosine)]

    def loss(self, phase: Phase, batch: Batch, fraction: float) -> Mapping[str, Tensor]:
        network = self.networks["generator"]
        assert isinstance(network, DiverseNet)
        levels, whole = network.inwards(batch["input"])
        prior = network.prior(whole)
        mean, deviation = posterior = self.networks["encoder"](batch["target"])
        code = mean + deviation * torch.randn_like(mean)
        chroma = network.chroma_of(network.decoded(levels, whole, code)).float()
        return {
            "error": picture_error(chroma, batch["target"]),
            "kl": self.kl * divergence(posterior, prior),
        }

    def preview(self, networks: Mapping[str, nn.Module], batch: Batch) -> Mapping[str, Tensor]:
        grey, generator = batch["input"], networks["generator"]
        z = torch.linspace(-1, 1, LATENT, device=grey.device).expand(len(grey), -1)
        return {
            "input": grey,
            "result": generator(grey),
            "one": generator(grey, 1.5 * z),
            "another": generator(grey, -1.5 * z),
            "target": batch["target"],
        }

    def exports(self) -> Sequence[Export]:
        conditions = {"z": {"shape": [LATENT], "default": 0.0}}
        contract = Contract(
            "colorize", multiple=STRIDE, align=STRIDE, side=256, conditions=conditions
        )
        return [Export("generator", contract, lambda network: network, restore)]


def cvae_colorize(
    *,
    channels: int = 32,
    crop: int = 192,
    batch: int = 16,
    kl: float = 0.01,
    rate: float = 5e-4,
    decay: float = 0.01,
) -> CvaeColorize:
    """Many colourings of one grey photograph, by a conditional VAE. Data: a folder of photos.

    A model of the recipe colorize with as many channels fits, to start from.

    channels: of the network at a quarter of the side. crop: side of the squares trained on,
    pixels, a multiple of 32. batch: squares a step. kl: weight of the divergence: the smaller,
    the more the colourings differ. rate: of Adam, falling by a cosine. decay: of the weights.
    """
    check(crop)
    networks = {
        "generator": DiverseNet(channels, latent=LATENT),
        "encoder": ChromaEncoder(channels, latent=LATENT),
    }
    weights = [weight for network in networks.values() for weight in network.parameters()]
    optimizer = torch.optim.AdamW(weights, rate, weight_decay=decay)
    return CvaeColorize(networks, optimizer, crop, batch, kl)


def divergence(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """KL(one ‖ other) of normal distributions, mean and deviation N×l each; the mean over N."""
    (mean, deviation), (centre, width) = one, other
    ratio = deviation / width
    each = 0.5 * (ratio.square() + ((mean - centre) / width).square() - 1) - ratio.log()
    return each.sum(1).mean()

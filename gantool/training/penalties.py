"""What keeps a discriminator in its place: gradient penalties, clipping, smoothing, noise.

Pictures and other samples are N×…; a `critic` maps them to scores of any shape. Penalties are
computed in float32 whatever the precision around them.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    weight: float = 10.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """λ·E[(‖∇f(x̂)‖₂ − 1)²], x̂ = εx + (1 − ε)G(z) with one ε ~ U(0, 1) per sample.

    Gulrajani et al., «Improved Training of Wasserstein GANs», 2017, equation 3.
    """
    mix = torch.rand(_per_sample(real), generator=generator, device=real.device)
    return weight * _off_one(_gradient(critic, mix * real + (1 - mix) * fake))


def dragan_penalty(
    critic: Critic,
    real: Tensor,
    *,
    weight: float = 10.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """λ·E[(‖∇f(x + δ)‖₂ − 1)²], δ = ½·std(x)·U(0, 1) per sample and value, and one mix of both.

    Kodali et al., «On Convergence and Stability of GANs», 2017, algorithm 1.
    """
    noise = 0.5 * real.std() * torch.rand(real.shape, generator=generator, device=real.device)
    mix = torch.rand(_per_sample(real), generator=generator, device=real.device)
    return weight * _off_one(_gradient(critic, real + mix * noise))


def r1_penalty(critic: Critic, real: Tensor, *, weight: float = 1.0) -> Tensor:
    """(γ/2)·E[‖∇D(x)‖²] at the data.

    Mescheder et al., «Which Training Methods for GANs do actually Converge?», 2018, equation 9.
    """
    return weight / 2 * (_gradient(critic, real) ** 2).sum(dim=1).mean()


def r2_penalty(critic: Critic, fake: Tensor, *, weight: float = 1.0) -> Tensor:
    """(γ/2)·E[‖∇D(G(z))‖²] at the generator's samples. Mescheder et al. 2018, equation 10."""
    return r1_penalty(critic, fake, weight=weight)


@torch.no_grad()
def clip_weights(network: nn.Module, limit: float) -> None:
    """Every parameter into [−c, c], in place. Arjovsky et al., «Wasserstein GAN», 2017."""
    for parameter in network.parameters():
        parameter.clamp_(-limit, limit)


def feature_matching(real: Iterable[Tensor], fake: Iterable[Tensor]) -> Tensor:
    """Mean L1 between the discriminator's features of x (held fixed) and of G(z), by layer.

    Salimans et al., «Improved Techniques for Training GANs», 2016; Wang et al., «pix2pixHD», 2018.
    """
    gaps = [(theirs.detach() - ours).abs().mean() for theirs, ours in zip(real, fake, strict=True)]
    return torch.stack(gaps).mean()


def smoothed(target: Tensor, amount: float = 0.1) -> Tensor:
    """Targets of 1 for real samples become 1 − amount; 0 stays 0 (one-sided).

    Salimans et al. 2016, section 3.4.
    """
    return target * (1 - amount)


def instance_noise(
    sample: Tensor,
    fraction: float,
    *,
    sigma: float = 0.1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`sample` + N(0, σ²) whose σ falls linearly to 0 over the training's `fraction` in [0, 1].

    Sønderby et al., «Amortised MAP Inference for Image Super-resolution», 2017; Arjovsky and
    Bottou, «Towards Principled Methods for Training GANs», 2017.
    """
    noise = torch.randn(sample.shape, generator=generator, device=sample.device)
    return sample + sigma * max(0.0, 1 - fraction) * noise


def diff_augment(sample: Tensor, *, shift: float = 0.125, cut: float = 0.5) -> Tensor:
    """Return N×C×H×W moved by up to `shift` of its sides, with a square of `cut` of them at 0.

    Differentiable, for what the discriminator sees of real and generated pictures alike, so that
    it cannot learn a few pictures by heart. Zhao et al., «Differentiable Augmentation for
    Data-Efficient GAN Training», 2020, policies translation and cutout. Draws from torch's
    default generator, for each sample anew.
    """
    count, _, height, width = sample.shape
    rows, columns = (_moved(count, side, shift, sample.device) for side in (height, width))
    seen = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None, :]
    seen &= ~(
        _covered(count, height, cut, sample)[:, :, None]
        & _covered(count, width, cut, sample)[:, None, :]
    )
    each = torch.arange(count, device=sample.device)[:, None, None]
    places = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    moved = sample.permute(0, 2, 3, 1)[each, places[0], places[1]].permute(0, 3, 1, 2)
    return moved * seen[:, None]


class History:
    """The last generated pictures; a discriminator that sees them forgets less.

    Half of what `mix` gives back are older pictures, once `size` are stored. Shrivastava et al.,
    «Learning from Simulated and Unsupervised Images …», 2017, section 2.3. It draws from a
    generator of its own; `state` and `restore` make a resumed run the same.
    """

    def __init__(self, size: int = 50, seed: int = 0) -> None:
        self.size = size
        self.pictures: list[Tensor] = []
        self.random = torch.Generator().manual_seed(seed)

    def mix(self, batch: Tensor) -> Tensor:
        """N×… → N×…, detached: each sample, or in its place an older one that it replaces."""
        return torch.stack([self._exchange(sample) for sample in batch.detach()])

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        kept = {"random": self.random.get_state()}
        if self.pictures:  # those restored are on the CPU, newer ones may be elsewhere
            kept["pictures"] = torch.stack([each.cpu() for each in self.pictures])
        return kept

    def restore(self, state: dict[str, Tensor]) -> None:
        self.random.set_state(state["random"])
        self.pictures = list(state["pictures"]) if "pictures" in state else []

    def _exchange(self, sample: Tensor) -> Tensor:
        if not sample.isfinite().all():
            return sample  # of a step that will be skipped
        if len(self.pictures) < self.size:
            self.pictures.append(sample.clone())
            return sample
        if torch.rand((), generator=self.random) < 0.5:
            return sample
        place = int(torch.randint(self.size, (), generator=self.random))
        older, self.pictures[place] = self.pictures[place], sample.clone()
        return older.to(sample.device)


def _moved(count: int, side: int, share: float, device: torch.device) -> Tensor:
    """N×side: where each place of a moved picture comes from, beyond its edges too."""
    most = round(share * side)
    by = torch.randint(-most, most + 1, (count, 1)).to(device)
    return torch.arange(side, device=device) + by


def _inside(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)


def _covered(count: int, side: int, share: float, like: Tensor) -> Tensor:
    """N×side: a stretch of `share` of the side, its centre anywhere."""
    centre = torch.randint(side, (count, 1)).to(like.device)
    return (torch.arange(side, device=like.device) - centre).abs() < share * side / 2


def _gradient(critic: Critic, at: Tensor) -> Tensor:
    """N×values: the gradient of the summed scores for every sample, kept differentiable."""
    with torch.autocast(at.device.type, enabled=False):
        point = at.detach().float().requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return slope.flatten(1)


def _off_one(gradient: Tensor) -> Tensor:
    norms: Tensor = gradient.norm(2, dim=1)
    return ((norms - 1) ** 2).mean()


def _per_sample(batch: Tensor) -> tuple[int, ...]:
    return (len(batch), *[1] * (batch.ndim - 1))

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

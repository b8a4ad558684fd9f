"""Codes of given faces: the z whose G(z, y) is x, in pixels or as the same person.

Antipov, Baccouche and Dugelay, «Face Aging With Conditional Generative Adversarial Networks», 2017,
sections 2.2 and 2.3.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Drawing = Callable[[Tensor], Tensor]
"""Codes N×l → faces N×3×s×s of one age: z ↦ G(z, y)."""
Features = Callable[[Tensor], Tensor]
"""Faces N×3×s×s → N×d; the faces themselves for the optimisation by pixels."""


def latent_distance(found: Tensor, z: Tensor) -> Tensor:
    """E‖z − E(G(z, y))‖₂, N×l each: what the encoder learns by."""
    away: Tensor = torch.linalg.vector_norm(found.float() - z.float(), dim=1)
    return away.mean()


def likeness_distance(one: Tensor, other: Tensor) -> Tensor:
    """‖FR(x) − FR(x̄)‖₂ of features N×…, for each of N."""
    away: Tensor = torch.linalg.vector_norm((one - other).float().flatten(1), dim=1)
    return away


def preserved(draw: Drawing, features: Features, x: Tensor, z0: Tensor, *, steps: int) -> Tensor:
    """z* = argmin ‖FR(x) − FR(G(z, y₀))‖₂, from z₀ by `steps` of L-BFGS: N×l.

    `draw` is G(·, y₀) at the face's own age. Where that leads nowhere, z₀ itself.
    """
    wanted = features(x).detach()

    def distance(z: Tensor) -> Tensor:
        return likeness_distance(wanted, features(draw(z))).sum()

    z = z0.detach().clone().requires_grad_(True)
    descent = torch.optim.LBFGS([z], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        found = distance(z)
        (z.grad,) = torch.autograd.grad(found, [z])
        return found

    with torch.enable_grad():
        descent.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    with torch.no_grad():
        return z.detach() if distance(z) < distance(z0) else z0

"""Weights of a generator's terms, kept so that each pulls at the pixels as hard as it is to."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

REFERENCE = "l1"


class Balance:
    """Weights that make a term's gradient on the pixels `ratios` times that of L1.

    They are measured in the first step that has the term and in every `every`th step of all. A
    weight falls at once to what is measured, and rises half of the way (the geometric mean). One
    with a limit is never above it. `state` and `restore` make a resumed run the same.
    """

    def __init__(
        self,
        ratios: Mapping[str, float],
        *,
        limits: Mapping[str, float] | None = None,
        every: int = 400,
    ) -> None:
        self.ratios, self.limits, self.every = ratios, limits or {}, every
        self.weights: dict[str, float] = {}
        self.step = 0

    def weigh(self, terms: Mapping[str, Tensor], pixels: Tensor) -> dict[str, Tensor]:
        """Return `terms` with those that have a ratio weighted; `pixels` is what they are of.

        One call is one step. Terms must not be weighted before.
        """
        known = [name for name in terms if name in self.ratios]
        due = self.step % self.every == 0
        for name in [name for name in known if due or name not in self.weights]:
            self._measure(name, terms, pixels)
        self.step += 1
        return {
            name: self.weights.get(name, 0.0) * term if name in known else term
            for name, term in terms.items()
        }

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        weights = {
            name: torch.tensor(value, dtype=torch.float64) for name, value in self.weights.items()
        }
        return {"step": torch.tensor(self.step), **{f"of.{name}": w for name, w in weights.items()}}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.step = int(state["step"])
        self.weights = {
            name.removeprefix("of."): float(value)
            for name, value in state.items()
            if name.startswith("of.")
        }

    def _measure(self, name: str, terms: Mapping[str, Tensor], pixels: Tensor) -> None:
        """Take in the weight that this batch asks for; one that is not finite is left out."""
        reference, own = (_pull(terms[each], pixels) for each in (REFERENCE, name))
        asked = self.ratios[name] * reference / own if own else math.inf
        asked = min(asked, self.limits.get(name, math.inf))
        if math.isfinite(asked) and asked > 0:
            before = self.weights.get(name, asked)
            self.weights[name] = min(asked, math.sqrt(before * asked))


def _pull(term: Tensor, pixels: Tensor) -> float:
    """Return the norm of its gradient on the pixels."""
    (gradient,) = torch.autograd.grad(term, pixels, retain_graph=True)
    return float(gradient.float().norm())

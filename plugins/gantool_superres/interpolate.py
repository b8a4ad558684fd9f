"""A model between two of one architecture: less invented than the one, sharper than the other.

    python -m gantool_superres.interpolate warm.onnx gan.onnx 0.8 photo-x4.onnx [--licence …]
    python -m gantool_superres.interpolate taught/taught.onnx sharp/sharp.onnx 0.5 photo-x4.onnx

Network interpolation, Wang et al., «ESRGAN: Enhanced Super-Resolution Generative Adversarial
Networks», 2018, section 3.4: of two models, the second trained on from the first, every weight is
(1 − share) of the first's and `share` of the second's.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gantool.errors import UsageError
from gantool.export import export
from gantool.training import weights
from gantool.training.system import System
from gantool_superres.distilled import superres_distilled
from gantool_superres.srgan import srgan

RECIPES: Mapping[str, Callable[..., System]] = {
    "srgan": srgan,
    "superres-distilled": superres_distilled,
}
"""Those whose later models are trained on from earlier ones."""


def between(
    one: Mapping[str, Tensor], other: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """`share` of the second's weights and the rest of the first's.

    Raises UsageError where their names or shapes differ.
    """
    shapes = [{name: each.shape for name, each in model.items()} for model in (one, other)]
    if shapes[0] != shapes[1]:
        raise UsageError("the networks differ: give two models of one architecture")
    return {name: torch.lerp(each, other[name], share) for name, each in one.items()}


def interpolate(
    one: Path, other: Path, share: float, output: Path, *, facts: Mapping[str, str]
) -> None:
    """Write the model between two of one of RECIPES; `facts` are its name, licence and data."""
    recipe, options = weights.options(other)
    if recipe not in RECIPES:
        known = " or ".join(RECIPES)
        raise UsageError(f"{other}: not made by {known}: give a model file of that recipe")
    system = RECIPES[recipe](**options | {"quantise": ""})
    (wanted,) = system.exports()
    network = system.networks[wanted.network]
    wanted.restore(network, between(weights.stored(one), weights.stored(other), share))
    made = {"name": recipe, "options": options, "interpolated": share}
    export(network, wanted, output, facts={**facts, "recipe": made})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("one", type=Path, metavar="FIRST.onnx")
    parser.add_argument("other", type=Path, metavar="SECOND.onnx")
    parser.add_argument("share", type=float)
    parser.add_argument("output", type=Path, metavar="FILE.onnx")
    parser.add_argument("--name")
    parser.add_argument("--licence", default="")
    parser.add_argument("--data", default="")
    given = parser.parse_args(arguments)
    facts = {"name": given.name or given.output.stem, "licence": given.licence, "data": given.data}
    interpolate(given.one, given.other, given.share, given.output, facts=facts)


if __name__ == "__main__":
    main()

"""Mix the weights of two model files of one recipe: network interpolation.

    python weights/interpolate.py early.onnx late.onnx 0.5 monet.onnx --name monet --licence CC0-1.0

Wang et al., «ESRGAN», 2018, section 3.4: every weight is (1 − share) of the first's and `share` of
the second's, which was trained on from it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gantool import api
from gantool.export import export
from gantool.training import weights
from gantool_superres.interpolate import between


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("early", type=Path)
    parser.add_argument("late", type=Path)
    parser.add_argument("share", type=float, help="of the late one, 0 to 1")
    parser.add_argument("output", type=Path)
    for name in ("name", "licence", "data"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args(arguments)
    recipe, options = weights.options(given.late)
    system = api.registry().recipes[recipe].load()(**options)
    (wanted,) = system.exports()
    network = system.networks[wanted.network]
    files = (weights.stored(each) for each in (given.early, given.late))
    wanted.restore(network, between(*files, given.share))
    made = {"name": recipe, "options": options, "interpolated": given.share}
    facts = {"name": given.name, "licence": given.licence, "data": given.data, "recipe": made}
    export(network, wanted, given.output, facts=facts)


if __name__ == "__main__":
    main()

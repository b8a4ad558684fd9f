"""Make a shipped model anew, with one command.

    python weights/build.py NAME [--data ../shared/data] [-o runs/NAME]

does all phases of `weights/recipes/NAME.toml` in turn, exports, runs the gates and prints the
card's figures. Stopped or killed, it goes on with the same command; what is finished is not done
again. README.md beside this file says more.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from builder import building, processes, recipe_file
from builder.plan import Build
from gantool.errors import GantoolError

SECONDS = {"s": 1, "m": 60, "h": 3600}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 1 where a gate is missed; errors have those of gantool."""
    given = _parse(arguments)
    processes.exit_on_signal()
    try:
        return building.build_model(_plan(given), measured=not given.no_gates)
    except GantoolError as error:
        print(f"build: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _plan(given: argparse.Namespace) -> Build:
    file = given.recipe if given.recipe.suffix == ".toml" else None
    recipe = recipe_file.read_recipe(file or recipe_file.find_recipe(str(given.recipe)))
    if given.gpu or given.device.startswith("cuda"):
        recipe = recipe_file.for_gpu(recipe)
    if given.trial:
        recipe = recipe_file.for_trial(recipe)
    return Build(
        recipe=recipe,
        data=given.data.resolve(),
        folder=(given.output or Path("runs") / recipe.name).resolve(),
        device=given.device,
        trial=given.trial,
        seconds=given.max_time,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("recipe", type=Path, metavar="NAME", help="of weights/recipes, or a .toml file")
    add("--data", type=Path, default=Path("../shared/data"), help="the folder of all data")
    add("-o", "--output", type=Path, metavar="RUN", help="[default: runs/NAME]")
    add("--device", default="auto", help="as of gantool train; cuda takes section [gpu] as well")
    add("--gpu", action="store_true", help="take section [gpu] on any device")
    add("--max-time", type=_seconds, metavar="30m", help="share it between all trainings")
    add("--no-gates", action="store_true", help="end with the model file; gates and figures later")
    add("--trial", action="store_true", help="a few steps on a few pictures, to see that all goes")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: must be like 2h, 30m or 90s")
    return float(match[1]) * SECONDS[match[2]]


if __name__ == "__main__":
    sys.exit(main())

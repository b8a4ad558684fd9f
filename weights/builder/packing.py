"""What a machine without a registry needs, in one file: pictures, feature networks, wheels."""

import dataclasses
import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image

from builder.data_folders import list_pictures
from builder.options import resolve_options
from builder.processes import ROOT
from builder.recipe_file import ModelRecipe, Pack, placeholders
from gantool.errors import GantoolError, UsageError
from gantool.training import foreign
from gantool.training.data import read_eight_bit
from gantool.training.networks import efficientnet

WHEELS = ("simplejpeg", "isal", "typer", "annotated-doc")
"""Imported by a training and not to be expected beside PyTorch."""
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1")
HEAD = ("_conv_head", "_bn1", "_fc")
"""Of EfficientNet-Lite: behind the features that are looked at."""


def find_pictures(recipes: Sequence[ModelRecipe], data: Path) -> dict[Path, Pack | None]:
    """Return all pictures of the recipes' sources, and the finest way in which one stores them.

    None are those that no training takes: their names count where each tenth is chosen. Raises
    UsageError for a source without pictures.
    """
    found: dict[Path, Pack | None] = {}
    for recipe in recipes:
        used = {phase.on for phase in recipe.phases if phase.on}
        parts = [part for name in sorted(used) for part in recipe.folders[name].values()]
        for source in (each for part in parts for each in part):
            if placeholders(source.pictures):
                continue
            place = data / source.pictures
            everything = list_pictures(dataclasses.replace(source, every=1, rest=False), place)
            if not everything:
                raise UsageError(f"{recipe.name}: no picture in {place}")
            for path in everything:
                found.setdefault(path, None)
            for path in list_pictures(source, place):
                found[path] = _finer(found[path] or recipe.pack, recipe.pack)
    return dict(sorted(found.items()))


def encode(path: Path, how: Pack | None) -> bytes:
    """Return WebP of at most the side, or the file as it is where that is smaller.

    Nothing for None. Raises ItemError.
    """
    if how is None:
        return b""
    frame = Image.fromarray(read_eight_bit(path))
    reduced = max(frame.size) > how.side
    if reduced:
        frame.thumbnail((how.side, how.side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    frame.save(stream, "WEBP", quality=how.quality, method=4, use_sharp_yuv=True)
    content = stream.getvalue()
    return content if reduced else min(content, path.read_bytes(), key=len)


def find_features(recipes: Sequence[ModelRecipe]) -> list[str]:
    """Return the feature networks that the trainings name: lite0, lite1."""
    trainings = [
        resolve_options(recipe, phase)
        for recipe in recipes
        for phase in recipe.phases
        if phase.train
    ]
    values = {
        str(value)
        for options in trainings
        for name, value in options.items()
        if _is_read(name, options)
    }
    return sorted(values & {*efficientnet.DEPTHS})


def _is_read(name: str, options: Mapping[str, object]) -> bool:
    """Whether a training reads the file of this option: not what only a projected judge needs."""
    if options.get("discriminator", "projected") == "projected":
        return True
    return name != ("projection" if "projection" in options else "features")


def pack_features(name: str) -> bytes:
    """Return the network's weights as `.pth`, kernels in half precision, without its classifier."""
    weights = foreign.weights(efficientnet._installed(name))
    kept = {
        key: tensor.half() if tensor.ndim == 4 else tensor
        for key, tensor in weights.items()
        if not key.startswith(HEAD)
    }
    content = io.BytesIO()
    torch.save(kept, content)
    return content.getvalue()


def download_wheels(names: Sequence[str], folder: Path) -> list[Path]:
    """Return wheels for CPython 3.12 on x86-64 Linux, of the versions in constraints.txt."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", "-d", str(folder)]
    command += [f"--platform={each}_x86_64" for each in PLATFORMS]
    done = subprocess.run([*command, *(f"{name}=={pinned[name]}" for name in names)])
    if done.returncode:
        raise GantoolError(f"pip download of {', '.join(names)} failed: see above, or --no-wheels")
    return sorted(folder.glob("*.whl"))


def write_tar(path: Path, files: Iterator[tuple[str, bytes]]) -> Mapping[str, int]:
    """Write the files into one tar, whole or not at all; return the bytes in each folder."""
    sizes: dict[str, int] = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with tarfile.open(draft, "w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
            folder = str(Path(name).parent)
            sizes[folder] = sizes.get(folder, 0) + len(content)
    shutil.move(draft, path)
    return sizes


def _finer(one: Pack, other: Pack) -> Pack:
    return Pack(side=max(one.side, other.side), quality=max(one.quality, other.quality))

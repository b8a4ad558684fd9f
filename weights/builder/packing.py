"""What a machine without a registry needs, in one file: pictures, feature networks, wheels."""

import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Picture:
    """One of the data folder, and how it is stored."""

    path: Path
    name: str
    """Relative to the data folder, without ending."""
    how: Pack


def find_pictures(recipes: Sequence[ModelRecipe], data: Path) -> list[Picture]:
    """Return all pictures that the recipes train on; the finest of their ways to store each.

    Raises UsageError for a source without pictures.
    """
    found: dict[Path, Pack] = {}
    for recipe in recipes:
        used = {phase.on for phase in recipe.phases if phase.on}
        parts = [part for name in sorted(used) for part in recipe.folders[name].values()]
        for source in (each for part in parts for each in part):
            if placeholders(source.pictures):
                continue
            paths = list_pictures(source, data / source.pictures)
            if not paths:
                raise UsageError(f"{recipe.name}: no picture in {data / source.pictures}")
            for path in paths:
                found[path] = _finer(found.get(path, recipe.pack), recipe.pack)
    return [
        Picture(path, str(path.relative_to(data).with_suffix("")), how)
        for path, how in sorted(found.items())
    ]


def encode(picture: Picture) -> tuple[str, bytes]:
    """Return its ending and content: WebP of at most the side, or the file where that is smaller.

    Raises ItemError.
    """
    frame = Image.fromarray(read_eight_bit(picture.path))
    original = picture.path.read_bytes()
    reduced = max(frame.size) > picture.how.side
    if reduced:
        frame.thumbnail((picture.how.side, picture.how.side), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    frame.save(content, "WEBP", quality=picture.how.quality, method=4, use_sharp_yuv=True)
    if not reduced and len(original) <= len(content.getvalue()):
        return picture.path.suffix, original
    return ".webp", content.getvalue()


def find_features(recipes: Sequence[ModelRecipe]) -> list[str]:
    """Return the feature networks that the trainings name: lite0, lite1."""
    values = {
        str(value)
        for recipe in recipes
        for phase in recipe.phases
        if phase.train
        for value in resolve_options(recipe, phase).values()
    }
    return sorted(values & {*efficientnet.DEPTHS})


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

"""The recipe file of a model, `weights/recipes/NAME.toml`: read, checked, typed."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from builder.tables import fill_table, hint, refuse_unknown
from gantool.errors import UsageError

RECIPES = Path(__file__).parent.parent / "recipes"
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
PLACEHOLDER = re.compile(r"\{([\w-]+)\}")
OWN = ("data", "run", "model", "name", "licence", "output", "folder")
"""Placeholders that are no phase: see README.md."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Pictures of the data folder, or of what a phase has drawn: a folder, or a pattern of names.

    Of the sorted pictures every `every`th is taken, or with `rest` the others; by `hash`, those
    whose name has a SHA-256 that `every` divides.
    """

    pictures: str
    without: str = ""
    every: int = 1
    rest: bool = False
    by: Literal["order", "hash"] = "order"
    times: int = 1
    """How often each of them is in the folder: its share of a mix."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A training (`train`, `on` a folder), or any command (`run`) that makes a file or a folder."""

    name: str
    train: str = ""
    on: str = ""
    init: str = ""
    """A phase (all its networks), `PHASE.onnx` (its generator), a model's name, or a file."""
    preset: str = "fast"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    precision: str = ""
    stop: int = 0
    """The step to stop at, before the schedule's end; 0 is none."""
    share: float = 1.0
    """Of the time that --max-time gives to all phases."""
    run: str = ""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """Stands over the phases on a GPU: for all of them, and for one by name."""

    precision: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    phases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pack:
    """How `pack.py` stores this model's pictures: the longest side, pixels, and WebP's quality."""

    side: int = 4096
    quality: int = 90


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """Everything that a shipped model is made from."""

    name: str
    model: str
    """Its name in the catalogue."""
    ships: str
    """Its file, and below its card, in the repository."""
    card: str
    licence: str
    data: str
    """What it is trained on, in words: for the contract."""
    machine: str
    hours: float
    seed: int = 0
    precision: str = "fp32"
    folders: Mapping[str, Mapping[str, Sequence[Source]]] = field(default_factory=dict)
    """Parts of each folder (`trainA`; `.` is the folder itself) and what is in them."""
    phases: Sequence[Phase]
    gates: Sequence[str] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    gpu: Gpu = Gpu()
    pack: Pack = Pack()

    def find_phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


def find_recipe(name: str, folder: Path = RECIPES) -> Path:
    """Return the file of a recipe, named as the model is. Raises UsageError with the nearest."""
    known = sorted(path.stem for path in folder.glob("*.toml"))
    name = name.replace("/", "-")
    if name not in known:
        raise UsageError(f"no model recipe {name}: {hint(name, known)}")
    return folder / f"{name}.toml"


def read_recipe(path: Path) -> ModelRecipe:
    """Return what the file says. Raises UsageError, one line that names file and key."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        said["phases"] = [fill_table(Phase, each, "phases: ") for each in said.get("phases", [])]
        said["folders"] = {
            name: _read_parts(name, parts) for name, parts in said.get("folders", {}).items()
        }
        for key, kind in (("gpu", Gpu), ("pack", Pack)):
            said[key] = fill_table(kind, said.get(key, {}), f"{key}: ")
        recipe = fill_table(ModelRecipe, {**said, "name": path.stem})
        _check_references(recipe)
    except (OSError, ValueError, UsageError) as error:
        raise UsageError(f"{path}: {error}") from error
    return recipe


def for_gpu(recipe: ModelRecipe) -> ModelRecipe:
    """Return the recipe with its section `[gpu]` over the phases."""
    gpu = recipe.gpu
    phases = []
    for phase in recipe.phases:
        own = dict(gpu.phases.get(phase.name, {}))
        options = {**phase.options, **gpu.options, **own.pop("options", {})} if phase.train else {}
        more = {"precision": gpu.precision or phase.precision, **own}
        phases.append(dataclasses.replace(phase, options=options, **more))
    return dataclasses.replace(recipe, phases=tuple(phases))


def for_trial(recipe: ModelRecipe, steps: int = 4) -> ModelRecipe:
    """Return the recipe with a few steps of two samples in each phase, to see whether all goes."""
    phases = []
    for phase in recipe.phases:
        if phase.train:
            options = {**phase.options, "steps": steps, "batch": 2}
            stop = min(phase.stop, steps - 1)
            phase = dataclasses.replace(phase, options=options, stop=stop)
        phases.append(phase)
    return dataclasses.replace(recipe, phases=tuple(phases))


def placeholders(text: str) -> list[str]:
    """Return the names in braces."""
    return PLACEHOLDER.findall(text)


def needed_files(phase: Phase, recipe: ModelRecipe) -> set[str]:
    """Return the phases whose model file, or drawn folder, this phase starts from."""
    texts = [phase.run, *(str(value) for value in phase.options.values())]
    texts += [each.pictures for part in recipe.folders.get(phase.on, {}).values() for each in part]
    named = {name for text in texts for name in placeholders(text)} - {*OWN}
    return named | ({phase.init.removesuffix(".onnx")} if phase.init.endswith(".onnx") else set())


def _read_parts(name: str, parts: Any) -> dict[str, list[Source]]:
    """Return the sources of each part; a list of them is a folder without parts."""
    parts = parts if isinstance(parts, dict) else {".": parts}
    return {
        part: [
            fill_table(Source, {"pictures": each} if isinstance(each, str) else each, f"{name}: ")
            for each in sources
        ]
        for part, sources in parts.items()
    }


def _check_references(recipe: ModelRecipe) -> None:
    """Raise UsageError for phases, folders and placeholders that the file does not have."""
    if not recipe.phases:
        raise UsageError("phases is missing: there is nothing to do")
    earlier: list[str] = []
    for phase in recipe.phases:
        if not NAME.fullmatch(phase.name) or phase.name in OWN or phase.name in earlier:
            raise UsageError(
                f"phase {phase.name}: must have a name of its own, of a-z, 0-9 and -, "
                f"and not {', '.join(OWN)}"
            )
        if bool(phase.train) == bool(phase.run):
            raise UsageError(f"phase {phase.name}: must have one of train and run")
        if phase.train:
            refuse_unknown(f"phase {phase.name}: on", phase.on, recipe.folders)
        for name in needed_files(phase, recipe):
            refuse_unknown(f"phase {phase.name}: phase", name, earlier)
        earlier.append(phase.name)
    for name, own in recipe.gpu.phases.items():
        refuse_unknown("gpu: phase", name, earlier)
        fill_table(Phase, {**own, "name": name}, f"gpu: {name}: ")
    for text in (*recipe.gates, *recipe.figures.values()):
        for name in placeholders(text):
            refuse_unknown(f"{text}: placeholder", name, [*OWN[:5], *earlier])

"""From what the user gives to a run that can start or go on; what cannot is refused here."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import DeviceError, UsageError
from gantool.training import weights, workers
from gantool.training.options import Presets, TrainOptions, parameter, resolve
from gantool.training.run import Run
from gantool.training.settings import FILE, Settings

if TYPE_CHECKING:
    from gantool.training.options import Recipe


def prepare(
    recipe: str,
    function: "Recipe",
    presets: Presets,
    dataset: Path,
    options: TrainOptions,
    *,
    init: Path | None = None,
) -> Run:
    """A new run, or with `resume` the one that is in its folder; nothing is written yet.

    `init` is the file or the run to take the first weights from. Raises UsageError where the
    folder is in use, and where a run that goes on is given other options than it was started with.
    """
    group = workers.join(device(options.device))
    folder = options.output or Path(f"{dataset.resolve().name}-{recipe}")
    started = (folder / FILE).exists()
    if started and not options.resume:
        raise UsageError(f"{folder}: a training run already: go on with --resume, or choose -o")
    if not dataset.is_dir():
        raise UsageError(f"{dataset}: no such folder: give a folder of pictures to train on")
    if options.precision not in (None, "fp32", "bf16"):
        raise UsageError(f"--precision {options.precision}: there are fp32 and bf16")
    values = _values(recipe, function, presets, options, init)
    settings = _settings(recipe, dataset, values, options)
    if started:
        settings = _same(folder, Settings.read(folder), settings, options)
    group.highest(0)  # until all have looked into the folder, none writes
    return Run(function, folder, settings, dataset, workers=group, init=init)


def _values(
    recipe: str, function: "Recipe", presets: Presets, options: TrainOptions, init: Path | None
) -> dict[str, Any]:
    """The recipe's options and `steps`; what is not given is as in `init`, but for its data."""
    maker, start = weights.options(init) if init is not None else ("", {})
    if maker not in ("", recipe):
        start = {}  # another recipe's: its options mean other things
    start.pop("from_", None)
    return resolve(function, presets, options.preset, options.given, start=start)


def _settings(
    recipe: str, dataset: Path, values: dict[str, Any], options: TrainOptions
) -> Settings:
    return Settings(
        recipe,
        {name: value for name, value in values.items() if name != "steps"},
        dataset.resolve().name,
        values["steps"],
        seed=options.seed or 0,
        precision=options.precision or "fp32",
        accumulate=options.accumulate or 1,
        init=options.init or "",
    )


def _same(folder: Path, saved: Settings, new: Settings, options: TrainOptions) -> Settings:
    """`saved`, if what was given agrees with it; only how it is computed may change."""
    if saved.recipe != new.recipe:
        raise UsageError(f"{folder}: a run of {saved.recipe}, not of {new.recipe}")
    given = {parameter(key) for key in options.given}
    given |= {name for name in ("seed", "init") if getattr(options, name) is not None}
    before, now = _flat(saved), _flat(new)
    for name in sorted(given):
        if now[name] != before[name]:
            raise UsageError(f"{folder}: was started with {name}={before[name]}, and keeps it")
    return dataclasses.replace(
        saved,
        precision=options.precision or saved.precision,
        accumulate=options.accumulate or saved.accumulate,
    )


def _flat(settings: Settings) -> Mapping[str, Any]:
    own = {"steps": settings.steps, "seed": settings.seed, "init": settings.init}
    return {**settings.options, **own}


def device(name: str) -> str:
    """torch's device for `--device name`. Raises DeviceError where it is not available."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name != "cpu" and not (name.startswith("cuda") and torch.cuda.is_available()):
        raise DeviceError(f"--device {name}: this PyTorch cannot use it; try --device cpu")
    return name

"""Training: from a folder of pictures to a model, and how good it is."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.api.installed import own_name, registry
from gantool.api.installed import recipe as function_of
from gantool.api.opening import ask, load
from gantool.api.pulling import available
from gantool.errors import UsageError
from gantool.training.options import Limits, TrainOptions, names_model

if TYPE_CHECKING:
    from gantool.evaluation import Evaluation
    from gantool.runtime.session import Session
    from gantool.training.inspection import Inspection
    from gantool.training.loop import Progress
    from gantool.training.monitors import Event
    from gantool.training.options import Recipe
    from gantool.training.pair_files import Pairing
    from gantool.training.run import Run
    from gantool.training.system import System


def check_data(folder: Path) -> Inspection:
    """The layout of a folder of training pictures; `look` at its pictures, then ask for `remarks`.

    Raises UsageError where it cannot be trained on.
    """
    from gantool.training.inspection import Inspection

    return Inspection(folder)


def describe_data(folder: Path) -> str:
    """One line on what would be trained on and looked at. Raises UsageError, ItemError."""
    from gantool.training import layouts

    return layouts.describe(folder)


def make_pairs(folder: Path, made_from: str, output: Path, *, overwrite: bool = False) -> Pairing:
    """Pairs of `folder`'s pictures, input `made_from` them, to be written to `output/A`, `/B`.

    Raises UsageError before anything is written; `write` of what it gives yields pair by pair.
    """
    from gantool.training import pair_files

    return pair_files.plan(folder, made_from, output, overwrite=overwrite)


def prepare_training(recipe: str, dataset: Path, options: TrainOptions) -> Run:
    """A run ready to start or to go on; nothing is written yet.

    Raises UsageError for unknown recipes, options, presets, and for a folder that is in use.
    """
    recipe = own_name(recipe)
    function, presets = function_of(recipe)
    from gantool.training import start

    init = _start_of(options.init, options.accept_licence) if options.init else None
    function = _with_files(function, options.accept_licence)
    return start.prepare(recipe, function, presets, dataset, options, init=init)


def train(run: Run, limits: Limits | None = None) -> Generator[Progress | Event, None, None]:
    """Train on; yields what each step did and what is to be told. Closing it saves.

    Raises GantoolError where it cannot go on; what was saved is there to resume from.
    """
    from gantool.training import session

    return session.train(run, limits)


def _with_files(function: Recipe, accept_licence: str | None) -> Recipe:
    """The recipe as it takes models by name: it is given their files, and runs keep the names."""

    @functools.wraps(function)
    def of_names(**options: Any) -> System:
        files = {
            name: str(_file_of(value, accept_licence))
            for name, value in options.items()
            if value and names_model(function, name)
        }
        return function(**{**options, **files})

    return of_names


def _file_of(model: str, accept_licence: str | None) -> Path:
    """The file of a model, or the checkpoint that somebody else has trained."""
    from gantool.training import foreign

    path = Path(model)
    return path if path.suffix in foreign.KINDS else _start_of(model, accept_licence)


def _start_of(init: str, accept_licence: str | None) -> Path:
    """The folder of a run, or the file of a model."""
    if Path(init).is_dir():
        return Path(init)
    path = available(init, accept_licence=accept_licence)
    ask(init, path, accept_licence)
    return path


def export(
    folder: Path,
    output: Path | None = None,
    *,
    best: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> list[Path]:
    """The model files of a training run's newest checkpoint, or its best. Raises GantoolError."""
    from gantool.training.settings import Settings

    settings = Settings.read(folder)
    function, _ = function_of(settings.recipe)
    from gantool.export import export_run

    system = function(**settings.options)
    return export_run(system, folder, settings, output, metadata or {}, best=best)


def evaluate(
    model: str,
    dataset: Path,
    *,
    split: str | None = None,
    made_from: str | None = None,
    side: int | None = None,
    limit: int | None = None,
    features: Path | None = None,
    device: str = "auto",
    accept_licence: str | None = None,
) -> Evaluation:
    """A measurement of a model, or of a training run's, on `dataset`: `.run()` does it.

    `side` is the short side that pictures are brought to; None: that of the model's training, 0: as
    they are.

    Raises UsageError where nothing there can be compared, ModelError, DeviceError.
    """
    from gantool import evaluation
    from gantool.training.samples import Choices

    is_run = model not in registry().models and Path(model).is_dir()
    if is_run:
        session = _run_model(Path(model), device)
    else:
        session = load(model, device=device, accept_licence=accept_licence)
    side = session.contract.side if side is None else side
    choices = Choices(split, made_from, side or None, limit, by_distance=features is not None)
    return evaluation.prepare(session, dataset, choices, features)


def _run_model(folder: Path, device: str) -> Session:
    """Of a run's newest checkpoint; exported for this once where that has not been done."""
    from gantool.evaluation import exported

    if not (folder / "run.json").is_file():
        raise UsageError(f"{folder}: no training run (no run.json in it), nor a model file")
    with tempfile.TemporaryDirectory() as aside:
        name = f"{folder.resolve().name}.onnx"
        models = exported(folder) or export(folder, Path(aside, name))
        if len(models) > 1:
            names = ", ".join(path.name for path in models)
            raise UsageError(f"{folder}: makes several models, {names}: export it and name one")
        return load(str(models[0]), device=device)

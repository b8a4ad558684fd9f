"""A training run: a folder with its settings, its log and its checkpoints.

`run.json` rebuilds the system, `metrics.jsonl` has a line per logged step, `checkpoints/` what
resuming needs.
"""

import dataclasses
import json
import platform
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gantool import __version__, atomic
from gantool.errors import DeviceError, UsageError
from gantool.training import checkpoint, preview
from gantool.training.ema import Ema
from gantool.training.loop import Progress, train
from gantool.training.options import Presets, TrainOptions, resolve
from gantool.training.system import Batch

if TYPE_CHECKING:
    from gantool.training.options import Recipe

LOG_EVERY, SAVE_EVERY, PREVIEW_EVERY = 50, 1000, 1000
PREVIEW_STEP = 2**40
"""The batch of a step that is never reached."""
PREVIEW_ROWS = 4


@dataclass(frozen=True)
class Settings:
    """What decides the result of a run; the content of `run.json`."""

    recipe: str
    options: Mapping[str, Any]
    dataset: str
    """Name of the folder trained on."""
    steps: int
    seed: int = 0
    precision: str = "fp32"
    versions: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: {
            "gantool": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        }
    )

    @classmethod
    def read(cls, folder: Path) -> "Settings":
        """Raises UsageError where `folder` is no training run."""
        try:
            return cls(**json.loads((folder / "run.json").read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{folder}: not the folder of a training run: {error}") from error

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(
            folder / "run.json", json.dumps(dataclasses.asdict(self), indent=1) + "\n"
        )


class Run:
    """A recipe's system on its way through `settings.steps`, kept in `folder`.

    `step` is how far it has come: 0, or the step of the newest checkpoint that is whole.
    """

    def __init__(
        self, recipe: "Recipe", folder: Path, settings: Settings, dataset: Path, device: str
    ) -> None:
        self.folder, self.settings, self.dataset, self.device = folder, settings, dataset, device
        torch.manual_seed(settings.seed)
        self.system = recipe(**settings.options)
        for network in self.system.networks.values():
            network.to(device=device)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
        self.ema = Ema(self.system.networks)
        found = next(checkpoint.usable(self.checkpoints), None)
        self.step = checkpoint.load(found, self.system, self.ema) if found else 0

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def finished(self) -> bool:
        return self.step >= self.settings.steps

    def train(
        self,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        preview_every: int = PREVIEW_EVERY,
    ) -> Generator[Progress, None, None]:
        """Yields after every step; saves now and then, and when it is stopped between two steps.

        `max_steps` and `max_seconds` only stop this session: what is trained does not depend
        on them.
        """
        data = self.system.dataset(self.dataset)
        self.settings.write(self.folder)
        self._forget_later_steps()
        shown = data.batch(self.settings.seed, PREVIEW_STEP)
        last = min(self.settings.steps, self.step + (max_steps or self.settings.steps))
        deadline = time.monotonic() + (float("inf") if max_seconds is None else max_seconds)
        steps = train(
            self.system,
            data,
            self.ema,
            first=self.step,
            steps=self.settings.steps,
            seed=self.settings.seed,
            precision=self.settings.precision,
            device=self.device,
        )
        saved = self.step
        try:
            for progress in steps:
                self.step = progress.step
                self._log(progress)
                if self.step % SAVE_EVERY == 0:
                    saved = self._save()
                if self.step in (1, last) or self.step % preview_every == 0:
                    self._preview(shown)
                yield progress
                if self.step >= last or time.monotonic() >= deadline:
                    break
        except (Exception, KeyboardInterrupt):
            saved = self.step  # stopped within a step: some weights have moved, others have not
            raise
        finally:
            steps.close()
            if self.step > saved:
                self._save()

    @torch.no_grad()
    def _preview(self, batch: Batch) -> None:
        """What the averaged weights make of a batch that no step trains on."""
        placed = {name: tensor[:PREVIEW_ROWS].to(self.device) for name, tensor in batch.items()}
        with torch.random.fork_rng():  # looking does not change what comes
            columns = self.system.preview(self.ema.networks, placed)
        preview.save(self.folder / "previews", self.step, columns)

    def _forget_later_steps(self) -> None:
        """Out of the log: steps after the checkpoint that goes on; they come again."""
        log = self.folder / "metrics.jsonl"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        kept = [line for line in lines if line.endswith("}\n")]
        kept = [line for line in kept if json.loads(line)["step"] <= self.step]
        if kept != lines:
            atomic.write_text(log, "".join(kept))

    def _log(self, progress: Progress) -> None:
        if progress.step % LOG_EVERY == 0 or progress.step == self.settings.steps:
            with (self.folder / "metrics.jsonl").open("a") as log:
                log.write(json.dumps(dataclasses.asdict(progress)) + "\n")

    def _save(self) -> int:
        checkpoint.save(self.checkpoints, self.step, self.system, self.ema)
        return self.step


def prepare(
    recipe: str, function: "Recipe", presets: Presets, dataset: Path, options: TrainOptions
) -> Run:
    """A new run, or with `resume` the one that is in its folder.

    Raises UsageError where the folder is in use, and where a run that goes on is given other
    options than it was started with.
    """
    folder = options.output or Path(f"{dataset.resolve().name}-{recipe}")
    started = (folder / "run.json").exists()
    if started and not options.resume:
        raise UsageError(f"{folder}: a training run already: go on with --resume, or choose -o")
    if not dataset.is_dir():
        raise UsageError(f"{dataset}: no such folder: give a folder of pictures to train on")
    if options.precision not in (None, "fp32", "bf16"):
        raise UsageError(f"--precision {options.precision}: there are fp32 and bf16")
    values = resolve(function, presets, options.preset, options.given)
    steps = values.pop("steps")
    if started:
        settings = _same(folder, Settings.read(folder), recipe, {**values, "steps": steps}, options)
    else:
        name, precision = dataset.resolve().name, options.precision or "fp32"
        settings = Settings(recipe, values, name, steps, options.seed, precision)
    return Run(function, folder, settings, dataset, device(options.device))


def _same(
    folder: Path, saved: Settings, recipe: str, values: Mapping[str, Any], options: TrainOptions
) -> Settings:
    """`saved`, if what was given agrees with it; only the precision may change."""
    if saved.recipe != recipe:
        raise UsageError(f"{folder}: a run of {saved.recipe}, not of {recipe}")
    before = {**saved.options, "steps": saved.steps}
    for key in (name.replace("-", "_") for name in options.given):
        if values[key] != before[key]:
            raise UsageError(f"{folder}: was started with {key}={before[key]}, and keeps it")
    return dataclasses.replace(saved, precision=options.precision or saved.precision)


def device(name: str) -> str:
    """torch's device for `--device name`. Raises DeviceError where it is not available."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name != "cpu" and not (name.startswith("cuda") and torch.cuda.is_available()):
        raise DeviceError(f"--device {name}: this PyTorch cannot use it; try --device cpu")
    return name

"""A training run: a folder with its settings, its log and its checkpoints.

`run.json` rebuilds the system, `metrics.jsonl` has a line per logged step and event,
`checkpoints/` what resuming needs, `previews/` sheets of samples that are held out.
"""

from collections.abc import Generator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gantool import atomic
from gantool.errors import GantoolError, UsageError
from gantool.training import checkpoint, layouts, preview, weights
from gantool.training.batches import collate
from gantool.training.degrade import Bytes
from gantool.training.ema import Ema
from gantool.training.loop import How, Progress, train
from gantool.training.monitors import Event, distance
from gantool.training.networks.unet import UnetGenerator
from gantool.training.settings import Settings
from gantool.training.system import Batch, Dataset, Prepared, System
from gantool.training.workers import Workers

if TYPE_CHECKING:
    from gantool.training.options import Recipe

ASIDES = f"{atomic.ASIDE}*"
"""Files that a kill has left behind."""
HELD_OUT = 2**40
"""The step whose samples are looked at; it is never reached."""
OTHER = 1_000_003
"""Between the seed of a run and that of the samples after a setback."""
LOOKED_AT, SHOWN = 8, 4
"""Samples that the monitors look at, and those of them that a preview sheet shows."""


class Run:
    """A recipe's system on its way through `settings.steps`, kept in `folder`.

    `step` is how far it has come: 0, or the step of the newest checkpoint that is whole.
    """

    system: System
    ema: Ema
    step: int
    damaged: list[Path]
    """Checkpoints that were passed over for an older one that is whole."""
    setbacks: int
    """How often the run has gone back; each time other samples follow."""

    def __init__(
        self,
        recipe: "Recipe",
        folder: Path,
        settings: Settings,
        dataset: Path,
        *,
        workers: Workers | None = None,
        init: Path | None = None,
    ) -> None:
        self.recipe, self.folder, self.settings, self.dataset = recipe, folder, settings, dataset
        self.workers, self.init = workers or Workers(), init
        self._build()

    @property
    def checkpoints(self) -> Path:
        return self.folder / checkpoint.FOLDER

    @property
    def finished(self) -> bool:
        return self.step >= self.settings.steps

    def data(self) -> tuple[Dataset, Batch]:
        """What to train on, and samples held out of it, or where there are none, of it.

        Raises UsageError, before anything is written, where it cannot be trained on.
        """
        held_out = self.system.dataset(self.dataset, layouts.held_out(self.dataset))
        samples = collate(held_out, self.settings.seed, HELD_OUT, range(LOOKED_AT))
        data = self.system.dataset(self.dataset, "train")
        self.workers.check(data.size, self.settings.accumulate)
        return data, samples

    def begin(self) -> None:
        """Make the folder, or tidy it after a kill.

        Foreign weights are saved first: the run is then one of its own.
        """
        if self.workers.first:
            for left in (*self.folder.glob(ASIDES), *self.folder.glob(f"previews/{ASIDES}")):
                if left.is_file():
                    left.unlink()
            if self.init is not None and self.step == 0:
                self._write(checkpoint.Facts(), [checkpoint.memory(self.system)])
            self.settings.write(self.folder)

    def steps(self, data: Dataset) -> Generator[Progress, None, None]:
        """Train on, to the end; whoever iterates may stop between two steps."""
        had = self.settings
        seed = had.seed + OTHER * self.setbacks
        how = How(seed, had.precision, had.accumulate, self.workers, self._memory_format())
        return train(self.system, data, self.ema, how, first=self.step, steps=had.steps)

    def pace(self, steps: int = 3) -> float:
        """Seconds of a step, tried out; nothing of it is kept.

        Without the wait for data that a training has prepared before it begins.
        """
        data, _ = self.data()
        once = isinstance(data, Prepared)
        tried = [
            progress.seconds - once * progress.waited
            for progress in islice(self.steps(data), steps)
        ]
        self._build()
        return min(tried, default=0.0)

    def save(self, samples: Batch) -> None:
        """A checkpoint of this step, by all processes together."""
        memories = self.workers.gather(checkpoint.memory(self.system))
        if self.workers.first:
            self._write(checkpoint.Facts(distance(self.look(samples)), self.setbacks), memories)

    def go_back(self) -> Event:
        """To the newest checkpoint, from where other samples follow.

        Raises GantoolError where the run has been there before.
        """
        lost, setbacks = self.step, self.setbacks
        self._build()
        if self.setbacks < setbacks:
            raise GantoolError(
                f"{self.folder}: step {lost}: no finite loss, also after going back to step "
                f"{self.step}: lower the rate, or train with --precision fp32"
            )
        self.setbacks += 1
        return Event("rollback", f"step {lost}: no finite loss: back to step {self.step}")

    @torch.no_grad()
    def look(self, samples: Batch) -> Mapping[str, Tensor]:
        """What the averaged weights make of the samples: the columns of the preview."""
        placed = {name: tensor.to(self.workers.device) for name, tensor in samples.items()}
        return self.system.preview(self.ema.networks, placed)

    def show(self, samples: Batch) -> Bytes:
        """A preview sheet, H×W×3; the first process writes it into the folder."""
        columns = {title: each[:SHOWN] for title, each in self.look(samples).items()}
        sheet = preview.sheet(columns)
        if self.workers.first:
            preview.save(self.folder / "previews", self.step, sheet, tuple(columns))
        return sheet

    def _build(self) -> None:
        """Everything as the newest whole checkpoint has it, or as it starts."""
        torch.manual_seed(self.settings.seed)
        self.system = self.recipe(**self.settings.options)
        found = next(checkpoint.usable(self.checkpoints), None)
        newer = checkpoint.newest_first(self.checkpoints)
        self.damaged = newer[: newer.index(found)] if found else newer
        if self.init is not None and found is None:
            weights.load(self.init, self.system)
        elif self.settings.init and found is None:
            raise UsageError(f"{self.folder}: no whole checkpoint: give --init once more")
        for network in self.system.networks.values():
            network.to(device=self.workers.device)
            network.to(memory_format=self._memory_format())  # type: ignore[call-overload]  # missing in its stubs
        self.ema = Ema(self.system.networks)
        self.step = self.setbacks = 0
        if found is not None:
            rank = self.workers.rank
            self.step = checkpoint.load(found, self.system, self.ema, rank=rank)
            self.setbacks = checkpoint.facts_of(found).setbacks

    def _memory_format(self) -> torch.memory_format:
        """Of pictures and weights: channels last, which is faster by a tenth. Not so on a CPU
        where there is a U-Net: its inner levels have more weights than pixels.
        """
        networks = self.system.networks.values()
        deep = any(isinstance(network, UnetGenerator) for network in networks)
        contiguous = deep and self.workers.device == "cpu"
        return torch.contiguous_format if contiguous else torch.channels_last

    def _write(self, facts: checkpoint.Facts, memories: Sequence[Mapping[str, Tensor]]) -> None:
        checkpoint.save(self.checkpoints, self.step, self.system, self.ema, memories, facts)

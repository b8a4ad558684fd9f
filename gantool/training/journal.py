"""What a run says of itself: `metrics.jsonl`, and TensorBoard's files where they are asked for."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gantool import atomic
from gantool.errors import UsageError
from gantool.training.degrade import Bytes
from gantool.training.loop import Progress
from gantool.training.monitors import Event

NAME = "metrics.jsonl"


class Journal:
    """Appends lines of JSON, each with its `step`, to `folder/metrics.jsonl`.

    One that is not active writes nothing. Raises UsageError where TensorBoard is wanted and is not
    installed.
    """

    def __init__(self, folder: Path, *, tensorboard: bool = False, active: bool = True) -> None:
        self.file, self.active = folder / NAME, active
        self.board = _board(folder / "tensorboard") if tensorboard and active else None

    def progress(self, progress: Progress) -> None:
        """A line with the losses of a step."""
        self._append(progress_line(progress))
        if self.board is not None:
            for name, value in progress.losses.items():
                self.board.add_scalar(name, value, progress.step)

    def event(self, step: int, event: Event) -> None:
        """A line that says what was noticed."""
        self._append(event_line(step, event))
        if self.board is not None:
            self.board.add_text(event.kind, event.text, step)

    def sheet(self, step: int, sheet: Bytes) -> None:
        """A preview, H×W×3; only TensorBoard has it."""
        if self.board is not None:
            self.board.add_image("preview", sheet, step, dataformats="HWC")

    def forget_after(self, step: int) -> None:
        """Out of the log: lines of later steps, which come again, and one that was cut off."""
        if not self.active or not self.file.exists():
            return
        lines = self.file.read_text().splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] <= step]
        if kept != lines:
            atomic.write_text(self.file, "".join(kept))

    def close(self) -> None:
        if self.board is not None:
            self.board.close()

    def _append(self, line: Mapping[str, Any]) -> None:
        if self.active:
            with self.file.open("a") as log:
                log.write(json.dumps(line) + "\n")


def progress_line(progress: Progress) -> dict[str, Any]:
    """What the log says of a step."""
    return {name: value for name, value in asdict(progress).items() if value != ()}


def event_line(step: int, event: Event) -> dict[str, Any]:
    """What the log says of an event."""
    return {"step": step, "event": event.kind, "text": event.text}


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("--tensorboard: pip install tensorboard") from error
    return SummaryWriter(folder)

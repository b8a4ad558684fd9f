"""What every run can be told, and the names that are taken by it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

COMMANDS = frozenset(
    ("run", "train", "export", "recipes", "data", "evaluate", "models", "plugins", "doctor")
    + ("bench", "compare", "completion")
)
"""Names that no task may take."""


@dataclass(frozen=True)
class RunOptions:
    """What every task can be told beside its own options."""

    output: Path | None = None
    device: str = "auto"
    tile: str = "auto"
    overwrite: bool = False
    format: str | None = None
    quality: int | None = None


RUN_OPTIONS = frozenset(entry.name for entry in dataclasses.fields(RunOptions))

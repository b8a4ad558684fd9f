"""What becomes of the items of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

UP_TO_DATE = "up to date"
FOREIGN = "there already, not made by gantool"
THERE = "there already"
ELSEWHERE = "done by another run"


@dataclass(frozen=True)
class Started:
    """The model has begun with an item."""

    source: Path


@dataclass(frozen=True)
class Advanced:
    """A film is on its way."""

    source: Path
    frames: int
    """That are done, those of earlier runs with them."""
    total: int
    """Of the film, about; 0 where nothing tells."""
    fps: float
    """Frames a second in this run, of late."""


@dataclass(frozen=True)
class Told:
    """Something to know about an item that is being done."""

    source: Path
    note: str


@dataclass(frozen=True)
class Done:
    """A finished item and the files it gave."""

    source: Path
    outputs: tuple[Path, ...]
    seconds: float = field(default=0.0, compare=False)
    """That the model took."""
    notes: tuple[str, ...] = ()
    """What could not be taken along, a line each."""
    frames: int = 0
    """Of a film."""
    resumed: int = 0
    """Of these, what an earlier run had made."""
    figures: Mapping[str, float] = field(default_factory=dict, hash=False)
    """What the task measured of a picture, by name."""


@dataclass(frozen=True)
class Failed:
    """An item that could not be done, and why, in one line; the others go on."""

    source: Path
    reason: str


@dataclass(frozen=True)
class Skipped:
    """An item that is left alone, and why."""

    source: Path
    target: Path
    reason: str


Outcome: TypeAlias = Started | Advanced | Told | Done | Failed | Skipped

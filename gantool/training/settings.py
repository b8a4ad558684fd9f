"""What decides the result of a run: the content of its `run.json`."""

import dataclasses
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gantool import __version__, atomic
from gantool.errors import UsageError

FILE = "run.json"


@dataclass(frozen=True)
class Settings:
    """A recipe with its options, the data, and how the loop works through them."""

    recipe: str
    options: Mapping[str, Any]
    dataset: str
    """Name of the folder trained on."""
    steps: int
    seed: int = 0
    precision: str = "fp32"
    accumulate: int = 1
    init: str = ""
    """The model whose weights the training started from."""
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
            return cls(**json.loads((folder / FILE).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{folder}: not the folder of a training run: {error}") from error

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(folder / FILE, json.dumps(dataclasses.asdict(self), indent=1) + "\n")

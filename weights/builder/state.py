"""What a build has done: `build.json` in its folder, written after each step of it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gantool import atomic
from gantool.errors import UsageError

FILE = "build.json"


@dataclass
class Done:
    """Of one phase: what defines it, and what became of it."""

    made: dict[str, Any]
    """Everything that decides its result; a later command must ask for the same."""
    steps: int = 0
    """Chosen by the time there was, 0 where the recipe file's hold."""
    step: int = 0
    """The step it came to."""
    seconds: float = 0.0
    """Of the session that finished it."""
    done: bool = False


@dataclass
class State:
    """Of a whole build."""

    folder: Path
    phases: dict[str, Done] = field(default_factory=dict)
    model: dict[str, str] = field(default_factory=dict)
    """The exported file's sha256 and what it was exported with."""
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Results of gates and figures, by command and sha256."""

    @classmethod
    def read(cls, folder: Path) -> "State":
        path = folder / FILE
        if not path.exists():
            return cls(folder)
        try:
            said = json.loads(path.read_text())
            phases = {name: Done(**each) for name, each in said["phases"].items()}
            return cls(folder, phases, said["model"], said["checks"])
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{path}: not of a build: {error}: remove it, or choose -o") from error

    def write(self) -> None:
        said = {
            "phases": {name: asdict(each) for name, each in self.phases.items()},
            "model": self.model,
            "checks": self.checks,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic.write_text(self.folder / FILE, json.dumps(said, indent=1) + "\n")

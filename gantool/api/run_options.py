"""What every run can be told, and the names that are taken by it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool.errors import UsageError

COMMANDS = frozenset(
    ("run", "train", "export", "recipes", "data", "evaluate", "models", "plugins", "doctor")
    + ("bench", "compare", "completion")
)
"""Names that no task may take."""
EXISTS = ("auto", "skip", "overwrite", "rename", "error")
METADATA = ("keep", "strip", "keep-no-gps")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class RunOptions:
    """What every task can be told beside its own options."""

    output: Path | None = None
    device: str = "auto"
    tile: str = "auto"
    exists: str = "auto"
    overwrite: bool = False
    format: str | None = None
    quality: int | None = None
    metadata: str = "keep"
    provenance: bool = True
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    limit: int | None = None
    shard: str = "1/1"
    max_pixels: str = "250M"
    jobs: int = 1
    fail_fast: bool = False

    def checked(self) -> RunOptions:
        """Raises UsageError for a value that there is not."""
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"--quality {self.quality}: must be 1 to 100")
        for option, value, known in (
            ("exists", self.exists, EXISTS),
            ("metadata", self.metadata, METADATA),
        ):
            if value not in known:
                raise UsageError(f"--{option} {value}: there are {', '.join(known)}")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit}: must be 1 or more")
        if self.jobs < 1:
            raise UsageError(f"--jobs {self.jobs}: must be 1 or more")
        if self.overwrite and self.exists not in ("auto", "overwrite"):
            raise UsageError(f"--overwrite: not with --exists {self.exists}: leave one of them out")
        pixels(self.max_pixels)
        return self


def pixels(text: str | int) -> int:
    """`400M` → 400,000,000. Raises UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", str(text).strip().lower())
    if match is None or not float(match[1]):
        raise UsageError(f"--max-pixels {text}: as in 400M, for 400 megapixels")
    return int(float(match[1]) * _UNITS[match[2]])


RUN_OPTIONS = frozenset(entry.name for entry in dataclasses.fields(RunOptions))
TALK = frozenset(("inputs", "quiet", "verbose", "yes", "demo", "dry_run", "json", "report"))
"""What the command line asks besides; no task may take these names either."""

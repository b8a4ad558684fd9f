"""What every run can be told, and the names that are taken by it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.media.video.wishes import Wishes

COMMANDS = frozenset(
    ("run", "pipe", "train", "export", "recipes", "data", "evaluate", "models", "plugins", "doctor")
    + ("bench", "compare", "completion")
)
"""Names that no task may take."""
EXISTS = ("auto", "skip", "overwrite", "rename", "error")
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
METADATA = ("keep", "strip", "keep-no-gps")
COPIES = ("copy", "none")
FILM = (
    *("codec", "crf", "pix_fmt", "depth", "audio", "subs", "start", "end", "fps"),
    *("deinterlace", "tonemap"),
)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class RunOptions:
    """What every task can be told beside its own options."""

    output: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    tile: str = "auto"
    exists: str = "auto"
    overwrite: bool = False
    format: str | None = None
    quality: int | None = None
    metadata: str = "keep"
    provenance: bool = True
    accept_licence: str | None = None
    offline: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    limit: int | None = None
    shard: str = "1/1"
    max_pixels: str = "250M"
    jobs: int = 1
    fail_fast: bool = False
    codec: str | None = None
    crf: int | None = None
    pix_fmt: str | None = None
    depth: str = "keep"
    audio: str = "copy"
    subs: str = "copy"
    start: str | None = None
    end: str | None = None
    fps: float | None = None
    raw: str | None = None
    deinterlace: bool = False
    tonemap: bool = False

    def films(self) -> Wishes:
        """What of this is about films. Raises UsageError."""
        from gantool.media.video.kinds import HOLDS
        from gantool.media.video.wishes import Wishes, seconds

        for option, value, known in (
            ("codec", self.codec or "h264", tuple(HOLDS)),
            ("depth", self.depth, ("keep", "8")),
            ("audio", self.audio, COPIES),
            ("subs", self.subs, COPIES),
        ):
            if value not in known:
                raise UsageError(f"--{option} {value}: there are {', '.join(known)}")
        start = seconds(self.start, "--start") if self.start else 0.0
        end = seconds(self.end, "--end") if self.end else None
        if end is not None and end <= start:
            raise UsageError(f"--end {self.end}: must be after --start {self.start or 0}")
        if self.crf is not None and not 0 <= self.crf <= 63:
            raise UsageError(f"--crf {self.crf}: must be 0 to 63")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise UsageError(f"--fps {self.fps:g}: must be above 0 and at most 1000")
        values = {each: getattr(self, each) for each in FILM if each not in ("start", "end")}
        return Wishes(**values, start=start, end=end)

    def about_films(self) -> dict[str, object]:
        """Those options of films that are not as usual."""
        usual = RunOptions()
        values = {each: getattr(self, each) for each in FILM}
        return {key: value for key, value in values.items() if value != getattr(usual, key)}

    def checked(self) -> RunOptions:
        """Raises UsageError for a value that there is not."""
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"--quality {self.quality}: must be 1 to 100")
        for option, value, known in (
            ("precision", self.precision, PRECISIONS),
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
        self.films()
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

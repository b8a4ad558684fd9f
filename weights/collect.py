"""Collect what a build has made into few small files, to be brought home.

    python weights/collect.py OUT RUN [RUN ...]

writes OUT/NAME.tar (model file, reports, logs, last previews, model files of phases) and
OUT/NAME-checkpoints.tar (the newest checkpoint of each phase, the last phase first, as far as they
fit; of one that does not fit, its averaged weights). Unpacked into one folder, both are the run:
`build.py` goes on with it.
"""

import argparse
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

MIB = 2**20
LOGS = ("run.json", "metrics.jsonl")
OVERHEAD = 2048
"""Bytes of a tar for each file, at most, beside its content."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0; what is left out is said on stderr."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--limit", type=int, default=16, metavar="MIB", help="of each file")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    for run in given.runs:
        limit = given.limit * MIB
        collect(run, _results(run), given.output / f"{run.name}.tar", limit)
        found = list(_checkpoints(run, limit))
        collect(run, found, given.output / f"{run.name}-checkpoints.tar", limit)
    return 0


def collect(run: Path, files: Sequence[Path], tar: Path, limit: int) -> None:
    """Write a tar of at most `limit` bytes, with names from the run's folder on, in this order."""
    room = limit - 10 * OVERHEAD
    with tarfile.open(tar, "w") as archive:
        for file in files:
            room -= file.stat().st_size + OVERHEAD
            if room < 0:
                print(f"collect: {file} is left out: {tar} is full", file=sys.stderr)
                room += file.stat().st_size + OVERHEAD
                continue
            archive.add(file, f"{run.name}/{file.relative_to(run)}")
    print(f"{tar.stat().st_size / MIB:6.1f} MiB  {tar}")


def _results(run: Path) -> list[Path]:
    """The most important first."""
    files = [*sorted(run.glob("*.onnx")), *sorted(run.glob("*.json")), *sorted(run.glob("*.md"))]
    for phase in sorted(run.glob("phases/*/")):
        files += [phase / name for name in LOGS if (phase / name).is_file()]
    files += sorted(run.glob("phases/*.onnx"))
    for phase in sorted(run.glob("phases/*/")):
        files += sorted(phase.glob("previews/step_*.png"))[-1:]
    return files


def _checkpoints(run: Path, limit: int) -> Iterator[Path]:
    """Whole ones as long as there is room, then averaged weights alone."""
    newest = [found for phase in run.glob("phases/*/") if (found := _newest(phase))]
    for checkpoint in sorted(newest, key=lambda path: path.stat().st_mtime, reverse=True):
        files = sorted(path for path in checkpoint.iterdir() if path.is_file())
        size = sum(path.stat().st_size + OVERHEAD for path in files)
        if size <= limit - 10 * OVERHEAD:
            limit -= size
            yield from files
        else:
            limit -= (checkpoint / "ema.safetensors").stat().st_size + OVERHEAD
            yield checkpoint / "ema.safetensors"


def _newest(phase: Path) -> Path | None:
    found = [path for path in phase.glob("checkpoints/step_*") if path.name[5:].isdecimal()]
    return max(found, key=lambda path: int(path.name[5:]), default=None)


if __name__ == "__main__":
    sys.exit(main())

"""Folders of small pictures of every format, and what a run made of them."""

import json
from pathlib import Path

import numpy as np

from gantool.atomic import ASIDE
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.media.places import BESIDE, RESULTS

KINDS = [".jpg", ".png", "16.png", "16.tif", ".tif", ".webp", "grey.png", "grey.jpg", "alpha.png"]
KINDS += ["alpha.webp", "grey16.png", "alpha16.png", ".bmp", ".JPG"]
"""Endings of names; what stands before the dot says what is in there."""
PLUGIN = '''
import numpy as np
from gantool import Pipeline, hookimpl

def top(frame):
    return np.iinfo(frame.dtype).max

def same() -> Pipeline:
    """Nothing."""
    return Pipeline((), lambda frame: frame, scale=1)

def twice(*, strength: int = 1) -> Pipeline:
    """A picture and its negative."""
    def process(frame):
        return {"": frame // strength, "negative": top(frame) - frame // strength}
    return Pipeline((), process, scale=1, results=("", "negative"))

def unsaid(*, suffix: str = "mask") -> Pipeline:
    """A picture, and another one that it does not tell of before."""
    return Pipeline((), lambda frame: {"": frame, suffix: top(frame) - frame}, scale=1)

@hookimpl
def gantool_tasks():
    return [same, twice, unsaid]
'''


def plant(folder: Path, count: int, *, broken: int = 0, large: bool = False) -> Path:
    """`count` pictures of all kinds in nested folders, always the same, the last ones broken."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        path = folder / ["", "a", "a/b", "c ü"][number % 4] / f"{number}{kind}"
        if number >= count - broken:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        else:
            picture(path, number, (1000, 1500) if large and number == 1 else None)
    return folder


def picture(path: Path, number: int, size: tuple[int, int] | None = None) -> Path:
    """Picture `number`: smooth, so that it is small, and of what its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(number)
    height, width = size or (int(drawn.integers(9, 40)), int(drawn.integers(9, 60)))
    kind = np.uint16 if "16" in path.stem else np.uint8
    most = np.iinfo(kind).max
    rows, columns = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[:, None]
    frame = ((rows + columns * drawn.random(3)) / 2 * most).astype(kind)
    grey = "grey" in path.stem
    alpha = (rows[..., 0] * np.ones(width) * most).astype(kind) if "alpha" in path.stem else None
    frame = np.repeat(frame[..., :1], 3, axis=2) if grey else frame
    write_image(path, frame, Carry(grey=grey, alpha=alpha, mtime_ns=(10**9 + number) * 10**9))
    return path


def content(folder: Path) -> dict[str, bytes]:
    """The files that are there for everybody, by their names below `folder`."""
    return {name: path.read_bytes() for name, path in _files(folder) if not _is_hidden(path)}


def hidden(folder: Path) -> set[str]:
    """Files that are neither results nor manifests."""
    manifests = (f"{RESULTS}", f"{BESIDE}")
    return {
        name
        for name, path in _files(folder)
        if _is_hidden(path) and not (path.name.startswith(manifests) and path.suffix == ".jsonl")
    }


def asides(folder: Path) -> set[str]:
    """Files that somebody was writing."""
    return {name for name in hidden(folder) if Path(name).name.startswith(ASIDE)}


def identities(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What changes when a file is written again, even with the same bytes."""
    stats = {name: path.stat() for name, path in _files(folder) if not _is_hidden(path)}
    return {name: (s.st_ino, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats.items()}


def untouched(folder: Path) -> dict[str, tuple[bytes, int]]:
    """What must not change of inputs."""
    return {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in _files(folder)}


def site(folder: Path) -> Path:
    """A folder for PYTHONPATH, in which a plugin is installed with the tasks above."""
    about = folder / "gantool_laws-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gantool-laws\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gantool]\nlaws = gantool_laws\n")
    (folder / "gantool_laws.py").write_text(PLUGIN)
    return folder


def events(out: str, name: str) -> list[dict[str, object]]:
    """Those of the events that a run printed."""
    entries = [json.loads(line) for line in out.splitlines()]
    return [each for each in entries if each["event"] == name]


def _files(folder: Path) -> list[tuple[str, Path]]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path) for path in found]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")

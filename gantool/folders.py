"""Where gantool keeps what: XDG folders, unless the environment names others."""

import os
from pathlib import Path

CACHE = "GANTOOL_CACHE_DIR"
SHARED = "GANTOOL_MODELS"


def data() -> Path:
    """`$XDG_DATA_HOME/gantool`, `~/.local/share` by default: what is the user's own."""
    root = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(root) / "gantool"


def cache(*names: str) -> Path:
    """What can be made or fetched again, and may be deleted at any time.

    `$GANTOOL_CACHE_DIR/…`, else `$XDG_CACHE_HOME/gantool/…`, `~/.cache` by default.
    """
    if own := os.environ.get(CACHE):
        return Path(own, *names)
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root, "gantool", *names)


def shared_models() -> tuple[Path, ...]:
    """Folders of models that are only read: `$GANTOOL_MODELS`, a list as PATH is one."""
    listed = os.environ.get(SHARED, "").split(os.pathsep)
    return tuple(Path(each) for each in listed if each)

"""Folders for what can be made again: they may be deleted at any time."""

import os
from pathlib import Path


def folder(*names: str) -> Path:
    """`$XDG_CACHE_HOME/gantool/…`, `~/.cache` by default."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root, "gantool", *names)

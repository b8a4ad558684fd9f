"""Writes the completions and the manual page: python completions/generate.py [FOLDER].

They tell of the plugins that pyproject.toml names, whatever else is installed here.
"""

import os
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path

from gantool import plugin_manager
from gantool.cli import commands, completion, man_page
from gantool.cli.app import build

PROJECT = Path(__file__).parent.parent


def main(into: Path) -> None:
    """`into` gets completions/ and man/."""
    plugin_manager._entries = _shipped  # before anything is loaded
    with tempfile.TemporaryDirectory() as nothing:
        os.environ |= {"XDG_DATA_HOME": nothing, "XDG_CACHE_HOME": nothing}
        root = build()
        words = completion.table(root)
    for shell, name in completion.SHELLS.items():
        _write(into / "completions" / name, completion.script(shell, words))
    _write(into / "man" / "gantool.1", man_page.page(commands.read(root)))


def _shipped(group: str) -> Iterable[EntryPoint]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = project["entry-points"].get(group, {})
    return [EntryPoint(name, value, group) for name, value in entries.items()]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else PROJECT)

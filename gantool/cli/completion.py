"""`gantool completion`, and the file that shells read at every Tab instead of starting Python."""

import contextlib
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer._click import core as click

from gantool import __version__, api, atomic, folders, store
from gantool.cli import commands, word_table
from gantool.errors import GantoolError, PluginError
from gantool.recipe_notes import Notes

SHELLS = {
    "bash": "gantool.bash",
    "zsh": "_gantool",
    "fish": "gantool.fish",
    "powershell": "gantool.ps1",
}
"""The scripts, as the shells want them named."""
HERE = Path(__file__).parent
QUOTED = {
    "bash": {"'": r"'\''"},
    "zsh": {"'": r"'\''"},
    "fish": {"\\": r"\\", "'": r"\'"},
    "powershell": {},
}
"""What stands between quotes there in another way, in the order in which it is replaced."""
PLACE = "@TABLE@\n"
Shell = Literal["bash", "zsh", "fish", "powershell"]


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish|powershell", help="Whose.")],
) -> None:
    """Print the script that makes Tab complete, in your shell.

    Commands, options, models, styles and files.

    \b
    bash  gantool completion bash > ~/.local/share/bash-completion/completions/gantool
    zsh   gantool completion zsh > ~/.zfunc/_gantool, with fpath+=~/.zfunc before compinit
    fish  gantool completion fish > ~/.config/fish/completions/gantool.fish
    PowerShell  gantool completion powershell >> $PROFILE
    """
    sys.stdout.write(script(shell, table(context.find_root().command)))


def script(shell: str, words: str) -> str:
    """The script of a shell, with the table that it reads where the file is not there."""
    text = (HERE / "shells" / SHELLS[shell]).read_text(encoding="utf-8")
    for letter, written in QUOTED[shell].items():
        words = words.replace(letter, written)
    return text.replace(PLACE, words)


def table(root: click.Command) -> str:
    """What can follow what, of all that is installed."""
    registry = api.registry()
    own = store.folder()
    known = word_table.Known(
        models=dict(sorted(registry.models.items())),
        own=frozenset(
            name for name, each in registry.models.items() if Path(each.source).is_relative_to(own)
        ),
        recipes=dict(_recipes(registry.recipes)),
        tasks=tuple(sorted(registry.tasks)),
        devices=frozenset(_devices()),
    )
    return word_table.table(commands.read(root), known)


def refresh(root: click.Command) -> None:
    """Bring the shells' file up to date where something was installed, imported or removed.

    Says nothing where that cannot be: nobody asked for it.
    """
    with contextlib.suppress(Exception):  # a stranger's option may be of any kind
        state, file = f"# {_state()}", folders.cache("completions.tsv")
        if _first_line(file) != state:
            atomic.make_folder(file.parent)
            atomic.write_text(file, f"{state}\n{table(root)}")


def remember_devices(working: Iterable[str]) -> None:
    """Only these are offered from now on; `gantool doctor` has tried them all."""
    with contextlib.suppress(GantoolError):
        atomic.make_folder(folders.cache())
        atomic.write_text(folders.cache("devices"), "\n".join(sorted(working)))


def _recipes(names: Iterable[str]) -> Iterator[tuple[str, Notes]]:
    for name in sorted(names):
        with contextlib.suppress(PluginError):  # one without its source
            yield name, api.recipe_notes(name)


def _devices() -> list[str]:
    try:
        return folders.cache("devices").read_text().split()
    except (OSError, ValueError):
        return []


def _state() -> str:
    """Changes with everything that the table is made of."""
    registry = api.registry()
    made_of = (
        __version__,
        HERE.stat().st_mtime_ns,  # a checkout keeps its version
        [(str(plugin), plugin.problem) for plugin in registry.plugins],
        [(name, _changed(task.__module__)) for name, task in registry.tasks.items()],
        list(registry.models.values()),
        [(entry.name, entry.value) for entry in registry.recipes.values()],
        _devices(),
    )
    return hashlib.sha256(repr(made_of).encode()).hexdigest()


def _changed(module: str) -> int:
    """When the file of a module was last written."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).stat().st_mtime_ns if file else 0


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\n")
    except (OSError, ValueError):
        return ""

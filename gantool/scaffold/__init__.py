"""Writes the project of a new plugin: one that installs, passes its tests and lints as it is.

The folders here are its files, `project` those of every kind; `$name` and the like are filled in,
in their paths too.
"""

import ast
import builtins
import functools
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Literal

from gantool import atomic
from gantool.errors import UsageError

Kind = Literal["task", "recipe"]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 24
"""Letters of a name, for lines of less than a hundred with it in them."""
KINDS: tuple[Kind, ...] = ("task", "recipe")


def write(name: str, kind: Kind, into: Path, taken: frozenset[str] = frozenset()) -> Path:
    """The new folder `into/gantool-NAME`, whole or not there; `taken` are names that others have.

    Raises UsageError for a name that cannot be one, and where that folder exists.
    """
    name = checked(name, taken)
    folder = into / f"gantool-{name}"
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder}: there already: choose another name, or remove it")
    with atomic.write_folder(folder) as aside:
        for path, text in files(name, kind):
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            (aside / path).write_text(text, encoding="utf-8")
    return folder


def checked(name: str, taken: frozenset[str] = frozenset()) -> str:
    """`name` without `gantool-` before it. Raises UsageError where it cannot be a plugin's."""
    short = name.removeprefix("gantool-")
    function = short.replace("-", "_")
    if not NAME.fullmatch(short) or len(short) > LONGEST:
        most = f"{LONGEST} of a-z and 0-9 at most, - between words, a letter first"
        raise UsageError(f"{name}: no name for a plugin: {most}, as in haze")
    if keyword.iskeyword(function) or hasattr(builtins, function) or function in own_words():
        raise UsageError(f"{name}: a word of Python or of the template: choose another name")
    if short in taken:
        raise UsageError(f"{name}: gantool or a plugin has this name: choose another")
    return short


def files(name: str, kind: Kind) -> Iterator[tuple[Path, str]]:
    """Path and text of each file of the project."""
    function = name.replace("-", "_")
    words = {"name": name, "function": function, "package": f"gantool_{function}"}
    words["title"] = "".join(word.capitalize() for word in name.split("-"))
    for room in ("project", kind):
        folder = Path(__file__).parent / room
        for file in sorted(folder.rglob("*.in")):
            path = str(file.relative_to(folder)).removesuffix(".in")
            text = file.read_text(encoding="utf-8")
            yield Path(Template(path).substitute(words)), Template(text).substitute(words)


@functools.cache
def own_words() -> frozenset[str]:
    """What the templates call things themselves, in lower case: a plugin's name would hide it."""
    texts = [file for kind in KINDS for file in files("a-name", kind)]
    trees = [ast.parse(text) for path, text in texts if path.suffix == ".py"]
    found = (_names(node) for tree in trees for node in ast.walk(tree))
    return frozenset(name.lower() for names in found for name in names)


def _names(node: ast.AST) -> list[str]:
    """Those that `node` binds or uses."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Name):
        return [node.id]
    return [node.arg] if isinstance(node, ast.arg) else []

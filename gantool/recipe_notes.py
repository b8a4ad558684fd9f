"""What a recipe says of itself, read from its source: nothing of it is imported, torch neither."""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from gantool.errors import PluginError


@dataclass(frozen=True)
class Option:
    """A parameter of the recipe, as written there."""

    name: str
    kind: str
    default: str


@dataclass(frozen=True)
class Notes:
    """Summary and explanation from the docstrings, options from the signature, presets."""

    name: str
    summary: str
    explanation: str
    source: str
    """Which paper, from the module's docstring."""
    options: tuple[Option, ...]
    presets: Mapping[str, Mapping[str, Any]]

    def chosen(self, option: str) -> list[str]:
        """What each preset sets `option` to; empty where it leaves the default."""
        return [str(values.get(option, "")) for values in self.presets.values()]


def read(entry: EntryPoint) -> Notes:
    """The notes of the recipe behind `entry`. Raises PluginError where its source is not there."""
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise PluginError(
            f"recipe {entry.name}: no module {entry.module}: install its plugin again"
        )
    tree = ast.parse(Path(spec.origin).read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if entry.attr not in functions:
        raise PluginError(f"recipe {entry.name}: no function {entry.attr} in {entry.module}")
    function = functions[entry.attr]
    summary, _, explanation = (ast.get_docstring(function) or "").partition("\n\n")
    _, _, source = (ast.get_docstring(tree) or "").partition("\n\n")
    presets = next(_presets(tree), {})
    return Notes(
        entry.name, summary, explanation, _joined(source), tuple(_options(function)), presets
    )


def _options(function: ast.FunctionDef) -> Iterator[Option]:
    arguments = function.args
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        yield Option(argument.arg, kind, ast.unparse(default) if default else "")


def _presets(tree: ast.Module) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    for node in tree.body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "PRESETS"
            and node.value is not None
        ):
            yield ast.literal_eval(node.value)


def _joined(text: str) -> str:
    return " ".join(text.split())

"""What a recipe says of itself, read from its source: nothing of it is imported, torch neither.

The conventions, for a module with a recipe function in it:

- The second paragraph of the module's docstring begins with the citation: «Isola et al., «Title»,
  2017.» Authors up to the first comma and the last year make the short form.
- The function's summary ends with what it trains on: «Data: pairs.»
- The paragraphs below say what its options mean, with units: «crop: side of a square, pixels.
  beta1, beta2: of Adam.» A sentence before the first name explains the recipe as a whole.
- `PRESETS` and `COST` are literals: `COST: Mapping[str, str] = {"tiny": "2 min", "full": "1 day"}`
  says what each preset takes on two CPU cores.
"""

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from gantool.errors import PluginError

DATA = re.compile(r"\s*Data: (.+?)\.(?= |$)")
YEAR = re.compile(r"\b(?:19|20)\d\d\b(?!\.\d)")
"""Not the first half of an arXiv number."""
MEANT = re.compile(r"(?:^|(?<=\. ))(\w+(?:, \w+)*): ")
"""The names before a meaning."""
EMPTY = '""'


@dataclass(frozen=True)
class Option:
    """A parameter of the recipe; `default` and `kind` as the command line writes them."""

    name: str
    kind: str
    """`N` a whole number, `X` any number, `MODEL` a name or file, `a|b` a choice; else the type as
    annotated."""
    default: str
    meaning: str = ""

    @property
    def flag(self) -> str:
        """`--made-from`; what keeps a name from being a keyword is dropped: `from_` is `--from`."""
        return "--" + self.name.rstrip("_").replace("_", "-")


@dataclass(frozen=True)
class Notes:
    """What the module's docstring says of a recipe; empty where it says nothing."""

    name: str
    summary: str
    data: str
    """The layout it trains on."""
    explanation: str
    """What is said below the summary and is no option's meaning."""
    citation: str
    options: tuple[Option, ...]
    presets: Mapping[str, Mapping[str, Any]]
    cost: Mapping[str, str]
    """Time on two CPU cores, by preset."""
    steps: str = ""
    """What a step is, where the recipe says it."""

    @property
    def paper(self) -> str:
        """`Isola et al. 2017`; empty where no authors or no year are cited."""
        authors, comma, rest = self.citation.partition(",")
        years = YEAR.findall(rest)
        return f"{authors} {years[-1]}" if comma and years else ""

    def chosen(self, option: str) -> list[str]:
        """What each preset sets `option` to; empty where it leaves the default."""
        return [
            _written(values[option]) if option in values else "" for values in self.presets.values()
        ]


def titles(recipes: Mapping[str, EntryPoint], tasks: Iterable[str]) -> dict[str, str]:
    """One name of each recipe function and the title with all of them: `own-name (task)`."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, entry in recipes.items():
        names.setdefault(_place(entry), []).append(name)
    return dict(_title(group, set(tasks)) for group in names.values())


def _title(names: list[str], tasks: set[str]) -> tuple[str, str]:
    own = [name for name in names if name not in tasks]
    aliases = [name for name in names if name in tasks]
    if not own or not aliases:
        return names[0], ", ".join(names)
    return own[0], f"{', '.join(own)} ({', '.join(aliases)})"


def read(entry: EntryPoint) -> Notes:
    """The notes of the recipe behind `entry`. Raises PluginError where they cannot be read."""
    module, name = _place(entry)
    try:
        return _notes(entry.name, _source(module), name)
    except (PluginError, OSError, SyntaxError, ValueError, TypeError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise PluginError(f"recipe {entry.name} cannot be read: {why}") from error


def _place(entry: EntryPoint) -> tuple[str, str]:
    """Module and function; EntryPoint's own properties fail on a value that is no such pair."""
    module, _, name = entry.value.partition(":")
    return module.strip(), name.partition("[")[0].strip()


def _notes(recipe: str, tree: ast.Module, name: str) -> Notes:
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        raise PluginError(f"no function {name} in its module")
    function = functions[name]
    summary, *paragraphs = _paragraphs(function)
    data = DATA.search(summary)
    explanation, meanings = _meanings(" ".join(paragraphs), _arguments(function).keys() | {"steps"})
    presets = _constant(tree, "PRESETS")
    if strange := [name for name, values in presets.items() if not isinstance(values, dict)]:
        raise PluginError(f"its preset {strange[0]} is no mapping from options to values")
    return Notes(
        name=recipe,
        summary=DATA.sub("", summary),
        data=data[1] if data else "",
        explanation=explanation,
        citation=[*_paragraphs(tree), ""][1],
        options=tuple(_options(function, tree, meanings)),
        presets=presets,
        cost={preset: str(time) for preset, time in _constant(tree, "COST").items()},
        steps=meanings.get("steps", ""),
    )


def _source(module: str) -> ast.Module:
    """The module's source, parsed."""
    spec = _spec(module)
    if spec is None or spec.origin is None:
        raise PluginError(f"no module {module}: install its plugin again")
    return ast.parse(Path(spec.origin).read_bytes(), spec.origin)


def _has_source(module: str) -> bool:
    spec = _spec(module)
    return spec is not None and str(spec.origin).endswith(".py")


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is; the packages around it are not imported either."""
    first, *below = module.split(".")
    spec = importlib.util.find_spec(first)
    for name in below:
        folders = list(spec.submodule_search_locations or ()) if spec else []
        spec = PathFinder.find_spec(name, folders)
    return spec


def _options(
    function: ast.FunctionDef, tree: ast.Module, meanings: Mapping[str, str]
) -> Iterator[Option]:
    for name, (annotation, default) in _arguments(function).items():
        kind = _kind(annotation, tree) if annotation else ""
        yield Option(name, kind, _default(default), meanings.get(name, ""))


def _arguments(function: ast.FunctionDef) -> dict[str, tuple[ast.expr | None, ast.expr | None]]:
    """Annotation and default of each parameter, in order."""
    every = function.args
    placed = [*every.posonlyargs, *every.args]
    required = [None] * (len(placed) - len(every.defaults))
    defaults = [*required, *every.defaults, *every.kw_defaults]
    pairs = zip([*placed, *every.kwonlyargs], defaults, strict=True)
    return {argument.arg: (argument.annotation, default) for argument, default in pairs}


def _kind(annotation: ast.expr, tree: ast.Module) -> str:
    """How a value is written; of a union the first type counts, as where it is parsed."""
    match annotation:
        case ast.Constant(value=str(text)):
            return _kind(ast.parse(text, mode="eval").body, tree)
        case ast.Name(id=name) if name in (assigned := _assigned(tree)):
            return _kind(assigned[name], tree)
        case ast.Name(id=name) if (origin := _imported(tree).get(name)) and _has_source(origin[0]):
            return _kind(ast.Name(origin[1]), _source(origin[0]))
        case ast.BinOp(left=first, op=ast.BitOr()):
            return _kind(first, tree)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return "|".join(text for each in values if (text := _default(each)) != EMPTY)
    text = ast.unparse(annotation)
    return {"int": "N", "float": "X", "ModelFile": "MODEL"}.get(text, text)


def _default(default: ast.expr | None) -> str:
    if default is None:
        return ""
    return _written(default.value) if isinstance(default, ast.Constant) else ast.unparse(default)


def _written(value: object) -> str:
    """A value as the command line takes it; nothing for None, which it cannot take."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) or EMPTY


def _meanings(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """What comes before the first option's meaning, and the meanings by name."""
    spelled = {spelling: name for name in names for spelling in (name, name.rstrip("_"))}
    heads = [head for head in MEANT.finditer(text) if spelled.keys() >= set(head[1].split(", "))]
    ends = [*(head.start() for head in heads), len(text)][1:]
    meanings = {
        spelled[word]: text[head.end() : end].strip().removesuffix(".")
        for head, end in zip(heads, ends, strict=True)
        for word in head[1].split(", ")
    }
    return text[: heads[0].start()].strip() if heads else text, meanings


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What the module's own names are set to, with and without annotation."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id: node.value for each in targets if isinstance(each, ast.Name)}
    return found


def _imported(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Names that the module has from others: theirs, and the names there."""
    nodes = (node for node in tree.body if isinstance(node, ast.ImportFrom) and not node.level)
    return {
        each.asname or each.name: (node.module or "", each.name)
        for node in nodes
        for each in node.names
    }


def _constant(tree: ast.Module, name: str) -> dict[str, Any]:
    """The mapping of that name, empty where there is none."""
    node = _assigned(tree).get(name, ast.Dict(keys=[], values=[]))
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise PluginError(f"its {name} must be written out, without anything to compute") from error
    if not isinstance(value, dict):
        raise PluginError(f"its {name} is no mapping")
    return value


def _paragraphs(node: ast.Module | ast.FunctionDef) -> list[str]:
    """Of its docstring, each in one line; at least one."""
    return [" ".join(text.split()) for text in (ast.get_docstring(node) or "").split("\n\n")]

"""What can follow what on the command line, as lines of text that every shell reads alike.

A line has four fields between tabs: the commands it is for, separated by commas, `.` for gantool
itself; the word; what the word takes; its help. The word is a command, an option, or the place of
an argument: `1`, `2`, `*`. It takes `>` (more commands), `.` (nothing), or values separated by
spaces, of which `<file>` and `<folder>` stand for what is on the disk and `-` for what nobody can
know.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gantool.cli.commands import Command, Parameter
from gantool.pipeline import Model
from gantool.recipe_notes import Notes

BELOW, NOTHING, UNKNOWN, FILE, FOLDER = ">", ".", "-", "<file>", "<folder>"
PLACES = {"INPUT": FILE, "PATH": FILE, "FOLDER": FOLDER, "DATASET": FOLDER, "OUT": FOLDER}
PLACES |= {"RUN": FOLDER, "FILE": FILE, "PHOTO": FILE}
LITERAL = re.compile(r"[a-z0-9][a-z0-9-]*")
NUMBER = "[:N]"
"""After a device of which there may be several."""
TRAIN = "gantool train"
HELP_LENGTH = 80


@dataclass(frozen=True)
class Known:
    """What depends on the installation."""

    models: Mapping[str, Model]
    own: frozenset[str]
    """Models that the user has imported."""
    recipes: Mapping[str, Notes]
    tasks: tuple[str, ...]
    devices: frozenset[str] = field(default_factory=frozenset)
    """Those that were seen to work; empty where nobody has looked."""


def table(root: Command, known: Known) -> str:
    """The lines for `root` and all below it; what several commands have in common is one line."""
    commands: dict[tuple[str, str, str], list[str]] = {}
    for path, word, takes, text in _rows(root, known):
        paths = commands.setdefault((word, takes, _short(text)), [])
        below = path.partition(" ")[2] or "."
        if below not in paths:
            paths.append(below)
    lines = ("\t".join((",".join(paths), *row)) for row, paths in commands.items())
    return "\n".join(lines) + "\n"


Row = tuple[str, str, str, str]


def _rows(command: Command, known: Known) -> Iterator[Row]:
    for each in command.commands:
        yield command.path, each.name, BELOW, each.summary
    if command.path == TRAIN:
        yield from _training(command, known)
    else:
        yield from _own_rows(command.path, command.parameters, known)
    for each in command.commands:
        yield from _rows(each, known)


def _training(train: Command, known: Known) -> Iterator[Row]:
    """A recipe is completed like a command: its own options come after it."""
    recipe, *others = train.parameters
    options = [each for each in others if each.flags]
    yield from _own_rows(train.path, options, known)
    for name, notes in known.recipes.items():
        yield train.path, name, BELOW, notes.summary
        path = f"{train.path} {name}"
        for option in notes.options:
            yield path, option.flag, _recipe_takes(option.kind), option.meaning
        yield from _own_rows(path, others, known)


def _recipe_takes(kind: str) -> str:
    """Choices; a text may be a file's name."""
    if "|" in kind:
        return kind.replace("|", " ")
    return FILE if kind in ("str", "Path", "MODEL") else UNKNOWN


def _own_rows(path: str, parameters: Iterable[Parameter], known: Known) -> Iterator[Row]:
    place = 0
    for each in parameters:
        place += not each.flags
        for word in each.flags or ("*" if each.many else str(place),):
            yield path, word, NOTHING if each.switch else _takes(path, each, known), each.help


def _takes(path: str, parameter: Parameter, known: Known) -> str:
    values = list(parameter.words)
    for kind in parameter.metavar.strip("[]").split("|"):
        values += _values(kind, path, parameter, known)
    whole = [value for value in dict.fromkeys(values) if not re.search(r"[\s,]", value)]
    return " ".join(whole) or UNKNOWN


def _values(kind: str, path: str, parameter: Parameter, known: Known) -> Iterable[str]:
    """What a part of a metavar stands for: `cpu`, `FILE`, `NAME`."""
    task = path.partition(" ")[2]
    if kind == "NAME":
        return _named(path, task, parameter, known)
    if kind == "MODEL":
        return (*known.models, FILE)
    if kind == "TASK":
        return known.tasks
    place = PLACES.get(kind.partition(".")[0])
    if place is not None:
        return (place,)
    word = kind.removesuffix(NUMBER.rstrip("]")).removesuffix(NUMBER)
    if not LITERAL.fullmatch(word):
        return ()
    if parameter.name == "device" and known.devices and word not in {"auto", *known.devices}:
        return ()
    return (word,)


def _named(path: str, task: str, parameter: Parameter, known: Known) -> Iterable[str]:
    """What `NAME` is depends on what has the name."""
    models = {name for name, model in known.models.items() if model.task == task}
    match parameter.name:
        case "model":
            return sorted(models)
        case "style":
            return sorted(name.removeprefix(f"{task}/") for name in models)
        case "accept_licence":
            return sorted({model.licence for model in known.models.values() if model.terms})
        case "device":
            return sorted(known.devices) or ("auto", "cpu", "cuda")
        case "name" if path == "gantool recipes":
            return known.recipes
        case "name" if path == "gantool models rm":
            return sorted(known.own)
        case "name" if not parameter.flags:
            return known.models
    return ()


def _short(text: str) -> str:
    """The first sentence, or its beginning; never empty, since shells would skip the field."""
    text = re.split(r"\s\[|\. |; ", " ".join(text.split()), maxsplit=1)[0].rstrip(".")
    if len(text) > HELP_LENGTH:
        text = text[:HELP_LENGTH].rpartition(" ")[0] + " …"
    return text.strip("[]") or "-"

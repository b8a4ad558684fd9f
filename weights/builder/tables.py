"""TOML tables as dataclasses: unknown keys, missing ones and wrong types are refused."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from gantool.errors import UsageError

Thing = TypeVar("Thing")


def fill_table(kind: type[Thing], said: Any, where: str = "") -> Thing:
    """Return `said` as a dataclass. Raises UsageError for keys and types that do not fit."""
    if not isinstance(said, dict):
        raise UsageError(f"{where}{said!r}: must be a table")
    known = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for key, value in said.items():
        if key not in known:
            raise UsageError(f"{where}no key {key}: {hint(key, known)}")
        wanted = typing.get_type_hints(kind)[key]
        if not _is_of(value, wanted):
            raise UsageError(f"{where}{key} = {value!r}: must be {_in_words(wanted)}")
    empty = (dataclasses.MISSING, dataclasses.MISSING)
    for key, each in known.items():
        if key not in said and (each.default, each.default_factory) == empty:
            raise UsageError(f"{where}{key} is missing")
    return kind(**said)


def _is_of(value: object, kind: Any) -> bool:
    """Tell whether a value that TOML has is of a field's type."""
    origin = typing.get_origin(kind)
    if origin is Literal:
        return value in typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(value, each) for each in typing.get_args(kind))
    if origin is Sequence:
        (item,) = typing.get_args(kind)
        return isinstance(value, list) and all(_is_of(each, item) for each in value)
    if origin is Mapping:
        (_, item) = typing.get_args(kind)
        return isinstance(value, dict) and all(_is_of(each, item) for each in value.values())
    if kind is Any:
        return True
    if kind is float:
        kind = (int, float)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _in_words(kind: Any) -> str:
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    origin = typing.get_origin(kind)
    if origin is Literal:
        return " or ".join(typing.get_args(kind))
    if origin is Sequence:
        return f"a list, each {_in_words(typing.get_args(kind)[0])}"
    return words.get(kind, "a table of texts" if origin is Mapping else "a whole number")


def refuse_unknown(what: str, name: str, known: Iterable[str]) -> None:
    """Raise UsageError, with the nearest name, where `name` is not one of the known."""
    known = list(known)
    if name not in known:
        raise UsageError(f"{what} {name or '(none)'} is not there: {hint(name, known)}")


def hint(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names as a question, or all of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"

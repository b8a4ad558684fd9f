"""Finds plugins by their entry points and collects what they give, one by one.

A broken plugin switches off itself only, and is named. Two plugins that claim one name are
settled by the sort key (distribution, entry point), the same for everybody's.
"""

import contextlib
import functools
import inspect
import re
import sys
import time
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from gantool import hookspecs, store
from gantool.errors import PluginError
from gantool.pipeline import Model, Pipeline

TaskFunction = Callable[..., Pipeline]


@dataclass(frozen=True)
class Plugin:
    """One entry point and what came of it; `problem` is empty unless it is switched off."""

    distribution: str
    version: str
    name: str
    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    models: tuple[Model, ...] = ()
    problem: str = ""
    seconds: float = 0.0
    """What importing its module took, with what no plugin before it had imported."""

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Registry:
    """All that is installed: each name belongs to the first plugin in the order of the sort key."""

    plugins: tuple[Plugin, ...]
    tasks: Mapping[str, TaskFunction]
    models: Mapping[str, Model]
    recipes: Mapping[str, EntryPoint]
    importers: Mapping[str, EntryPoint]
    """By the task whose models they make of strangers' weights."""
    clashes: tuple[str, ...]
    """One line for each name that a later plugin did not get."""

    @property
    def broken(self) -> tuple[Plugin, ...]:
        return tuple(plugin for plugin in self.plugins if plugin.problem)


@functools.cache
def load(run_options: frozenset[str], commands: frozenset[str]) -> Registry:
    """Load every installed plugin once.

    `run_options` are parameter names that no task may have, `commands` names it may not take.
    """
    plugins = tuple(collect(entry, run_options, commands) for entry in installed("gantool"))
    tasks, lost_tasks = _settle("task", ((p, p.tasks.items()) for p in plugins))
    models, lost_models = _settle("model", ((p, _by_name(p.models)) for p in plugins))
    absent, _ = _settle("model", ((p, _by_name(p.models, there=False)) for p in plugins))
    recipes, lost_recipes = _settle("recipe", _unopened("gantool.recipes"))
    importers, lost_importers = _settle("importer", _unopened("gantool.importers"))
    clashes = (*lost_tasks, *lost_models, *lost_recipes, *lost_importers)
    return Registry(plugins, tasks, {**absent, **models}, recipes, importers, clashes)


def installed(group: str) -> list[EntryPoint]:
    """The entry points of `group`, in the order of the sort key; none is imported."""
    return sorted(_entries(group), key=_order)


def _entries(group: str) -> Iterable[EntryPoint]:
    return entry_points(group=group)


def _unopened(group: str) -> Iterable[tuple[Plugin, Iterable[tuple[str, EntryPoint]]]]:
    """What each entry point of `group` gives: itself."""
    return ((_owner(entry), [(entry.name, entry)]) for entry in installed(group))


def _order(entry: EntryPoint) -> tuple[str, str]:
    owner = _owner(entry)
    return owner.distribution, owner.name


def _owner(entry: EntryPoint) -> Plugin:
    if entry.dist is None:
        return Plugin("", "", entry.name)
    return Plugin(*_named(entry.dist), entry.name)


@functools.cache
def _named(distribution: Distribution) -> tuple[str, str]:
    """Its name and version, for which its metadata are parsed anew each time."""
    return distribution.name, distribution.version


def collect(entry: EntryPoint, run_options: frozenset[str], commands: frozenset[str]) -> Plugin:
    """What the plugin behind `entry` gives; whatever it does wrong is its `problem`."""
    owner = _owner(entry)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            seconds, tasks, models = _given(entry, run_options, commands)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does while loading
        return Plugin(owner.distribution, owner.version, owner.name, problem=_line(error))
    return Plugin(owner.distribution, owner.version, owner.name, tasks, models, seconds=seconds)


def _given(
    entry: EntryPoint, run_options: frozenset[str], commands: frozenset[str]
) -> tuple[float, dict[str, TaskFunction], tuple[Model, ...]]:
    """Seconds of the import, and what the hooks give. Raises whatever is wrong with them."""
    manager = pluggy.PluginManager("gantool")  # one each: a bad one spoils no other
    manager.add_hookspecs(hookspecs)
    began = time.perf_counter()
    module = entry.load()
    seconds = time.perf_counter() - began
    manager.register(module, entry.name)
    manager.check_pending()
    tasks: dict[str, TaskFunction] = {}
    for task in _flat(manager.hook.gantool_tasks()):
        _check(_command(task), task, run_options, commands | tasks.keys())
        tasks[_command(task)] = task
    models = tuple(_flat(manager.hook.gantool_models()))
    for model in models:
        _check_model(model)
    return seconds, tasks, models


def _check(
    name: str, task: TaskFunction, run_options: frozenset[str], commands: frozenset[str]
) -> None:
    if name in commands:
        raise PluginError(f"its task {name} has the name of another command")
    for parameter in inspect.signature(task).parameters.values():
        if parameter.name in run_options:
            option = parameter.name.replace("_", "-")
            raise PluginError(f"its task {name} repeats the run option --{option}")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PluginError(f"its task {name} takes *{parameter.name}: options need names")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise PluginError(f"its task {name} takes {parameter.name} by place: drop the /")
    option_types(task)


def _check_model(model: object) -> None:
    if not isinstance(model, Model):
        raise PluginError(f"gantool_models gives {model!r}, which is not a Model")
    if not model.urls:
        return
    if not store.NAME.fullmatch(model.name):
        raise PluginError(f"its model {model.name!r} has urls, and must be called task/name")
    if not re.fullmatch("[0-9a-f]{64}", model.sha256):
        raise PluginError(f"its model {model.name} has urls, but no sha256 to check them by")


def option_types(task: TaskFunction) -> dict[str, Any]:
    """The annotations of a task's options, resolved; what it says it returns is not looked at."""
    named = {key: value for key, value in task.__annotations__.items() if key != "return"}
    options = types.SimpleNamespace(__annotations__=named)
    return typing.get_type_hints(options, globalns=task.__globals__, include_extras=True)


def _command(task: TaskFunction) -> str:
    return task.__name__.replace("_", "-")


Thing = TypeVar("Thing")


def _flat(answers: Iterable[Iterable[Thing]]) -> Iterator[Thing]:
    return (thing for answer in answers for thing in answer)


def _by_name(models: Iterable[Model], *, there: bool = True) -> list[tuple[str, Model]]:
    """Those that can be had; or those that cannot, which leave their names to whoever has one."""
    return [(each.name, each) for each in models if bool(each.source or each.urls) is there]


def _settle(
    kind: str, given: Iterable[tuple[Plugin, Iterable[tuple[str, Thing]]]]
) -> tuple[dict[str, Thing], list[str]]:
    """The first to name a thing has it; a line for each that came too late."""
    owners: dict[str, Plugin] = {}
    things: dict[str, Thing] = {}
    lost: list[str] = []
    for plugin, named in given:
        for name, thing in named:
            if name in owners:
                lost.append(f"{kind} {name}: {owners[name]} has it, {plugin} does not get it")
            else:
                owners[name], things[name] = plugin, thing
    return things, lost


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

"""`gantool plugins`: what is installed and what of it does not work; a new one, and a check."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gantool import api
from gantool.cli import show, tables
from gantool.errors import PluginError, UsageError
from gantool.plugin_manager import Plugin

app = typer.Typer(help="List installed plugins, begin and check your own.", no_args_is_help=True)


@app.command("list")
def list_plugins() -> None:
    """What each plugin brings and takes to import, and why one is off."""
    registry = api.registry()
    header = ("plugin", "from", "tasks", "models", "import", "state")
    rows = [_row(plugin) for plugin in registry.plugins]
    tables.table(header, [*rows, *_recipes_alone(registry.plugins)])
    for clash in registry.clashes:
        print(clash)


def _row(plugin: Plugin) -> Sequence[str]:
    return (
        plugin.name,
        f"{plugin.distribution} {plugin.version}",
        ", ".join(plugin.tasks),
        str(len(plugin.models)),
        "" if plugin.problem else f"{plugin.seconds * 1000:.0f} ms",
        f"off: {plugin.problem}" if plugin.problem else "works",
    )


def _recipes_alone(plugins: Sequence[Plugin]) -> Iterator[Sequence[str]]:
    """Distributions that bring recipes and nothing else; these are imported when they train."""
    known = {plugin.distribution for plugin in plugins}
    for name, entry in api.registry().recipes.items():
        if entry.dist and entry.dist.name not in known:
            yield name, f"{entry.dist.name} {entry.dist.version}", "", "0", "", "a recipe"


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called, as haze.")],
    task: Annotated[bool, typer.Option("--task", help="With a task. [default]")] = False,
    recipe: Annotated[bool, typer.Option("--recipe", help="With a recipe for training.")] = False,
) -> None:
    """Write a plugin's project: it installs, is tested and lints.

    For example: gantool plugins new haze
    """
    if task and recipe:
        raise UsageError("--task, --recipe: one of them; a project can have both later")
    folder = api.new_plugin(name, "recipe" if recipe else "task", Path())
    package = folder.name.replace("-", "_")
    show.say(
        f"now edit {folder}/src/{package}/__init__.py, then: "
        f"cd {folder} && pip install -e '.[dev]' && gantool plugins check ."
    )
    show.out(f"{folder}\n")


@app.command()
def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE|PATH",
            help="A plugin, its package, or its project's folder. [default: all but gantool's]",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Try plugins as gantool will use them: a line for each law.

    For example: gantool plugins check gantool-haze/
    """
    from gantool.testing import check_plugins

    broken = laws = 0
    for each in check_plugins(target):
        state = each.problem and f"BROKEN: {each.problem}"
        show.out(f"{each.subject:<24} {each.law:<12} {state or each.note or 'holds'}\n")
        laws, broken = laws + 1, broken + bool(each.problem)
    if broken:
        raise PluginError(f"{show.count(broken, 'law')} of {laws} broken")

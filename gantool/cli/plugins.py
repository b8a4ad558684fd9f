"""`gantool plugins`: what is installed, and what of it does not work."""

import typer

from gantool import api
from gantool.cli import tables

app = typer.Typer(help="The installed plugins.", no_args_is_help=True)


@app.command("list")
def list_plugins() -> None:
    """Every plugin with the tasks and models it brings; broken ones with the reason."""
    registry = api.registry()
    rows = [
        (
            plugin.name,
            f"{plugin.distribution} {plugin.version}",
            ", ".join(plugin.tasks),
            str(len(plugin.models)),
            f"off: {plugin.problem}" if plugin.problem else "works",
        )
        for plugin in registry.plugins
    ]
    tables.table(("plugin", "from", "tasks", "models", "state"), rows)
    for clash in registry.clashes:
        print(clash)

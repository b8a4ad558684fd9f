"""`gantool plugins`: what is installed, and what of it does not work."""

import typer
from rich.markup import escape
from rich.table import Table

from gantool import api
from gantool.cli import show

app = typer.Typer(help="The installed plugins.", no_args_is_help=True)


@app.command("list")
def list_plugins() -> None:
    """Every plugin with the tasks and models it brings; broken ones with the reason."""
    registry = api.registry()
    table = Table("plugin", "from", "tasks", "models", "state", box=None, pad_edge=False)
    for plugin in registry.plugins:
        state = f"[red]off: {escape(plugin.problem)}[/red]" if plugin.problem else "works"
        origin = f"{plugin.distribution} {plugin.version}"
        table.add_row(plugin.name, origin, ", ".join(plugin.tasks), str(len(plugin.models)), state)
    show.RESULTS.print(table)
    for clash in registry.clashes:
        show.RESULTS.print(clash, markup=False)

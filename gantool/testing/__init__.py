"""The plugin author's kit: the laws of every task, and fixtures for pytest.

`assert_task_contract(task)` tries a task as gantool will use it. The fixtures `tiny_model`,
`odd_pictures`, `pairs` and `command_line` are there wherever gantool is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantool.testing.command_line import CommandLine
    from gantool.testing.contract import Verdict, assert_task_contract, check_task
    from gantool.testing.projects import check_plugins
    from gantool.testing.tiny import TinyModel, tiny_model

_HOME = {
    "CommandLine": "command_line",
    "TinyModel": "tiny",
    "Verdict": "contract",
    "assert_task_contract": "contract",
    "check_plugins": "projects",
    "check_task": "contract",
    "tiny_model": "tiny",
}

__all__ = [
    "CommandLine",
    "TinyModel",
    "Verdict",
    "assert_task_contract",
    "check_plugins",
    "check_task",
    "tiny_model",
]


def __getattr__(name: str) -> object:
    """Imports on first use: pytest loads the fixtures in projects that have no use for them."""
    if name not in _HOME:
        raise AttributeError(f"module 'gantool.testing' has no attribute {name!r}")
    return getattr(import_module(f"gantool.testing.{_HOME[name]}"), name)
